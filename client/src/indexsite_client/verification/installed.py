"""`indexsite verify --environment`: the files of installed distributions against the wheels that the index vouches for.

It compares files, not the past: it shows that what lies there now is what the index has, not that nothing else ran
meanwhile. Compiled files under `__pycache__`, the starters of entry points and headers are made on the spot, so they
are counted and not compared.
"""

import fnmatch
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from packaging.tags import parse_tag
from packaging.utils import parse_wheel_filename
from packaging.version import InvalidVersion, Version

from indexsite_client import protocol
from indexsite_client.errors import ProjectNotFoundError, VerificationError
from indexsite_client.protocol import NormalizedName, PageFile, ProtocolError
from indexsite_client.session import VerifiedSession
from indexsite_client.verification.environments import Environment, Installed, installed_in
from indexsite_client.verification.wheels import MAX_SCRIPT, WheelContents, read_wheel

_FEW = 5  # wheels that are fetched on the chance that one of them is it
_INSTALLERS = frozenset(["INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json", "uv_build.json"])


class State(StrEnum):
    """How an installed distribution stands to the index."""

    SAME = "same"
    DIFFERENT = "different"
    FOREIGN = "not from this index"
    UNTOLD = "cannot be told"


@dataclass(frozen=True, slots=True)
class Difference:
    """One file: `changed`, `missing` or `surplus`."""

    kind: str
    path: str


@dataclass
class DistributionReport:
    """The answer about one distribution."""

    name: str
    version: str
    state: State
    reason: str = ""
    wheel: str = ""
    differences: list[Difference] = field(default_factory=list)


@dataclass
class EnvironmentReport:
    """The answer about an environment; `surplus` belongs to no distribution."""

    distributions: list[DistributionReport] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)
    compiled: int = 0
    generated: int = 0
    elsewhere: int = 0
    ignored: int = 0

    @property
    def is_different(self) -> bool:
        return bool(self.surplus) or any(each.state is State.DIFFERENT for each in self.distributions)

    @property
    def is_whole(self) -> bool:
        return all(each.state is State.SAME for each in self.distributions)


def verify_environment(
    session: VerifiedSession, environment: Environment, *, ignore: Iterable[str] = ()
) -> EnvironmentReport:
    """Compare every file there; raises ClientError where the index cannot be asked or trusted."""
    look = _Look(session, environment, tuple(ignore))
    for installed in installed_in(environment):
        look.report.distributions.append(look.at(installed))
    look.for_surplus()
    return look.report


