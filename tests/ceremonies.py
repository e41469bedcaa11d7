"""Real ceremonies for tests: key holders with keys of their own, and the documents that they sign."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from securesystemslib.signer import CryptoSigner, Key, Signer
from tuf.api.metadata import Metadata

from indexsite_client.protocol import (
    BIN_PREFIX,
    EXTENSION,
    OFFLINE_ROLES,
    RECENTLY_CLAIMED,
    ROOT,
    SNAPSHOT,
    TIMESTAMP,
    Bins,
    Json,
    RoleHeader,
    RoleKeys,
    offline_signed,
)
from tufsigning.core.documents import Document, role_keys

ONLINE = (TIMESTAMP, SNAPSHOT, RECENTLY_CLAIMED, BIN_PREFIX)


def new_signer() -> CryptoSigner:
    return CryptoSigner(Ed25519PrivateKey.generate())


def new_holders() -> dict[str, tuple[CryptoSigner, ...]]:
    """Keys for each offline role, as many as DESIGN says."""
    return {role: tuple(new_signer() for _ in range(said.holders)) for role, said in OFFLINE_ROLES.items()}


@dataclass(frozen=True)
class Ceremony:
    """Who holds which keys; `online` are the keys of every online role. A change of it is made with `replace`."""

    online: tuple[Key, ...]
    holders: Mapping[str, tuple[CryptoSigner, ...]] = field(default_factory=new_holders)
    index_id: str = field(default_factory=lambda: secrets.token_hex(16))
    bins: Bins = field(default_factory=lambda: Bins(4))
    development: bool = False
    online_threshold: int = 1

    def keys(self) -> dict[str, RoleKeys]:
        """The public keys of each role."""
        offline = {
            role: role_keys([signer.public_key for signer in signers], OFFLINE_ROLES[role].threshold)
            for role, signers in self.holders.items()
        }
        return offline | {role: role_keys(self.online, self.online_threshold) for role in ONLINE}

    def signed(self, role: str, version: int, *, expires: datetime | None = None) -> Json:
        """The signed part of a role, to be changed before it is signed."""
        header = RoleHeader(role, version, expires or datetime.now(UTC) + timedelta(days=90), self.index_id)
        return offline_signed(header, self.keys(), bins=self.bins, development=self.development)

    def document(
        self, role: str, version: int, *, expires: datetime | None = None, also_by: Iterable[Signer] = ()
    ) -> Document:
        """A role's document, signed by all who hold a key of it."""
        return sign_elsewhere(self.signed(role, version, expires=expires), [*self.holders[role], *also_by])

    def all(self, *, root: int = 1, others: int = 1) -> list[Document]:
        """Root and the three roles below."""
        return [self.document(role, root if role == ROOT else others) for role in OFFLINE_ROLES]

    def with_new_keys(self, role: str) -> "Ceremony":
        """The same, but that a role's keys are replaced."""
        return replace(self, holders={**self.holders, role: tuple(new_signer() for _ in self.holders[role])})


def sign_elsewhere(signed: Json, signers: Iterable[Signer]) -> Document:
    """Sign as python-tuf does, whose canonical form is its own where keys are PEM."""
    metadata = Metadata.from_dict({"signatures": [], "signed": json.loads(json.dumps(signed))})
    for signer in signers:
        metadata.sign(signer, append=True)
    return Document(signed[EXTENSION]["role"], signed["version"], metadata.to_bytes())


def write_documents(folder: Path, documents: Iterable[Document]) -> list[Path]:
    """As `indexsite ceremony` leaves them."""
    (folder / "metadata").mkdir(parents=True, exist_ok=True)
    paths = []
    for document in documents:
        paths.append(folder / "metadata" / f"{document.version}.{document.role}.json")
        paths[-1].write_bytes(document.content)
    return paths


def write_online_key(path: Path) -> CryptoSigner:
    """A new online key in a plain PEM file."""
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return CryptoSigner(key)
