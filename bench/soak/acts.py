"""What users do to an index, one act at a time; each raises where the answer is not the expected one."""

import hashlib
import json
import random
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urljoin

from tuf.ngclient import Updater

from bench.asks import Ask, fetch
from bench.cases import ACCEPT_JSON
from bench.distributions import make_wheel
from bench.errors import WrongAnswerError
from bench.installs.installing import Home, Installer, install_plain, install_verified
from bench.peers import page_url
from bench.uploading import encode_form
from bench.uploads.sending import BOUNDARY, Form, Sender
from bench.uploads.takers import Door

# Mixed load is spread over so many that each page stays about as it is: a watch for growth must not make what it
# watches larger. In contention, all fight for a few.
MANY = tuple(f"soaked{number:04}" for number in range(1_000))
FEW = MANY[:30]


@dataclass(slots=True)
class Uploads:
    """New releases of the projects in turn, over one connection."""

    door: Door
    projects: Sequence[str]
    uploader: int
    numbers: "count[int]" = field(default_factory=count)
    sender: Sender | None = None

    def __call__(self) -> None:
        number = next(self.numbers)
        project = self.projects[number % len(self.projects)]
        wheel = make_wheel(project, f"1.{number}.{self.uploader}", "py3-none-any")
        self.sender = self.sender or Sender(self.door)
        try:
            self.sender.send(Form(project, wheel.filename, encode_form(wheel, BOUNDARY)))
        except Exception:
            self.sender = None  # the next act begins with a new connection
            raise


@dataclass(slots=True)
class Reads:
    """A page, and a file that it lists, checked against the hash in the page; or a page for people."""

    base: str
    projects: Sequence[str]
    headers: dict[str, str]
    choice: random.Random

    def __call__(self) -> None:
        project = self.choice.choice(self.projects)
        if self.choice.random() < 0.1:
            self._get(f"{self.base}/project/{project}/", {})
            return
        page = page_url(self.base, project)
        files = json.loads(self._get(page, {"Accept": ACCEPT_JSON}))["files"]
        file = self.choice.choice(files)
        url = urljoin(page, file["url"])
        if hashlib.sha256(self._get(url, {})).hexdigest() != file["hashes"]["sha256"]:
            raise WrongAnswerError(url, "has not the hash that its page says")

    def _get(self, url: str, headers: dict[str, str]) -> bytes:
        answer = fetch(Ask(url, {**self.headers, **headers}))
        if answer.status != 200:
            raise WrongAnswerError(url, f"was answered {answer.status}: {answer.body[:200]!r}")
        return answer.body


@dataclass(slots=True)
class Verifications:
    """A python-tuf client that begins with the first root each time, and fetches what the plain page lists."""

    base: str
    projects: Sequence[str]
    choice: random.Random

    def __call__(self) -> None:
        project = self.choice.choice(self.projects)
        files = json.loads(fetch(Ask(page_url(self.base, project), {"Accept": ACCEPT_JSON})).body)["files"]
        path = f"{project}/{self.choice.choice(files)['filename']}"
        root = fetch(Ask(f"{self.base}/tuf/metadata/1.root.json")).body
        folder = Path(tempfile.mkdtemp(prefix="soak-tuf-"))
        try:
            metadata, targets = f"{self.base}/tuf/metadata/", f"{self.base}/tuf/targets/"
            updater = Updater(str(folder), metadata, target_dir=str(folder), target_base_url=targets, bootstrap=root)
            found = updater.get_targetinfo(path)
            if found is None:
                raise WrongAnswerError(path, "is listed on its page and is no target")
            updater.download_target(found)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class Installs:
    """pip and uv in turn, plainly and verified in turn."""

    base: str
    home: Home
    numbers: "count[int]" = field(default_factory=count)

    def __call__(self) -> None:
        number = next(self.numbers)
        install = install_verified if number % 2 else install_plain
        installer = Installer.UV if number // 2 % 2 else Installer.PIP
        install(installer, self.home, self.home.folder / "target", base=self.base)
