"""The rows of signing: versions are claimed before anything is signed, and never twice."""

import logging
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import DatabaseError, IntegrityError, InterfaceError, connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Length
from securesystemslib.signer import Key

from indexsite_client.protocol import BIN_PREFIX, Bins
from tufsigning.core.documents import Document as SignedDocument
from tufsigning.core.publication import Candidate
from tufsigning.core.rotation import Rotation, read_key, said_key
from tufsigning.errors import PublicationRaceError
from tufsigning.models import Document, KeyRotation, Publication, PublisherLease, Recovery, RoleHead
from tufsigning.rows import write_rows

LEASE = timedelta(seconds=10)
_SLICE = 500
log = logging.getLogger(__name__)


def claim_versions(roles: Sequence[str], *, now: datetime) -> dict[str, int]:
    """The next version of each online role: one up, or the time in seconds where that is more, so that even a
    restored backup moves forward. Raises PublicationRaceError where another publisher claimed one at the same time.
    """
    floor = int(now.timestamp())
    heads = RoleHead.objects.filter(role__in=roles) if len(roles) <= _SLICE else RoleHead.objects.all()
    try:
        with transaction.atomic():
            highest = dict(heads.values_list("role", "version"))
            versions = {role: max(highest.get(role, 0) + 1, floor) for role in roles}
            claimed = ((role, version, "", now) for role, version in versions.items())
            write_rows(Document, ("role", "version", "sha256", "claimed_at"), claimed)
            raise_heads(versions)
    except IntegrityError as error:
        raise PublicationRaceError from error
    return versions


def raise_heads(versions: Mapping[str, int]) -> None:
    """Note these as the highest versions of their roles; inside the caller's transaction."""
    write_rows(RoleHead, ("role", "version"), versions.items(), unique=("role",), update=("version",))


def heads_of(bins: Bins) -> QuerySet[RoleHead]:
    """The rows of these bins, and of none that were retired: names of one length are ordered as numbers."""
    names = bins.names()
    sized = RoleHead.objects.annotate(length=Length("role")).filter(length=len(names[0]))
    return sized.filter(role__startswith=f"{BIN_PREFIX}-", role__gte=names[0], role__lte=names[-1])


def record_signed(documents: Sequence[SignedDocument], *, now: datetime, offline: bool = False) -> None:
    """Note what was signed; inside the caller's transaction. The bytes of offline-signed ones are kept in the row.

    They stay there when the publication that they belong to is noted.
    """
    rows = (
        (each.role, each.version, each.sha256, len(each.content), each.content if offline else None, now)
        for each in documents
    )
    columns = ("role", "version", "sha256", "length", "content", "claimed_at")
    update = ("sha256", "length", "content") if offline else ("sha256", "length")
    write_rows(Document, columns, rows, unique=("role", "version"), update=update)


def record_publication(candidate: Candidate, *, now: datetime) -> None:
    """Note a signed candidate, all of it or nothing."""
    documents = [*candidate.documents, candidate.timestamp]
    with transaction.atomic():
        record_signed(documents, now=now)
        Publication.objects.create(number=candidate.number, signed_at=now, documents=len(documents))


def record_visible(candidate: Candidate, *, now: datetime) -> None:
    """Note that a candidate became visible, and when its documents expire."""
    documents = [*candidate.documents, candidate.timestamp]
    heads = ((each.role, each.version, candidate.expiries[each.role]) for each in documents)
    with transaction.atomic():
        write_rows(RoleHead, ("role", "version", "expires_at"), heads, unique=("role",), update=("expires_at",))
        Publication.objects.filter(number=candidate.number).update(visible_at=now)


def rotation() -> Rotation | None:
    """The replacement of the online key that is under way."""
    row = KeyRotation.objects.first()
    return Rotation(row.began_at, read_key(row.old), read_key(row.new), row.objected_at) if row else None


def begin_rotation(old: Key, new: Key, *, now: datetime) -> Rotation:
    """Note that one key replaces the other, unless that is noted already; what was begun with another key is over."""
    said = {"old": said_key(old), "new": said_key(new), "began_at": now, "objected_at": None}
    with transaction.atomic():
        KeyRotation.objects.exclude(new=said["new"]).delete()
        KeyRotation.objects.get_or_create(id=1, defaults=said)
    return Rotation(now, old, new)


def object_to_rotation(*, now: datetime) -> None:
    """Note that a worker cannot take part."""
    KeyRotation.objects.update(objected_at=now)


def end_rotation() -> None:
    """The new key signs alone from now on."""
    KeyRotation.objects.all().delete()


def is_recovering() -> bool:
    """Whether a recovery is under way: until its publication nothing else is published. Reads only."""
    return Recovery.objects.filter(is_under_way=True).exists()


@contextmanager
def publishing_lease(*, now: datetime, recovering: bool = False) -> Iterator[bool]:
    """Whether we are the one publisher for as long as the block runs: the lease is renewed while it does.

    It only saves work: a publisher that was stopped and outlives its lease fails at the constraint or at the
    timestamp. It is short because a publisher that was killed holds it to its end. While a recovery is under way only
    the recovery gets it.
    """
    if not recovering and is_recovering():
        yield False
        return
    holder = secrets.token_hex(16)
    PublisherLease.objects.get_or_create(id=1, defaults={"expires_at": now})
    free = Q(holder="") | Q(expires_at__lte=now)
    taken = PublisherLease.objects.filter(free, id=1).update(holder=holder, expires_at=now + LEASE)
    done = threading.Event()
    if taken:
        threading.Thread(target=_renew_lease, args=(holder, now, done), name="lease", daemon=True).start()
    try:
        yield bool(taken)
    finally:
        done.set()
        if taken:
            PublisherLease.objects.filter(id=1, holder=holder).update(holder="")


def _renew_lease(holder: str, now: datetime, done: threading.Event) -> None:
    """Until done, or until the lease is somebody else's. Its clock goes on from `now`, which is the database's."""
    began = time.monotonic()
    while not done.wait(LEASE.total_seconds() / 3):
        until = now + timedelta(seconds=time.monotonic() - began) + LEASE
        try:
            if not PublisherLease.objects.filter(id=1, holder=holder).update(expires_at=until):
                return
        except (DatabaseError, InterfaceError) as error:
            log.warning("The publisher's lease could not be renewed: %s", error)
        finally:
            connection.close()


def drop_lease() -> None:
    """Let go of the lease of a publisher that is known to be dead."""
    PublisherLease.objects.update(holder="")
