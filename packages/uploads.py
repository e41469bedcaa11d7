"""The story of an upload: checks, bytes made durable, then file, journal and outbox in one short transaction."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import close_old_connections

from accounts.callers import Caller, Scope
from packages.acceptance import Acceptance, Receipt, StoredDistribution, accept_together
from packages.admission import Holdings, Wish
from packages.attestations.attesting import attest, check_taken, identities_for
from packages.attestations.identities import Identity
from packages.attestations.verifier import Attested
from packages.blobs import IncomingBlob
from packages.distributions import read_distribution
from packages.errors import IndexReadOnlyError
from packages.forms import AnnouncedUpload
from packages.holding import read_only_reason
from packages.name_lists import check_new_name
from packages.policy import Policy
from packages.together import Together
from storage.contract import Source, blob_name, the_storage

_SMALL = 1024 * 1024  # bytes
_ATTESTED_LATER = "Its attestations were not looked at: they are taken together with the file, or not at all."


def receive_upload(
    *, caller: Caller, announced: AnnouncedUpload, blob: IncomingBlob, policy: Policy, now: datetime
) -> Receipt:
    """Take a received file into the index.

    Raises UploadRefusedError or AccessError, and then nothing is changed. A crash before the commit leaves at most
    a blob that nothing refers to; after it, the outbox entry sees to the signing.
    """
    named = announced.named
    check_writable(policy)
    caller.require(Scope.UPLOAD)
    caller.require_project(named.project)
    blob.check(announced.digests)
    wish = Wish(caller, named, blob.sha256, blob.size, now, policy)
    holdings = Holdings.read([wish], lock=False)  # asked again when it is recorded; here, so that nothing is stored
    if not holdings.admit(wish):
        ignored = (_ATTESTED_LATER,) if announced.attestations else ()
        return Receipt(named.filename, is_new=False, warnings=ignored)
    warnings = check_new_name(named.project, policy) if named.project not in holdings.projects else ()
    identities = identities_for(named.project, policy) if announced.attestations else ()
    close_old_connections()  # a pooled one is for others while bytes are read and stored
    attested = _attest(announced, blob.sha256, identities) if announced.attestations else None
    distribution = read_distribution(named, blob.file, announced=announced.metadata, policy=policy)
    metadata = distribution.metadata.content
    metadata_sha256 = hashlib.sha256(metadata).hexdigest()
    files: dict[str, Source] = {blob_name(blob.sha256): blob.finished(), blob_name(metadata_sha256): metadata}
    if attested is not None:
        files[blob_name(attested.sha256)] = attested.provenance
    if blob.size > _SMALL:  # nobody else shall wait for it
        the_storage().write(files)
        files = {}
    stored = StoredDistribution(distribution, announced.display_name, blob.sha256, blob.size, metadata_sha256, attested)
    receipt = _store_and_accept(_Received(files, Acceptance(caller, stored, now, policy)))
    return replace(receipt, warnings=warnings) if receipt.is_new else receipt


def _attest(announced: AnnouncedUpload, sha256: str, identities: tuple[Identity, ...]) -> Attested:
    named = announced.named
    check_taken(named.project, identities)
    return attest(
        announced.attestations, project=named.project, filename=named.filename, sha256=sha256, identities=identities
    )


def check_writable(policy: Policy) -> None:
    """Raise IndexReadOnlyError while nothing may be changed: by this policy, or because of a hold."""
    if reason := policy.read_only or read_only_reason():
        raise IndexReadOnlyError(reason)


@dataclass(frozen=True, slots=True)
class _Received:
    """A checked upload whose files, by their names in the store, are still to be written."""

    files: Mapping[str, Source]
    acceptance: Acceptance


def _together(group: Sequence[_Received]) -> Sequence[Receipt | Exception]:
    """Write the files of all, then record all: uploads of a moment share the waiting for disk and database."""
    files = {name: source for received in group for name, source in received.files.items()}
    if files:
        the_storage().write(files)
    return accept_together([received.acceptance for received in group])


_store_and_accept: Together[_Received, Receipt] = Together(_together)
