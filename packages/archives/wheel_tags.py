"""WHEEL against the wheel's filename: an installer chooses by the one and may install by the other. Pure."""

from itertools import product, takewhile
from math import prod

from indexsite_client.protocol import DistributionFilename
from packages.archives.faults import Faults, shown

_MOST_TAGS = 1000
_MEND = "build it again, or change the tags with 'wheel tags' instead of renaming the file"

Tag = tuple[str, ...]


def check_wheel_file(named: DistributionFilename, content: bytes, faults: Faults) -> None:
    """Note where WHEEL is malformed, of another major version, or has other tags than the filename."""
    lines = content.decode(errors="replace").replace("\r\n", "\n").split("\n")
    headers = [line.partition(":") for line in takewhile(str.strip, lines)]
    versions = [value.strip() for key, _, value in headers if key.lower() == "wheel-version"]
    if len(versions) != 1 or versions[0].partition(".")[0] != "1":
        faults.add("its WHEEL must say Wheel-Version 1.0 once", mend="build it again with a current build tool")
    tags: set[Tag] = set()
    for key, _, value in headers:
        if key.lower() == "tag":
            expanded = _expand(value.strip().split("-"))
            if not expanded:
                faults.add(f"its WHEEL has the tag {shown(value.strip())}, which is none", mend=_MEND)
            tags |= expanded
    if not tags or tags != _expand(named.filename.removesuffix(".whl").split("-")[-3:]):
        faults.add(
            f"its filename has other tags than its WHEEL, which says {_listed(tags)}", mend=_MEND, is_minded=False
        )


def _expand(parts: list[str]) -> set[Tag]:
    """The tags that a compressed one stands for (PEP 425); none for what is no tag, or stands for absurdly many."""
    sets = [part.lower().split(".") for part in parts]
    if len(sets) != 3 or prod(map(len, sets)) > _MOST_TAGS or not all(map(all, sets)):
        return set()
    return set(product(*sets))


def _listed(tags: set[Tag]) -> str:
    if not tags:
        return "none"
    first = ", ".join(shown("-".join(tag)) for tag in sorted(tags)[:3])
    return f"{first} and {len(tags) - 3} more" if len(tags) > 3 else first
