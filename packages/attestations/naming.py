"""Owners and administrators name the publishers whose attestations a project takes."""

from collections.abc import Collection
from datetime import datetime

from accounts.actors import Actor
from packages.attestations.identities import IdentityFaultyError, read_identity
from packages.attestations.models import AttestationIdentity
from packages.life.acting import acting
from packages.life.errors import LifeError
from packages.life.rules import Act

MOST = 20  # publishers of a project


class PublishersFaultyError(LifeError):
    """What was given names no publishers, or too many."""

    code = "publishers-faulty"


def name_publishers(actor: Actor, project: str, identities: Collection[str], *, now: datetime) -> bool:
    """Take attestations of these from now on, and of no others; where none is given, of those that the index names.

    False where they were named already. What is attested stays so. Raises PublishersFaultyError.
    """
    try:
        named = sorted({str(read_identity(text)) for text in identities})
    except IdentityFaultyError as error:
        raise PublishersFaultyError(str(error)) from error
    if len(named) > MOST:
        raise PublishersFaultyError(f"These are more than {MOST} publishers; name a group instead (/*).")
    with acting(actor, Act.NAME_PUBLISHERS, project, now=now) as deed:
        before = AttestationIdentity.objects.filter(project=deed.project)
        if sorted(before.values_list("identity", flat=True)) == named:
            return False
        before.delete()
        AttestationIdentity.objects.bulk_create(
            AttestationIdentity(project=deed.project, identity=identity) for identity in named
        )
        if named:
            deed.note("publishers.named", publishers=", ".join(named))
        else:
            deed.note("publishers.cleared")
        return True
