"""What an sdist must hold (source distribution format): one top folder, and PKG-INFO once in it. Pure."""

from typing import IO

from indexsite_client.protocol import DistributionFilename
from packages.archives.bounded import MAX_METADATA, Meter
from packages.archives.faults import Faults, shown
from packages.archives.gunzip import GunzipReader
from packages.archives.naming import is_named_for
from packages.archives.tarballs import Kind, TarMember, walk_tar
from packages.archives.tree import Tree
from packages.archives.zip_contents import ZipContents

PKG_INFO = "PKG-INFO"


def read_tar_sdist(named: DistributionFilename, file: IO[bytes], faults: Faults, meter: Meter) -> tuple[bytes, Tree]:
    """PKG-INFO and the tree; the whole archive is walked once, so that one cut short is refused."""
    file.seek(0)
    reader = GunzipReader(file, meter)
    tree, found = Tree(faults), b""
    for member in walk_tar(reader, meter):
        name = _cleaned(member.name)
        if name == ".":
            continue  # the folder in which it was packed
        if name.count("/") == 1 and name.endswith(f"/{PKG_INFO}"):
            if member.kind is not Kind.FILE or member.size > MAX_METADATA:
                faults.member(name, f"is no plain file of at most {MAX_METADATA} bytes", mend="build the sdist again")
            else:
                found = reader.read(member.size)
        _add(tree, name, member, faults)
    tree.finish()
    check_sdist(named, tree, faults)
    return found, tree


def _cleaned(name: str) -> str:
    """Without the "./" that older tools put before each name, and the slash after a folder's."""
    name = name.rstrip("/") if len(name) > 1 else name
    while name.startswith("./"):
        name = name[2:]
    return name


def _add(tree: Tree, name: str, member: TarMember, faults: Faults) -> None:
    if member.kind is Kind.FOLDER:
        tree.add_folder(name)
    elif member.kind is Kind.FILE:
        tree.add_file(name)
    elif member.kind is Kind.SYMLINK:
        tree.add_symlink(name, member.target)
    elif member.kind is Kind.HARDLINK:
        tree.add_hardlink(name, _cleaned(member.target))
    else:
        faults.member(name, "is a device or a pipe, for which sdists have no use", mend="leave it out")


def read_zip_sdist(named: DistributionFilename, file: IO[bytes], faults: Faults, meter: Meter) -> tuple[bytes, Tree]:
    """PKG-INFO and the tree of an sdist of the older kind, a zip archive."""
    contents = ZipContents(file, faults, meter)
    found = b""
    for placed in contents.placed:
        name = placed.member.name
        if name.count("/") == 1 and name.endswith(f"/{PKG_INFO}") and not placed.member.is_folder:
            found = contents.read(placed, most=MAX_METADATA) or b""
        else:
            contents.check(placed)
    check_sdist(named, contents.tree, faults)
    return found, contents.tree


def check_sdist(named: DistributionFilename, tree: Tree, faults: Faults) -> None:
    """One top folder of the project's name and version, with PKG-INFO once in it."""
    names = tree.names
    tops = {name.partition("/")[0] for name in names}
    loose = [name for name in tree.files if "/" not in name]
    if len(tops) != 1 or loose:
        listed = ", ".join(shown(each) for each in sorted(tops)[:3])
        faults.add(
            f"it must have exactly one top folder and nothing beside it, but has {listed or 'nothing'}"
            + (" and more" if len(tops) > 3 else ""),
            mend="pack the folder, not what is in it",
        )
    if len(tops) == 1 and not is_named_for(named, top := min(tops)):
        faults.add(
            f"its top folder {shown(top)} is not named for {named.project} {named.version}",
            mend=f"build it again, or name it '{named.project.replace('-', '_')}-{named.version}'",
        )
    copies = [name for name in names if name.count("/") == 1 and name.casefold().endswith("/pkg-info")]
    if len(copies) != 1 or not copies[0].endswith(PKG_INFO):
        faults.add(
            f"it must hold {PKG_INFO} in its top folder exactly once, however its name is spelled, "
            f"but has {', '.join(map(shown, sorted(copies)[:3])) or 'none'}",
            mend="build it with a tool that writes PKG-INFO",
        )
