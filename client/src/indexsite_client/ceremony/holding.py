"""Adding a holder's key, or the online key, to a ceremony."""

from collections.abc import Callable
from pathlib import Path

from indexsite_client.ceremony.errors import CeremonyPlanError, KeyRefusedError
from indexsite_client.ceremony.folder import Folder
from indexsite_client.ceremony.keys import KeyRecord, PublicKey, check_distinct, read_key
from indexsite_client.ceremony.plan import ONLINE

Make = Callable[[str], tuple[PublicKey, Path | None]]  # from the index's id, a key and the file of its private part


def add_key(folder: Folder, name: str, make: Make, *, replaces: bool) -> tuple[PublicKey, Path | None]:
    """Make or import a key and record its public part; raises KeyRefusedError, KeyTwiceError, CeremonyPlanError."""
    ceremony = folder.load()
    if name != ONLINE and name not in ceremony.plan.holders:
        raise CeremonyPlanError(
            f"{name[:80]!r} holds no key in this ceremony; holders are {', '.join(ceremony.plan.holders)}."
        )
    known = ceremony.records.get(name)
    if known is not None and not replaces:
        raise KeyRefusedError(
            f"{name} has a key already, {known.current.keyid[:8]}; add --replace to put another one in its place."
        )
    key, path = make(ceremony.plan.index_id)
    read_key(key.keyid, key.key)
    if known is not None and key.keyid in {each.keyid for each in known.all()}:
        raise KeyRefusedError(f"{name} has had this very key already; a key that was replaced does not come back.")
    record = known.replaced_by(key) if known else KeyRecord(name, key)
    check_distinct([*(each for each in ceremony.records.values() if each.holder != name), record])
    folder.write_record(record)
    return key, path
