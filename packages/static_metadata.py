"""Whether what an sdist says of itself is true of every wheel that is built of it (PEP 643). Pure."""

import re
from collections.abc import Collection

from packaging.metadata import RawMetadata

_ACTED_ON = frozenset({"name", "version", "requires-dist", "requires-python", "provides-extra"})
_SAYS_SO = frozenset({"metadata-version", "dynamic"})
_PROMISING = re.compile(r"2\.([2-9]|[1-9][0-9]{1,2})")  # before 2.2 nothing was promised, and 3 may promise otherwise


def is_static(raw: RawMetadata, unparsed: Collection[str]) -> bool:
    """Whether installers may rely on this PKG-INFO without building: what they act on is not Dynamic.

    `unparsed` names the fields that could not be read: one that counts here spoils it.
    """
    if not _PROMISING.fullmatch(raw.get("metadata_version") or ""):
        return False
    dynamic = {field.strip().lower() for field in raw.get("dynamic") or []}
    return not (_ACTED_ON & dynamic) and not ((_ACTED_ON | _SAYS_SO) & set(unparsed))
