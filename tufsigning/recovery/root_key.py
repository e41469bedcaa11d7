"""A root key below the threshold: nothing could be forged with it, so nothing is compared; it is trusted no more."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from indexsite_client.protocol import ROOT
from tufsigning.ceremony_folder import read_ceremony
from tufsigning.core.documents import Document, read_signed
from tufsigning.core.offline import DELEGATORS
from tufsigning.importing import check_import, import_documents
from tufsigning.library import Library
from tufsigning.recovery.errors import RecoveryError, StolenKeyNamedError

_LEAST = 8  # characters of a key's id: as many as pages and the ceremony show


def replace_root_key(
    ceremony: Path, lost: Collection[str], *, clock: Callable[[], datetime], wait: Callable[[float], None]
) -> tuple[Document, ...]:
    """Publish what the ceremony signed, unless a document in force after it names a lost key; returns what was new.

    `lost` are ids of keys, or their beginnings. Raises RecoveryError or what an import raises.
    """
    if not lost or any(len(each) < _LEAST for each in lost):
        raise RecoveryError("Name each lost key with --lost ID: its id, or the first 8 characters that /trust/ shows.")
    current = Library().current()
    new = read_ceremony(ceremony, current=current)
    changed = {role: each for role, each in new.others.items() if each.content != current.upper[role]}
    after = {
        **{role: current.upper[role] for role in DELEGATORS},
        **{role: each.content for role, each in changed.items()},
    }
    after[ROOT] = new.roots[-1].content
    for role, content in after.items():
        signed = read_signed(content)
        named = {**signed.get("keys", {}), **signed.get("delegations", {}).get("keys", {})}
        if still := sorted(keyid for keyid in named if keyid.startswith(tuple(each.lower() for each in lost))):
            raise StolenKeyNamedError(
                f"The {role} document still trusts the lost key {still[0][:8]}: replace it in the ceremony ('indexsite"
                " ceremony key --replace'), draft every role that names it, and let the holders sign."
            )
    wanted = replace(new, others=changed)
    check_import(wanted, current=current, begins_chain=False, now=clock())
    import_documents(wanted, begins_chain=False, clock=clock, wait=wait)
    return wanted.all()
