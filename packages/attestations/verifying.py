"""Whether attestations are true: a process of its own, for sigstore is large and its input hostile.

`packages.attestations.verifier` starts it with the path of a trusted root (empty for that of Sigstore's public
instance, as the sigstore distribution ships it). Nothing is asked of the network.
"""

import json
import sys
from collections.abc import Callable
from importlib import resources
from typing import Any
from urllib.parse import quote

from cryptography.x509 import RFC822Name, SubjectAlternativeName, load_der_x509_certificate
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from pydantic import TypeAdapter, ValidationError
from pypi_attestations import (
    Attestation,
    AttestationBundle,
    AttestationError,
    AttestationType,
    GitHubPublisher,
    GitLabPublisher,
    GooglePublisher,
    Provenance,
)
from sigstore.errors import Error as SigstoreError
from sigstore.models import TrustedRoot
from sigstore.verify import Verifier

from packages.attestations.identities import Kind, Publisher, is_publisher
from packages.attestations.verifier import CPU_SECONDS
from packages.piped import answer_jobs

_ISSUER, _REPOSITORY, _WORKFLOW = (f"1.3.6.1.4.1.57264.1.{number}" for number in (8, 12, 18))  # Fulcio's claims
_ISSUERS = {
    "https://token.actions.githubusercontent.com": Kind.GITHUB,
    "https://gitlab.com": Kind.GITLAB,
    "https://accounts.google.com": Kind.GOOGLE,
}
_ADDRESSES = {  # of a repository, and of a workflow below it
    Kind.GITHUB: ("https://github.com/", "/.github/workflows/"),
    Kind.GITLAB: ("https://gitlab.com/", "//"),
}
_PUBLIC = "https://tuf-repo-cdn.sigstore.dev"
_PAYLOAD, _STATEMENT = "application/vnd.in-toto+json", "https://in-toto.io/Statement/v1"
_attestations = TypeAdapter(list[Attestation])


class UntrueError(Exception):
    """An attestation does not hold; the message says why, without a full stop."""


def load_verifier(path: str) -> Verifier:
    """A verifier that trusts what the file says, and nothing else."""
    if path:
        return Verifier(trusted_root=TrustedRoot.from_file(path))
    shipped = resources.files("sigstore._store").joinpath(quote(_PUBLIC, safe=""), "trusted_root.json")
    with resources.as_file(shipped) as file:
        return Verifier(trusted_root=TrustedRoot.from_file(str(file)))


def verify(text: str, *, filename: str, sha256: str, verifier: Verifier) -> tuple[Publisher, Provenance]:
    """Who attested the file, and the provenance to serve. Raises UntrueError where an attestation does not hold."""
    try:
        attestations = _attestations.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the field"
        raise UntrueError(f"they are no attestations of PEP 740 ({where}: {first['msg']})"[:300]) from error
    if not 1 <= len(attestations) <= len(AttestationType):
        raise UntrueError(f"a file has 1 to {len(AttestationType)}, and {len(attestations)} came")
    publishers = {_verify_one(each, filename=filename, sha256=sha256, verifier=verifier) for each in attestations}
    if len(publishers) > 1:
        raise UntrueError("they are of several publishers")
    if len({each.statement["predicateType"] for each in attestations}) < len(attestations):
        raise UntrueError("two of them are of one kind")
    [publisher] = publishers
    bundle = AttestationBundle(publisher=_known(publisher), attestations=attestations)
    return publisher, Provenance(attestation_bundles=[bundle])


def _verify_one(attestation: Attestation, *, filename: str, sha256: str, verifier: Verifier) -> Publisher:
    if len(attestation.verification_material.transparency_entries) != 1:  # the library looks at the first
        raise UntrueError("there is not exactly one entry of a transparency log")
    publisher = _claimed_publisher(attestation)
    try:
        kind, payload = verifier.verify_dsse(attestation.to_bundle(), _known(publisher)._as_policy())
    except (SigstoreError, AttestationError) as error:
        raise UntrueError(f"the signature does not hold: {error}"[:300].rstrip(".")) from error
    if kind != _PAYLOAD:
        raise UntrueError("what is signed is no in-toto statement")
    _check_statement(json.loads(payload), filename=filename, sha256=sha256)
    return publisher


