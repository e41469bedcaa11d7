"""A Sigstore instance of the tests' own: it certifies publishers and logs what they sign, rightly or with a fault.

It is Fulcio (certificates with an SCT), its CT log and Rekor (entries, inclusion proofs, checkpoints) in one class, as
far as a verifier can see them. Nothing of it talks to a network.
"""

import hashlib
import json
import struct
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

Json = dict[str, Any]  # Any: documents that tests also spoil
SIGNED_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
PUBLISH, SLSA = "https://docs.pypi.org/attestations/publish/v1", "https://slsa.dev/provenance/v1"
_CLAIMS = "1.3.6.1.4.1.57264.1"
_SCT = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_SHA = "0" * 40
_P256 = "PKIX_ECDSA_P256_SHA_256"


def github(repository: str = "acme/demo", workflow: str = "release.yml") -> Mapping[int, str]:
    """What Fulcio certifies of a workflow of GitHub Actions: claims by their number."""
    home = f"https://github.com/{repository}"
    uri = f"{home}/.github/workflows/{workflow}@refs/tags/v1"
    return {8: "https://token.actions.githubusercontent.com", 12: home, 13: _SHA, 14: "refs/tags/v1", 18: uri}


def gitlab(repository: str = "acme/tools/demo", workflow: str = ".gitlab-ci.yml") -> Mapping[int, str]:
    """The same of GitLab CI/CD."""
    home = f"https://gitlab.com/{repository}"
    uri = f"{home}//{workflow}@refs/heads/main"
    return {8: "https://gitlab.com", 12: home, 13: _SHA, 14: "refs/heads/main", 18: uri}


def google() -> Mapping[int, str]:
    """The same of a service account of Google Cloud."""
    return {1: "https://accounts.google.com", 8: "https://accounts.google.com"}


