"""The development ceremony: an index that is signed from its first start, with every key in the data folder.

Its root says `development`, and clients pin such a root only when told to. The offline roles exist in the shape
that a real ceremony will give them; here the server holds their keys and renews them itself.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from securesystemslib.signer import CryptoSigner, Key

from indexsite_client.protocol import (
    BIN_PREFIX,
    EXTENSION,
    OFFLINE_ROLES,
    RECENTLY_CLAIMED,
    ROOT,
    TARGETS_DELEGATIONS,
    TOP_LEVEL,
    Bins,
    BinStyle,
    RoleHeader,
    RoleKeys,
    offline_signed,
    read_expiry,
)
from indexsite_client.protocol import TIMESTAMP as TIMESTAMP_ROLE
from storage.contract import TIMESTAMP, document_name, read_bytes, the_storage
from tufsigning import records
from tufsigning.core.documents import Document, read_signed, role_keys, sign_document
from tufsigning.core.lifetimes import OFFLINE, is_due, lifetime
from tufsigning.core.publication import Current, Plan
from tufsigning.errors import RealRootError, StoreMissingError
from tufsigning.keys import ceremony_online_key, load_key, make_key
from tufsigning.library import MAX_DOCUMENT
from tufsigning.models import Document as DocumentRow
from tufsigning.models import Publication, RoleHead
from tufsigning.publisher import Publisher


@dataclass(frozen=True, slots=True)
class _Keys:
    """Every key of the ceremony: those of each offline role, and the online one."""

    offline: dict[str, list[CryptoSigner]]
    online: Key

    def of(self, role: str) -> RoleKeys:
        """The public keys and the threshold of a role."""
        if role not in self.offline:
            return role_keys([self.online], 1)
        return role_keys([signer.public_key for signer in self.offline[role]], OFFLINE_ROLES[role].threshold)


def hold_development_ceremony(publisher: Publisher, *, now: datetime) -> bool:
    """Make keys, root and every role, and publish them; False where the index has metadata already.

    Raises StoreMissingError where the database knows that it had some, RealRootError where a real ceremony has begun.

    The timestamp is written last: a crash before it leaves files that the next attempt replaces, and that nobody
    was ever told of.
    """
    if the_storage().exists(TIMESTAMP):
        return False
    known = Publication.objects.exclude(visible_at=None).order_by("number").last()
    if known is not None:
        raise StoreMissingError(known.number)
    left = read_bytes(document_name(ROOT, 1), limit=MAX_DOCUMENT)  # by an attempt that was interrupted
    if left is not None and read_signed(left)[EXTENSION].get("development") is not True:
        raise RealRootError
    with transaction.atomic():
        DocumentRow.objects.all().delete()
        RoleHead.objects.all().delete()
    keys, index_id = _Keys(_offline_keys(make_key), ceremony_online_key()), secrets.token_hex(16)
    versions = dict.fromkeys([ROOT, *OFFLINE], 1)
    bins = Bins(settings.BINS, BinStyle(settings.BIN_STYLE))
    documents = list(_sign_offline(keys, versions, bins=bins, now=now, index_id=index_id))
    _record_offline(documents, now=now)
    upper = {document.role: document.content for document in documents}
    root = upper.pop(ROOT)
    the_storage().write({document_name(ROOT, 1): root})
    start = Current((root,), b"", b"", upper)
    online = [RECENTLY_CLAIMED, *bins.names()]
    offline = tuple(document for document in documents if document.role != ROOT)
    publisher.publish_first(start, Plan({role: {} for role in online}, offline), now=now)
    return True


def renew_development_roles(current: Current, *, now: datetime) -> tuple[Document, ...]:
    """New versions of the offline roles, root included, of which half the life is over.

    Empty where the root is not a development root: real offline roles are renewed by their key holders only. Raises
    OfflineKeysMissingError.
    """
    if not current.is_development:
        return ()
    signed = {ROOT: read_signed(current.roots[-1]), **{role: read_signed(current.upper[role]) for role in OFFLINE}}
    due = {
        role: part["version"] + 1 for role, part in signed.items() if is_due(role, expires=read_expiry(part), now=now)
    }
    if not due:
        return ()
    begun = _already_signed(due, now=now)
    rest = {role: version for role, version in due.items() if role not in begun}
    keys = _Keys(_offline_keys(load_key), _trusted_online_key(current))
    documents = tuple(_sign_offline(keys, rest, bins=current.bins, now=now, index_id=current.index_id))
    _record_offline(documents, now=now)
    return (*begun.values(), *documents)


def _offline_keys(take: Callable[[str], CryptoSigner]) -> dict[str, list[CryptoSigner]]:
    return {
        role: [take(f"offline/{role}-{number}") for number in range(1, offline.holders + 1)]
        for role, offline in OFFLINE_ROLES.items()
    }


def _trusted_online_key(current: Current) -> Key:
    signed = read_signed(current.roots[-1])
    [key_id] = signed["roles"][TIMESTAMP_ROLE]["keyids"]
    return Key.from_dict(key_id, dict(signed["keys"][key_id]))


def _sign_offline(
    keys: _Keys, versions: dict[str, int], *, bins: Bins, now: datetime, index_id: str
) -> Iterator[Document]:
    by_role = {role: keys.of(role) for role in (*TOP_LEVEL, *TARGETS_DELEGATIONS, BIN_PREFIX)}
    for role, version in versions.items():
        header = RoleHeader(role, version, now + lifetime(role), index_id)
        signed = offline_signed(header, by_role, bins=bins, development=True)
        yield sign_document(signed, keys.offline[role][: OFFLINE_ROLES[role].threshold])


def _already_signed(versions: dict[str, int], *, now: datetime) -> dict[str, Document]:
    """What an attempt that was interrupted has signed: offline versions have no gaps, and none is signed twice."""
    rows = [DocumentRow.objects.filter(role=role, version=version).first() for role, version in versions.items()]
    found = [Document(row.role, row.version, bytes(row.content)) for row in rows if row and row.content]
    return {each.role: each for each in found if not is_due(each.role, expires=_expiry(each), now=now)}


def _expiry(document: Document) -> datetime:
    return read_expiry(read_signed(document.content))


def _record_offline(documents: Iterable[Document], *, now: datetime) -> None:
    kept = list(documents)
    with transaction.atomic():
        records.record_signed(kept, now=now, offline=True)
        records.raise_heads({document.role: document.version for document in kept})
