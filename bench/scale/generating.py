"""Plausible projects and files, the same every time, each made from its number alone.

A project has a page and eleven files: six releases, of which five have a wheel too.
"""

import hashlib
from array import array

from indexsite_client.protocol import Bins, Json, NormalizedName, file_target_path, page_target_path
from tufsigning.core.documents import target_entry

OF_A_PROJECT = 12  # targets
_WHEELS = ("py3-none-any", "py2.py3-none-any", "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64")
_PIECES = (
    "web data api http json test lib py django flask async core tool client server graph image text stats parser simple"
    " fast micro cloud sync queue cache crypto model view schema table query math plot geo audio video"
)
_WORDS = _PIECES.split()
_SOUNDS = "ba co di fu ge hi jo ka le mi no pa qui ro su ta ve wo xi yu zen lor mar tin"
_SYLLABLES = _SOUNDS.split()


def project_name(number: int) -> NormalizedName:
    """Two words, most of them with a third that nobody has heard of; unique by its digits in base 24."""
    syllables, rest = "", number
    while rest or not syllables:
        rest, digit = divmod(rest, len(_SYLLABLES))
        syllables += _SYLLABLES[digit]
    seed = hashlib.sha256(b"%d" % number).digest()
    first, second = _WORDS[seed[0] % len(_WORDS)], _WORDS[seed[1] % len(_WORDS)]
    return NormalizedName(f"{first}-{syllables}" if seed[2] % 3 else f"{first}-{second}-{syllables}")


def target_path(number: int) -> str:
    """The path of a target: of each twelve, the first is the project's page, the others its files."""
    project, which = divmod(number, OF_A_PROJECT)
    name = project_name(project)
    if which == 0:
        return page_target_path(name)
    seed = hashlib.sha256(b"%d" % project).digest()
    version = f"{seed[3] % 4}.{(which - 1) // 2}.{seed[4 + which] % 12}"
    stem = f"{name.replace('-', '_')}-{version}"
    return file_target_path(name, f"{stem}.tar.gz" if which % 2 else f"{stem}-{_WHEELS[seed[5] % len(_WHEELS)]}.whl")


def target_of(number: int) -> tuple[str, Json]:
    """A target and its entry. There are no bytes that have this hash."""
    path = target_path(number)
    digest = hashlib.sha256(path.encode()).hexdigest()
    return path, target_entry(sha256=digest, length=2_000 + int(digest[:5], 16) * 4)


def numbers_by_bin(targets: int, *, bins: Bins) -> "dict[str, array[int]]":
    """Which of so many targets belong to each bin."""
    found = {name: array("I") for name in bins.names()}
    for number in range(targets):
        found[bins.bin_of(target_path(number))].append(number)
    return found
