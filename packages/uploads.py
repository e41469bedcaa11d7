"""The story of an upload: checks, bytes made durable, then file, journal and outbox in one short transaction."""

from datetime import datetime

from django.db import close_old_connections

from accounts.callers import Caller, Scope
from packages.acceptance import (
    Acceptance,
    Receipt,
    StoredDistribution,
    accept_together,
    check_access,
    is_here_already,
)
from packages.blobs import IncomingBlob, keep_blobs
from packages.distributions import read_distribution
from packages.forms import AnnouncedUpload
from packages.together import Together

_accept: Together[Acceptance, Receipt] = Together(accept_together)  # uploads of a moment share one commit


def receive_upload(*, caller: Caller, announced: AnnouncedUpload, blob: IncomingBlob, now: datetime) -> Receipt:
    """Take a received file into the index.

    Raises UploadRefusedError or AccessError, and then nothing is changed. A crash before the commit leaves at most
    a blob that nothing refers to; after it, the outbox entry sees to the signing.
    """
    named = announced.named
    caller.require(Scope.UPLOAD)
    caller.require_project(named.project)
    check_access(caller, named.project)
    blob.check(announced.digests)
    if is_here_already(named.filename, blob.sha256):
        return Receipt(named.filename, is_new=False)
    close_old_connections()  # a pooled one is for others while bytes are read and stored
    distribution = read_distribution(named, blob.file)
    metadata_sha256 = keep_blobs([distribution.metadata.content])[0] if named.is_wheel else ""
    stored = StoredDistribution(distribution, announced.display_name, blob.keep(), blob.size, metadata_sha256)
    return _accept(Acceptance(caller, stored, now))
