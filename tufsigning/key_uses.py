"""Each publication that an online key signs leaves a record, before anybody can see what was signed (ADR 21)."""

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from tufsigning import records, watch
from tufsigning.core.documents import Document
from tufsigning.core.publication import Candidate
from tufsigning.core.uses import BEGINNING, Use, describe_roles, digest_of, use_faults
from tufsigning.errors import PublicationRaceError, UseUntoldError
from tufsigning.models import KeyUse

log = logging.getLogger(__name__)


def record_publication(
    candidate: Candidate, offline: Collection[Document], key_ids: Sequence[str], *, index_id: str, now: datetime
) -> None:
    """Note a candidate, a use of each key that signed it but for its `offline` documents, or nothing; tell the sink.

    A sink that fails is said loudly, and raises UseUntoldError where it is required.
    """
    signed = [*(each for each in candidate.documents if each not in offline), candidate.timestamp]
    try:
        with transaction.atomic():
            records.record_publication(candidate, now=now)
            uses = [_note_use(signed, publication=candidate.number, key_id=key_id, now=now) for key_id in key_ids]
    except IntegrityError as error:
        raise PublicationRaceError from error
    if settings.KEY_USE_SINK.get_secret_value():
        for use in uses:
            _tell(use, index_id)


def find_faults() -> Iterator[str]:
    """A sentence for each use that was changed in the database or is missing there."""
    return use_faults(_read(row) for row in KeyUse.objects.order_by("number").iterator(chunk_size=1000))


def _tell(use: Use, index_id: str) -> None:
    fault = watch.tell({"event": "key-use", "index": index_id, **use.said(), "sha256": use.sha256})
    KeyUse.objects.filter(number=use.number).update(is_told=not fault)
    if fault:
        log.error("The use %s of the online key could not be told to INDEXSITE_KEY_USE_SINK: %s", use.number, fault)
        if settings.KEY_USE_REQUIRED:
            raise UseUntoldError(fault)


def _note_use(signed: list[Document], *, publication: int, key_id: str, now: datetime) -> Use:
    last = KeyUse.objects.order_by("-number").values_list("number", "sha256").first()
    number, previous = last or (0, BEGINNING)
    use = Use(number + 1, now, publication, key_id, len(signed), describe_roles(signed), digest_of(signed), "")
    use = replace(use, sha256=use.hashed(previous))
    KeyUse.objects.create(**_columns(use))
    return use


def _columns(use: Use) -> dict[str, object]:
    return {
        "number": use.number,
        "at": use.at,
        "publication": use.publication,
        "key_id": use.key,
        "documents": use.documents,
        "roles": use.roles,
        "digest": use.digest,
        "sha256": use.sha256,
    }


def _read(row: KeyUse) -> Use:
    return Use(row.number, row.at, row.publication, row.key_id, row.documents, row.roles, row.digest, row.sha256)
