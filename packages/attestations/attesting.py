"""The attestations of an upload: whose count for its project, who signed them, and the row that says so."""

import json
import logging
from functools import cache

from django.conf import settings

from packages.attestations.errors import AttestationsFaultyError
from packages.attestations.identities import Identity, Publisher, covers, read_identity
from packages.attestations.models import AttestationIdentity, FileProvenance
from packages.attestations.verifier import AttestationVerifier, Attested
from packages.models import File
from packages.policy import Policy
from storage.contract import blob_name, read_bytes

log = logging.getLogger(__name__)
_MOST = 8 * 1024 * 1024  # bytes of a provenance object, far more than any has


def identities_for(project: str, policy: Policy) -> tuple[Identity, ...]:
    """Whose attestations count: the publishers that the project names, or else those that the index does."""
    own = AttestationIdentity.objects.filter(project__name=project).values_list("identity", flat=True)
    return tuple(map(read_identity, own)) or policy.attested_by


def check_taken(project: str, identities: tuple[Identity, ...]) -> None:
    """Raise AttestationsFaultyError where nobody's attestations count: they would say nothing to anybody."""
    if not identities:
        raise AttestationsFaultyError(
            f"Nobody's attestations count for {project} here, so none are taken: upload without them, or have an "
            "administrator name the publishers whose do (INDEXSITE_ATTESTATION_IDENTITIES, or the project's own)."
        )


def attest(
    attestations: str, *, project: str, filename: str, sha256: str, identities: tuple[Identity, ...]
) -> Attested:
    """Who attested the file; raises what AttestationVerifier.verify raises."""
    attested = _verifier().verify(attestations, filename=filename, sha256=sha256)
    if not covers(identities, attested.publisher):
        raise AttestationsFaultyError(
            f"{filename} is attested by {attested.publisher}, and for {project} only these count: "
            f"{', '.join(map(str, identities[:5]))}{' and others' if len(identities) > 5 else ''}. Publish from there, "
            "upload without attestations, or have it named too."
        )
    return attested


def provenance_row(file: File, attested: Attested) -> FileProvenance:
    """What is to be saved beside the file."""
    return _row(file, attested.publisher, attested.sha256)


def restore_provenance(file: File, sha256: str) -> None:
    """Save beside a file that came back what its signed page and the store say; nothing where the store lost it."""
    content = read_bytes(blob_name(sha256), limit=_MOST)
    if content is None:
        log.warning("The provenance of %s is missing in the store, and is listed no more.", file.filename)
        return
    said = json.loads(content)["attestation_bundles"][0]["publisher"]
    workflow = said.get("workflow") or said.get("workflow_filepath") or ""
    publisher = Publisher.of(said["kind"].lower(), said.get("repository") or said["email"], workflow)
    _row(file, publisher, sha256).save()


def _row(file: File, publisher: Publisher, sha256: str) -> FileProvenance:
    return FileProvenance(
        file=file, sha256=sha256, kind=publisher.kind, name=publisher.name, workflow=publisher.workflow
    )


@cache
def _verifier() -> AttestationVerifier:
    """One for this process; it starts its own at the first upload with attestations."""
    return AttestationVerifier(settings.SIGSTORE_ROOT)