def _claimed_publisher(attestation: Attestation) -> Publisher:
    """Whom the certificate names; whether that is true comes next."""
    claims = attestation.certificate_claims
    kind = _ISSUERS.get(claims.get(_ISSUER, ""))
    if kind is None:
        raise UntrueError(f"this index knows no publishers of {claims.get(_ISSUER, 'nobody')!r}"[:300])
    if kind is Kind.GOOGLE:
        certificate = load_der_x509_certificate(attestation.verification_material.certificate)
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
        emails = names.get_values_for_type(RFC822Name)
        publisher = Publisher(kind, emails[0] if len(emails) == 1 else "")
    else:
        host, folder = _ADDRESSES[kind]
        repository = claims.get(_REPOSITORY, "")
        workflow = claims.get(_WORKFLOW, "").removeprefix(repository + folder).partition("@")[0]
        publisher = Publisher(kind, repository.removeprefix(host), workflow)
    if not is_publisher(publisher):
        raise UntrueError("the certificate names no publisher that can be shown")
    return publisher


def _known(publisher: Publisher) -> GitHubPublisher | GitLabPublisher | GooglePublisher:
    """As the library knows it: what clients verify later, and which certificates are this publisher's."""
    if publisher.kind is Kind.GITHUB:
        return GitHubPublisher(repository=publisher.name, workflow=publisher.workflow)
    if publisher.kind is Kind.GITLAB:
        return GitLabPublisher(repository=publisher.name, workflow_filepath=publisher.workflow)
    return GooglePublisher(email=publisher.name)


def _check_statement(statement: Any, *, filename: str, sha256: str) -> None:  # Any: signed JSON of whatever shape
    """What PEP 740 wants of an in-toto statement."""
    subjects = statement["subject"]
    if statement["_type"] != _STATEMENT or len(subjects) != 1:
        raise UntrueError("what is signed is no in-toto statement about exactly one file")
    name = str(subjects[0]["name"])
    if _meaning(name) != _meaning(filename):
        raise UntrueError(f"it is about {name[:120]!r}")
    if subjects[0]["digest"]["sha256"] != sha256:
        raise UntrueError("it is about other bytes (SHA-256)")
    if statement["predicateType"] not in {each.value for each in AttestationType}:
        raise UntrueError(f"this index knows no statements of the kind {str(statement['predicateType'])[:120]!r}")


def _meaning(filename: str) -> object:
    """Filenames that mean the same are equal, by PEP 740."""
    try:
        return parse_wheel_filename(filename) if filename.endswith(".whl") else parse_sdist_filename(filename)
    except ValueError as error:
        raise UntrueError(f"{filename[:120]!r} is not the name of a distribution") from error


def _answer(verifier: Verifier, job: bytes) -> bytes:
    asked = json.loads(job)
    try:
        publisher, provenance = verify(
            asked["attestations"], filename=asked["filename"], sha256=asked["sha256"], verifier=verifier
        )
    except UntrueError as error:
        return json.dumps({"fault": str(error)}).encode()
    except Exception as error:  # the one boundary around parsers of hostile bytes
        return json.dumps({"fault": f"they are malformed ({type(error).__name__})"}).encode()
    found = {"kind": publisher.kind, "name": publisher.name, "workflow": publisher.workflow}
    return json.dumps({"publisher": found, "provenance": provenance.model_dump_json()}).encode()


def _answering(path: str) -> Callable[[bytes], bytes]:
    """What answers jobs: where the trusted root does not load, with that."""
    try:
        verifier = load_verifier(path)
    except Exception as error:  # the one boundary around its parsers, which raise errors of several libraries
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
        return lambda _: json.dumps({"unloadable": why}).encode()
    return lambda job: _answer(verifier, job)


if __name__ == "__main__":
    answer_jobs(_answering(sys.argv[1]), cpu_seconds=CPU_SECONDS)
