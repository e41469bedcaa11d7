"""What of attestations is believed: each fault is refused in words, and what is right names its publisher."""

import hashlib
import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from pypi_attestations import Provenance

from packages.attestations.errors import AttestationsBusyError, AttestationsFaultyError, AttestationsUnverifiableError
from packages.attestations.identities import (
    Identity,
    IdentityFaultyError,
    Kind,
    Publisher,
    covers,
    is_publisher,
    read_identities,
    read_identity,
)
from packages.attestations.trusted_root import check_trusted_root
from packages.attestations.verifier import AttestationVerifier, Attested
from tests.attesting import SIGNED_AT, SLSA, Json, OwnSigstore, github, gitlab, google

NAME, CONTENT = "demo_lib-1.0-py2.py3-none-any.whl", b"a wheel"
ASSETS = Path(__file__).resolve().parent.parent / "assets" / "attested"


@pytest.fixture(scope="module")
def sigstore() -> OwnSigstore:
    return OwnSigstore()


@pytest.fixture(scope="module")
def trusted_root(sigstore: OwnSigstore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sigstore.trusted_root(tmp_path_factory.mktemp("sigstore") / "trusted_root.json")


@pytest.fixture(scope="module")
def verifier(trusted_root: Path) -> Iterator[AttestationVerifier]:
    verifier = AttestationVerifier(str(trusted_root))
    yield verifier
    verifier.end()


def verified(verifier: AttestationVerifier, *attestations: Json, filename: str = NAME) -> Attested:
    text = json.dumps(attestations)
    return verifier.verify(text, filename=filename, sha256=hashlib.sha256(CONTENT).hexdigest())


@pytest.mark.parametrize(
    ("claims", "email", "publisher"),
    [
        (github(), "", "github:acme/demo@release.yml"),
        (gitlab(), "", "gitlab:acme/tools/demo@.gitlab-ci.yml"),
        (gitlab("acme/demo", "ci/release.yml"), "", "gitlab:acme/demo@ci/release.yml"),
        (google(), "ci@builds.example.org", "google:ci@builds.example.org"),
    ],
)
def test_what_is_right_names_its_publisher(
    sigstore: OwnSigstore, verifier: AttestationVerifier, claims: dict[int, str], email: str, publisher: str
) -> None:
    attestation = sigstore.attest(NAME, CONTENT, by=claims, email=email)
    found = verified(verifier, attestation)
    assert str(found.publisher) == publisher
    [bundle] = json.loads(found.provenance)["attestation_bundles"]
    assert bundle["publisher"]["kind"].lower() == found.publisher.kind
    assert [each["envelope"] for each in bundle["attestations"]] == [attestation["envelope"]]
    assert Provenance.model_validate_json(found.provenance).version == 1


def test_two_kinds_of_one_publisher_are_one_bundle(sigstore: OwnSigstore, verifier: AttestationVerifier) -> None:
    both = [sigstore.attest(NAME, CONTENT), sigstore.attest(NAME, CONTENT, predicate=SLSA)]
    [bundle] = json.loads(verified(verifier, *both).provenance)["attestation_bundles"]
    assert len(bundle["attestations"]) == 2


def test_a_filename_that_means_the_same_is_the_same(sigstore: OwnSigstore, verifier: AttestationVerifier) -> None:
    attestation = sigstore.attest("demo_lib-1.0-py3.py2-none-any.whl", CONTENT)
    assert verified(verifier, attestation).publisher.name == "acme/demo"


def test_the_public_instance_is_believed_by_itself_and_a_real_file_verifies() -> None:
    verifier = AttestationVerifier()
    dist = ASSETS / "pypi_attestations-0.0.19.tar.gz"
    kinds = ("publish", "slsa")
    text = json.dumps([json.loads((ASSETS / f"{dist.name}.{kind}.attestation").read_bytes()) for kind in kinds])
    sha256 = hashlib.sha256(dist.read_bytes()).hexdigest()
    try:
        found = verifier.verify(text, filename=dist.name, sha256=sha256)
        assert str(found.publisher) == "github:trailofbits/pypi-attestations@release.yml"
        with pytest.raises(AttestationsFaultyError, match="other bytes"):
            verifier.verify(text, filename=dist.name, sha256="0" * 64)
    finally:
        verifier.end()


# --- faults ---


def _statement(**values: object) -> Callable[[OwnSigstore], Json]:
    return lambda sigstore: sigstore.attest(NAME, CONTENT, statement=values)


def _attest(**values: Any) -> Callable[[OwnSigstore], Json]:
    return lambda sigstore: sigstore.attest(NAME, CONTENT, **values)


def _spoilt(change: Callable[[Json], object]) -> Callable[[OwnSigstore], Json]:
    def make(sigstore: OwnSigstore) -> Json:
        attestation = sigstore.attest(NAME, CONTENT)
        change(attestation)
        return attestation

    return make


def _entry(attestation: Json) -> Json:
    entry: Json = attestation["verification_material"]["transparency_entries"][0]
    return entry


def _other_statement(attestation: Json) -> None:
    statement = b64decode(attestation["envelope"]["statement"]).replace(b"null", b'"x"')
    attestation["envelope"]["statement"] = b64encode(statement).decode()


def _other_root(attestation: Json) -> None:
    _entry(attestation)["inclusionProof"]["rootHash"] = b64encode(b"\0" * 32).decode()


def _other_checkpoint(attestation: Json) -> None:
    checkpoint = _entry(attestation)["inclusionProof"]["checkpoint"]
    checkpoint["envelope"] = checkpoint["envelope"].replace("\n2\n", "\n3\n")


def _other_time(attestation: Json) -> None:
    _entry(attestation)["integratedTime"] = str(int(_entry(attestation)["integratedTime"]) + 1)


def _two_entries(attestation: Json) -> None:
    attestation["verification_material"]["transparency_entries"] *= 2


SUBJECT = {"name": NAME, "digest": {"sha256": hashlib.sha256(CONTENT).hexdigest()}}
FAULTS: dict[str, tuple[Callable[[OwnSigstore], Json], str]] = {
    "other bytes": (lambda sigstore: sigstore.attest(NAME, b"another wheel"), "it is about other bytes"),
    "another file": (lambda sigstore: sigstore.attest("demo_lib-1.1-py3-none-any.whl", CONTENT), "it is about 'demo_"),
    "no file": (lambda sigstore: sigstore.attest("demo.exe", CONTENT), "not the name of a distribution"),
    "two subjects": (_statement(subject=[SUBJECT, SUBJECT]), "exactly one file"),
    "no subject": (_statement(subject=[]), "exactly one file"),
    "no statement": (_statement(_type="https://example.org/"), "no in-toto statement"),
    "unknown kind": (_attest(predicate="https://example.org/vouched/v1"), "no statements of the kind"),
    "no SCT": (_attest(with_sct=False), "timestamp"),
    "certificate expired": (_attest(signed_at=SIGNED_AT + timedelta(hours=1)), "not valid at validation time"),
    "certificate for something else": (_attest(usage=ExtendedKeyUsageOID.CLIENT_AUTH), "code signing"),
    "other authority": (lambda _: OwnSigstore().attest(NAME, CONTENT), "signature does not hold"),
    "unknown issuer": (_attest(by={**github(), 8: "https://ci.example.org"}), "no publishers of"),
    "workflow of another repository": (_attest(by={**github(), 12: "https://github.com/acme/other"}), "no publisher"),
    "workflow at another commit": (_attest(by={**github(), 13: "1" * 40, 14: "refs/x"}), "Build Config URI"),
    "a repository that is none": (_attest(by=github("acme/<b>")), "no publisher that can be shown"),
    "statement changed": (_spoilt(_other_statement), "signature"),
    "root of the log changed": (_spoilt(_other_root), "invalid log entry"),
    "checkpoint changed": (_spoilt(_other_checkpoint), "invalid log entry"),
    "time changed": (_spoilt(_other_time), "invalid inclusion promise"),
    "no promise of the log": (_spoilt(lambda each: _entry(each).pop("inclusionPromise")), "inclusion promise"),
    "two entries of the log": (_spoilt(_two_entries), "not exactly one entry"),
    "no entry of the log": (
        _spoilt(lambda each: each["verification_material"].update(transparency_entries=[])),
        "least",
    ),
    "another version": (_spoilt(lambda each: each.update(version=2)), "0.version"),
    "no certificate": (_spoilt(lambda each: each["verification_material"].update(certificate="AAAA")), "malformed"),
    "no base64": (_spoilt(lambda each: each["envelope"].update(signature="A")), "0.envelope.signature"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_in_words(sigstore: OwnSigstore, verifier: AttestationVerifier, fault: str) -> None:
    make, words = FAULTS[fault]
    with pytest.raises(AttestationsFaultyError) as refused:
        verified(verifier, make(sigstore))
    assert words in str(refused.value)
    assert len(str(refused.value)) < 600


def test_attestations_of_a_file_are_one_publishers_and_of_different_kinds(
    sigstore: OwnSigstore, verifier: AttestationVerifier
) -> None:
    right, slsa = sigstore.attest(NAME, CONTENT), sigstore.attest(NAME, CONTENT, predicate=SLSA)
    other = sigstore.attest(NAME, CONTENT, predicate=SLSA, by=github("acme/other"))
    for attestations, words in [
        ((right, right), "two of them are of one kind"),
        ((right, other), "several publishers"),
        ((right, slsa, right), "3 came"),
        ((), "0 came"),
    ]:
        with pytest.raises(AttestationsFaultyError, match=words):
            verified(verifier, *attestations)


@pytest.mark.parametrize("text", ["", "{}", "null", "[" * 100_000, "[1]", '{"a":' * 1000, "[" + "{}," * 50_000 + "{}]"])
def test_what_is_no_list_of_attestations_is_refused(verifier: AttestationVerifier, text: str) -> None:
    with pytest.raises(AttestationsFaultyError, match="no attestations of PEP 740"):
        verifier.verify(text, filename=NAME, sha256="0" * 64)


# --- the process that verifies ---


def _processes() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "packages.attestations.verifying" in each.cmdline()]


def test_one_process_verifies_many_has_limits_and_is_replaced_when_it_dies(
    sigstore: OwnSigstore, verifier: AttestationVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier.end()
    monkeypatch.setenv("INDEXSITE_SECRET_KEY", "not for verifiers")
    attestation = sigstore.attest(NAME, CONTENT)
    verified(verifier, attestation)
    [process] = _processes()
    assert "INDEXSITE_SECRET_KEY" not in process.environ()
    assert process.rlimit(psutil.RLIMIT_AS) == (1024**3, 1024**3)
    verified(verifier, attestation)
    assert _processes() == [process]
    process.kill()
    process.wait(10)
    assert verified(verifier, attestation).publisher.name == "acme/demo"


def test_who_waits_too_long_is_told_to_come_again(sigstore: OwnSigstore, trusted_root: Path) -> None:
    impatient = AttestationVerifier(str(trusted_root), seconds=0)  # its process is killed at once
    with pytest.raises(AttestationsBusyError):
        verified(impatient, sigstore.attest(NAME, CONTENT))
    impatient.end()


def test_a_trusted_root_that_does_not_load_is_said_to_uploaders_and_once_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kind = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
    root = tmp_path / "trusted_root.json"
    root.write_text(json.dumps({"mediaType": kind, "certificateAuthorities": [{"x": 1}], "tlogs": [1]}))
    check_trusted_root(root)  # which looks at its form only
    verifier = AttestationVerifier(str(root))
    for _ in range(2):
        with pytest.raises(AttestationsUnverifiableError, match="until its administrators mend"):
            verifier.verify("[]", filename=NAME, sha256="0" * 64)
    [said] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert f"the trusted root {root} does not load" in said
    assert "INDEXSITE_SIGSTORE_ROOT" in said
    verifier.end()


def test_a_job_that_its_process_dies_of_is_not_given_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, started = tmp_path / "python", tmp_path / "started"
    program.write_text(f"#!/bin/sh\necho once >> {started}\nexec head -c 4 > /dev/null\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    verifier = AttestationVerifier()
    for times in (1, 2):
        with pytest.raises(AttestationsBusyError):
            verifier.verify("[]", filename=NAME, sha256="0" * 64)
        assert started.read_text() == "once\n" * times


def test_where_no_process_can_be_started_uploaders_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(AttestationsBusyError):
        AttestationVerifier().verify("[]", filename=NAME, sha256="0" * 64)


# --- whose count ---


@pytest.mark.parametrize(
    ("identity", "covered", "not_covered"),
    [
        (
            "github:acme/demo@release.yml",
            ["github:acme/demo@release.yml", "github:Acme/Demo@release.yml"],
            ["github:acme/demo@test.yml"],
        ),
        (
            "github:acme/demo",
            ["github:acme/demo@test.yml"],
            ["github:acme/demo2@test.yml", "gitlab:acme/demo@test.yml"],
        ),
        ("github:acme/*", ["github:acme/demo@a.yml"], ["github:acme2/demo@a.yml", "github:evil/acme@a.yml"]),
        ("gitlab:acme/*", ["gitlab:acme/demo@a.yml", "gitlab:acme/tools/demo@a.yml"], ["gitlab:acmes/demo@a.yml"]),
        ("google:ci@x.example.org", ["google:ci@x.example.org"], ["google:me@x.example.org"]),
    ],
)
def test_an_identity_covers_what_it_names(identity: str, covered: list[str], not_covered: list[str]) -> None:
    read = read_identity(identity)
    assert str(read) == identity
    assert [covers([read], _publisher(each)) for each in covered] == [True] * len(covered)
    assert [covers([read], _publisher(each)) for each in not_covered] == [False] * len(not_covered)
    assert not covers([], _publisher(covered[0]))


def _publisher(text: str) -> Publisher:
    identity = read_identity(text)
    return Publisher(identity.kind, identity.name, identity.workflow)


NO_IDENTITIES = ["acme/demo", "github:acme", "github:*", "github:*/demo", "github:acme/demo/x", "github:acme/demo@"]
NO_IDENTITIES += ["github:acme/*@release.yml", "google:someone", "google:*@x.example.org", "bitbucket:acme/demo"]
NO_IDENTITIES += ["github:acme/de*", "gitlab:*/tools", "github:acme/../demo", "github:acme/demo@../x.yml"]
NO_IDENTITIES += ["github:acme/<b>", "gitlab:acme", "github:a/" + "b" * 300]


@pytest.mark.parametrize("text", NO_IDENTITIES)
def test_what_names_no_publisher_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(IdentityFaultyError, match="write it as one of: github:"):
        read_identity(text)


def test_several_identities_are_read_from_one_setting() -> None:
    read = read_identities(" github:acme/*,\n gitlab:acme/demo@ci.yml ")
    assert read == (Identity(Kind.GITHUB, "acme/*"), Identity(Kind.GITLAB, "acme/demo", "ci.yml"))
    assert read_identities("  ") == ()


def test_a_pattern_is_no_publisher() -> None:
    assert is_publisher(Publisher(Kind.GITHUB, "acme/demo", "a.yml"))
    assert not is_publisher(Publisher(Kind.GITHUB, "acme/*", "a.yml"))
    assert not is_publisher(Publisher(Kind.GITHUB, "acme/demo"))
    assert not is_publisher(Publisher(Kind.GOOGLE, "ci@x.example.org", "a.yml"))


def test_only_a_trusted_root_is_taken_for_one(trusted_root: Path, tmp_path: Path) -> None:
    check_trusted_root(trusted_root)
    for content in (
        b"",
        b"{}",
        b"[]",
        b'{"mediaType": "application/json", "certificateAuthorities": [1], "tlogs": [1]}',
    ):
        (tmp_path / "root.json").write_bytes(content)
        with pytest.raises(ValueError, match="trusted root of Sigstore"):
            check_trusted_root(tmp_path / "root.json")
    with pytest.raises(ValueError, match="cannot be read"):
        check_trusted_root(tmp_path / "missing.json")
