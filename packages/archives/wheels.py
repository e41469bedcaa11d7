"""What a wheel must hold (binary distribution format): one .dist-info folder, a true WHEEL and RECORD. Pure."""

from collections.abc import Iterable
from typing import IO

from indexsite_client.protocol import DistributionFilename
from packages.archives.bounded import MAX_METADATA, Meter
from packages.archives.faults import Faults, shown
from packages.archives.naming import is_named_for
from packages.archives.records import MAX_RECORD, Record
from packages.archives.tree import Tree
from packages.archives.wheel_tags import check_wheel_file
from packages.archives.zip_contents import ZipContents

MAX_WHEEL = 64 * 1024
_INFO, _DATA = ".dist-info", ".data"
_INTO_SITE_PACKAGES = {"purelib", "platlib"}


def read_wheel(named: DistributionFilename, file: IO[bytes], faults: Faults, meter: Meter) -> tuple[bytes, Tree]:
    """METADATA and the tree. RECORD is unpacked first and tells what to compute, then every other member once."""
    contents = ZipContents(file, faults, meter)
    info = _find_info(named, contents.tree, faults)
    files = {placed.member.name: placed for placed in contents.placed if not placed.member.is_folder}
    needed = [f"{info}/{name}" for name in ("RECORD", "METADATA", "WHEEL")]
    if missing := [path for path in needed if path not in files]:
        for path in missing:
            faults.add(f"it must hold {path} exactly once, but lacks it", mend="build the wheel again")
        raise faults.refusal()
    record_path, metadata_path, wheel_path = needed
    record = Record(info, contents.read(files[record_path], most=MAX_RECORD) or b"", faults)
    kept = {metadata_path: MAX_METADATA, wheel_path: MAX_WHEEL}
    read = _compare_all(contents, record, record_path, kept)
    record.finish()
    if wheel_path in read:
        check_wheel_file(named, read[wheel_path], faults)
    return read.get(metadata_path, b""), contents.tree


def _compare_all(contents: ZipContents, record: Record, own: str, kept: dict[str, int]) -> dict[str, bytes]:
    """Unpack every member and compare it with its line; the contents of those to be kept, by name."""
    read: dict[str, bytes] = {}
    for placed in contents.placed:
        name = placed.member.name
        if placed.member.is_folder:
            contents.check(placed)
            continue
        line = record.take_line(name)
        if name == own:
            continue  # unpacked already
        hasher = line.new_hasher() if line else None
        if name in kept:
            content = contents.read(placed, most=kept[name])
            if is_sound := content is not None:
                read[name] = content
                if hasher:
                    hasher.update(content)
        else:
            is_sound = contents.check(placed, hasher.update if hasher else len)
        if is_sound and line and hasher:
            record.compare(name, line, digest=hasher.digest(), size=placed.member.size)
    return read


def _find_info(named: DistributionFilename, tree: Tree, faults: Faults) -> str:
    """The name of the .dist-info folder; raises ArchiveFaultyError where there is not exactly one."""
    tops = {name.partition("/")[0] for name in tree.names}
    infos = sorted(top for top in tops if top.casefold().endswith(_INFO))
    if len(infos) != 1:
        faults.add(
            f"it must hold one .dist-info folder of its project exactly once, not {len(infos)}", mend="build it again"
        )
        raise faults.refusal()
    info = infos[0]
    if not is_named_for(named, info.removesuffix(_INFO)):
        faults.add(
            f"its folder {shown(info)} is not named for {named.project} {named.version}",
            mend="build it again instead of renaming the file",
        )
    _check_data(tops, info, faults)
    _check_collisions(info, tree.files, faults)
    return info


def _check_data(tops: Iterable[str], info: str, faults: Faults) -> None:
    data = info.removesuffix(_INFO) + _DATA
    for top in sorted(tops):
        if top.casefold().endswith(_DATA) and top != data:
            faults.add(
                f"its folder {shown(top)} must be called {shown(data)}, like its .dist-info",
                mend="build it again instead of renaming the file",
            )


def _check_collisions(info: str, files: Iterable[str], faults: Faults) -> None:
    """Note what would take the place of metadata: names that differ by case, .dist-info folders that .data plants."""
    seen: dict[str, str] = {}
    for name in sorted(files):
        if name.startswith(f"{info}/"):
            folded = name.casefold()
            if folded in seen:
                faults.member(name, f"differs from {shown(seen[folded])} only by case", mend="keep one of them")
            seen[folded] = name
        steps = name.casefold().split("/")
        if len(steps) > 3 and steps[0].endswith(_DATA) and steps[1] in _INTO_SITE_PACKAGES and steps[2].endswith(_INFO):
            faults.member(name, "would be installed as another distribution's .dist-info", mend="leave it out")
