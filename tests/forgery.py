"""What a thief of the online key can sign, and what only the offline keys can: forged publications for tests."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, Signer

from indexsite_client.protocol import EXTENSION, Json, RoleHeader, RoleKeys
from tests.running import RunningIndex
from tufsigning.core.documents import Document, meta_entry, role_keys, sign_document, sign_snapshot, timestamp_signed
from tufsigning.core.snapshots import SnapshotEntries

BASE = "/tuf/metadata/"


def signer_of(index: RunningIndex, name: str) -> CryptoSigner:
    """A key of the index's development ceremony."""
    key = load_pem_private_key(Path(index.data, "keys", f"{name}.pem").read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    return CryptoSigner(key)


def new_signer() -> CryptoSigner:
    """A key that the index does not know."""
    return CryptoSigner(Ed25519PrivateKey.generate())


def keys_of(*signers: Signer) -> RoleKeys:
    """One of these keys is enough."""
    return role_keys([signer.public_key for signer in signers], 1)


@dataclass
class Forgery:
    """A publication that follows the index's current one, with other documents of any roles in it."""

    index: RunningIndex
    documents: list[Document] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.timestamp: Json = self.index.get(f"{BASE}timestamp.json").json()["signed"]
        number = self.timestamp["meta"]["snapshot.json"]["version"]
        self.snapshot: Json = self.index.get(f"{BASE}{number}.snapshot.json").json()["signed"]

    def header(self, role: str, *, valid: timedelta = timedelta(days=1)) -> RoleHeader:
        """One version up from what is published."""
        current = self.snapshot["meta"].get(f"{role}.json", {"version": self.snapshot["version"]})["version"]
        return RoleHeader(role, current + 1, datetime.now(UTC) + valid, self.timestamp[EXTENSION]["index"])

    def add(self, signed: Json, *signers: Signer) -> None:
        """Sign a document of this publication."""
        self.documents.append(sign_document(signed, signers))

    def overlay(self, *, valid: timedelta = timedelta(days=1)) -> dict[str, bytes]:
        """Everything by path, under a snapshot and timestamp signed with the stolen online key."""
        online = signer_of(self.index, "online")
        published = {file.removesuffix(".json"): entry for file, entry in self.snapshot["meta"].items()}
        forged = {each.role: meta_entry(each, hashed=True) for each in self.documents}
        snapshot = sign_snapshot(self.header("snapshot"), SnapshotEntries.of(published | forged), [online])
        timestamp = sign_document(timestamp_signed(self.header("timestamp", valid=valid), snapshot), [online])
        files = {f"{BASE}{each.version}.{each.role}.json": each.content for each in [*self.documents, snapshot]}
        return {**files, f"{BASE}timestamp.json": timestamp.content}