@dataclass
class OwnSigstore:
    """Keys and certificates, made anew for each instance."""

    authority_key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    ct_key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    log_key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))

    def __post_init__(self) -> None:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests' authority")])
        builder = x509.CertificateBuilder(name, name, self.authority_key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(SIGNED_AT - timedelta(days=1))
        builder = builder.not_valid_after(SIGNED_AT + timedelta(days=3650))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
        own = x509.SubjectKeyIdentifier.from_public_key(self.authority_key.public_key())
        self.authority = builder.add_extension(own, critical=False).sign(self.authority_key, hashes.SHA256())

    def trusted_root(self, path: Path) -> Path:
        """Write what a verifier must believe, in Sigstore's form."""
        valid = {"start": "2025-01-01T00:00:00Z"}
        log = {
            "baseUrl": "https://log.invalid",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {"rawBytes": _b64(_spki(self.log_key)), "keyDetails": _P256, "validFor": valid},
            "logId": {"keyId": _b64(_key_id(self.log_key))},
        }
        ct_key = {"rawBytes": _b64(_spki(self.ct_key)), "keyDetails": _P256, "validFor": valid}
        authority = {
            "subject": {"organization": "tests", "commonName": "tests"},
            "uri": "https://authority.invalid",
            "certChain": {"certificates": [{"rawBytes": _b64(self.authority.public_bytes(Encoding.DER))}]},
            "validFor": valid,
        }
        document = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log],
            "certificateAuthorities": [authority],
            "ctlogs": [{**log, "publicKey": ct_key, "logId": {"keyId": _b64(_key_id(self.ct_key))}}],
            "timestampAuthorities": [],
        }
        path.write_text(json.dumps(document))
        return path

    def attest(
        self,
        filename: str,
        content: bytes,
        *,
        by: Mapping[int, str] | None = None,
        email: str = "",
        predicate: str = PUBLISH,
        signed_at: datetime = SIGNED_AT,
        with_sct: bool = True,
        usage: ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
        statement: Json | None = None,
    ) -> Json:
        """An attestation of PEP 740 about the file; what is left out is as it should be."""
        subject = {"name": filename, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}
        about = {"_type": "https://in-toto.io/Statement/v1", "subject": [subject], "predicateType": predicate}
        payload = json.dumps({**about, "predicate": None, **(statement or {})}).encode()
        key = generate_private_key(SECP256R1())
        certificate = self._certify(key, by or github(), email=email, with_sct=with_sct, usage=usage)
        kind = b"application/vnd.in-toto+json"
        signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
        signature = key.sign(signed, ECDSA(hashes.SHA256()))
        entry = self._log(payload, signature, certificate, signed_at)
        return {
            "version": 1,
            "verification_material": {
                "certificate": _b64(certificate.public_bytes(Encoding.DER)),
                "transparency_entries": [entry],
            },
            "envelope": {"statement": _b64(payload), "signature": _b64(signature)},
        }

    def _certify(
        self,
        key: EllipticCurvePrivateKey,
        claims: Mapping[int, str],
        *,
        email: str,
        with_sct: bool,
        usage: ObjectIdentifier,
    ) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            self.authority.subject, x509.Name([]), key.public_key(), x509.random_serial_number()
        )
        builder = builder.not_valid_before(SIGNED_AT - timedelta(minutes=1))
        builder = builder.not_valid_after(SIGNED_AT + timedelta(minutes=9))
        builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority_key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        san = x509.RFC822Name(email) if email else x509.UniformResourceIdentifier(claims[18])
        builder = builder.add_extension(x509.SubjectAlternativeName([san]), critical=True)
        for number, claim in claims.items():
            value = claim.encode() if number < 8 else _der(0x0C, claim.encode())  # the older ones are bare text
            oid = ObjectIdentifier(f"{_CLAIMS}.{number}")
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
        if with_sct:
            before = builder.sign(self.authority_key, hashes.SHA256()).tbs_certificate_bytes
            builder = builder.add_extension(x509.UnrecognizedExtension(_SCT, self._sct(before)), critical=False)
        return builder.sign(self.authority_key, hashes.SHA256())

    def _sct(self, certificate: bytes) -> bytes:
        """The CT log's promise (RFC 6962, section 3.2) about a certificate without it, as an extension's value."""
        moment = int(SIGNED_AT.timestamp() * 1000)
        entry = hashlib.sha256(_spki(self.authority_key)).digest() + len(certificate).to_bytes(3, "big") + certificate
        signature = self.ct_key.sign(struct.pack("!BBQH", 0, 0, moment, 1) + entry + b"\0\0", ECDSA(hashes.SHA256()))
        sct = struct.pack("!B32sQH", 0, _key_id(self.ct_key), moment, 0) + b"\4\3" + _with_length(signature)
        return _der(0x04, _with_length(_with_length(sct)))

    def _log(self, payload: bytes, signature: bytes, certificate: x509.Certificate, at: datetime) -> Json:
        """The log's entry, second of two, with its proof and the log's promise."""
        pem = certificate.public_bytes(Encoding.PEM)
        spec = {
            "envelopeHash": {"algorithm": "sha256", "value": "0" * 64},
            "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
            "signatures": [{"signature": _b64(signature), "verifier": _b64(pem)}],
        }
        body = _canonical({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec})
        before = hashlib.sha256(b"\0before").digest()
        root = hashlib.sha256(b"\1" + before + hashlib.sha256(b"\0" + body).digest()).digest()
        note = f"log.invalid - 1\n2\n{_b64(root)}\n"
        signed_note = _key_id(self.log_key)[:4] + self.log_key.sign(note.encode(), ECDSA(hashes.SHA256()))
        checkpoint = f"{note}\n— log.invalid {_b64(signed_note)}\n"
        promise = {
            "body": _b64(body),
            "integratedTime": int(at.timestamp()),
            "logID": _key_id(self.log_key).hex(),
            "logIndex": 1,
        }
        return {
            "logIndex": "1",
            "logId": {"keyId": _b64(_key_id(self.log_key))},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(promise["integratedTime"]),
            "inclusionPromise": {
                "signedEntryTimestamp": _b64(self.log_key.sign(_canonical(promise), ECDSA(hashes.SHA256())))
            },
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": _b64(root),
                "treeSize": "2",
                "hashes": [_b64(before)],
                "checkpoint": {"envelope": checkpoint},
            },
            "canonicalizedBody": _b64(body),
        }


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _spki(key: EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _key_id(key: EllipticCurvePrivateKey) -> bytes:
    return hashlib.sha256(_spki(key)).digest()


def _canonical(value: Json) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _b64(data: bytes) -> str:
    return b64encode(data).decode()


def _with_length(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _der(tag: int, value: bytes) -> bytes:
    length = len(value)
    head = bytes([length]) if length < 128 else bytes([0x81, length]) if length < 256 else b"\x82" + length.to_bytes(2)
    return bytes([tag]) + head + value