class _Look:
    def __init__(self, session: VerifiedSession, environment: Environment, ignore: tuple[str, ...]) -> None:
        self._session, self._environment, self._ignore = session, environment, ignore
        self._owned: set[Path] = set()
        self.report = EnvironmentReport()

    def at(self, installed: Installed) -> DistributionReport:
        """One distribution: find its wheel in the index, and compare."""
        report = DistributionReport(installed.name, installed.version, State.UNTOLD)
        candidates, report.state, report.reason = self._candidates(installed)
        compared = [self._compare(installed, file) for file in candidates]
        if report.reason:  # its tags fit no name, but a wheel may have got another name: its WHEEL is the same then
            compared = [each for each in compared if all(Path(found.path).name != "WHEEL" for found in each[2])]
        if not compared:
            self._owned |= set(installed.recorded) | {path for path in installed.folder.iterdir() if path.is_file()}
            return report
        file, contents, differences = min(compared, key=lambda each: len(each[2]))
        self._owned |= {*contents.files, *contents.scripts, *contents.rewritten, *contents.generated}
        self._owned |= {installed.folder / name for name in _INSTALLERS}
        self._owned |= {Path(os.path.normpath(self._environment.prefix / each.path)) for each in differences}
        self.report.generated += sum(path.exists() for path in contents.generated)
        self.report.elsewhere += contents.elsewhere
        report.wheel, report.differences, report.reason = file.filename, differences, ""
        report.state = State.DIFFERENT if differences else State.SAME
        return report

    def _candidates(self, installed: Installed) -> tuple[list[PageFile], State, str]:
        """The wheels that it may be; a reason says why it is probably none of them."""
        if installed.origin:
            how = "an editable installation" if installed.is_editable else "installed from a URL or a folder"
            return [], State.UNTOLD, f"It is {how}: {installed.origin[:200]}"
        try:
            project, version = protocol.normalize_name(installed.name), Version(installed.version)
            page = self._session.page(project)
        except (ProtocolError, InvalidVersion):
            return [], State.FOREIGN, "Its name or version is none that an index has."
        except ProjectNotFoundError:
            return [], State.FOREIGN, "The index has no such project."
        files = [file for file in page.files if protocol.parse_distribution_filename(file.filename).version == version]
        if not files:
            return [], State.FOREIGN, "The index has the project, but not this version."
        wheels = [file for file in files if file.filename.endswith(".whl")]
        fitting = [file for file in wheels if _tags(file) == _expanded(installed.tags)]
        if fitting:
            return fitting, State.UNTOLD, ""
        if wheels:
            reason = "The index has wheels of this version, but none with its tags: it was built here."
            return wheels if len(wheels) <= _FEW else [], State.UNTOLD, reason
        return [], State.UNTOLD, "The index has only an sdist of this version: it was built here."

    def _compare(self, installed: Installed, file: PageFile) -> tuple[PageFile, WheelContents, list[Difference]]:
        project = NormalizedName(protocol.parse_distribution_filename(file.filename).project)
        with self._session.file(project, file.filename) as wheel:
            try:
                contents = read_wheel(wheel, installed.library, self._environment)
            except VerificationError as error:
                raise VerificationError(f"{file.filename}: {error}") from error
        return file, contents, list(self._differences(installed, contents))

    def _differences(self, installed: Installed, contents: WheelContents) -> Iterator[Difference]:
        for path, digest in sorted([*contents.files.items(), *contents.scripts.items()]):
            actual = _sha256(path, after_first_line=path in contents.scripts)
            if actual != digest:
                yield Difference("missing" if not os.path.lexists(path) else "changed", self._shown(path))
        for path in sorted(contents.rewritten):
            if path.name == "RECORD" and not path.is_file():
                yield Difference("missing", self._shown(path))
        known = {*contents.files, *contents.scripts, *contents.rewritten, *contents.generated}
        known |= {installed.folder / name for name in _INSTALLERS}
        for path in sorted(set(installed.recorded) - known):
            if not self._is_compiled(path, known) and os.path.lexists(path):
                yield Difference("surplus", self._shown(path))

    def for_surplus(self) -> None:
        """Note what lies in the libraries and belongs to no distribution: Python would import it as well."""
        for library in self._environment.libraries:
            for folder, folders, names in os.walk(library):
                links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
                for name in sorted([*names, *links]):
                    path = Path(folder, name)
                    if path in self._owned:
                        continue
                    if self._is_compiled(path, self._owned):
                        self.report.compiled += 1
                    elif any(fnmatch.fnmatch(str(path.relative_to(library)), pattern) for pattern in self._ignore):
                        self.report.ignored += 1
                    else:
                        self.report.surplus.append(self._shown(path))

    def _is_compiled(self, path: Path, known: set[Path]) -> bool:
        """Whether Python has made this file of a known one. A `.pyc` anywhere else would be imported by itself."""
        if path.parent.name != "__pycache__" or path.suffix != ".pyc":
            return False
        return path.parent.parent / f"{path.name.partition('.')[0]}.py" in known

    def _shown(self, path: Path) -> str:
        return os.path.relpath(path, self._environment.prefix)


def _tags(file: PageFile) -> frozenset[str]:
    return frozenset(map(str, parse_wheel_filename(file.filename)[3]))


def _expanded(tags: Iterable[str]) -> frozenset[str]:
    """Single tags: some builders write compressed sets into WHEEL."""
    return frozenset(str(each) for tag in tags if tag.count("-") == 2 for each in parse_tag(tag))


def _sha256(path: Path, *, after_first_line: bool) -> str:
    """The hash of a regular file; empty where there is none that can be read."""
    try:
        if not path.is_file():
            return ""
        with open(path, "rb") as file:
            if not after_first_line:
                return hashlib.file_digest(file, "sha256").hexdigest()
            file.readline(MAX_SCRIPT)
            return hashlib.sha256(file.read(MAX_SCRIPT)).hexdigest()
    except OSError:
        return ""
