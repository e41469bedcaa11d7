"""A small real TUF repository of our shape, made with tuf and securesystemslib, for the client to be tried on."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Key,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    SuccinctRoles,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from indexsite_client import protocol
from indexsite_client.protocol import NormalizedName, PageFile, ProjectPage

UPLOADED = "2026-01-02T03:04:05.678901Z"
_COMPACT = JSONSerializer(compact=True)


def new_signer() -> CryptoSigner:
    return CryptoSigner(Ed25519PrivateKey.generate())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Blob:
    """A file that the index holds, and what its page says of it."""

    entry: PageFile
    data: bytes
    metadata: bytes


Signed = TypeVar("Signed", Root, Timestamp, Snapshot, Targets)


@dataclass
class IndexSimulator:
    """Change it, then `publish`: `served` maps URL paths to the bytes of a well-behaved index."""

    index_id: str = "test-index"
    development: bool = False
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    served: dict[str, bytes] = field(default_factory=dict)
    signers: dict[str, list[CryptoSigner]] = field(default_factory=dict)
    targets: dict[str, Targets] = field(default_factory=dict)
    root: Root = field(init=False)
    version: int = 0
    says_length: dict[str, int] = field(default_factory=dict)  # lies of the snapshot

    def __post_init__(self) -> None:
        self.root = Root(version=1, expires=self.now + timedelta(days=365), consistent_snapshot=True)
        for role in ("root", "timestamp", "snapshot", "targets"):
            self.add_key(self.root, role)
        self.extend(self.root, "root")
        for role in ("targets", protocol.CLAIMED, protocol.RECENTLY_CLAIMED, protocol.UNCLAIMED):
            self.new_targets(role)
        self.delegate("targets", [self.delegation(role, "*/*") for role in protocol.TARGETS_DELEGATIONS])
        self._make_bins()
        self.publish_root()
        self.publish()

    def extend(self, signed: Root | Timestamp | Snapshot | Targets, role: str) -> None:
        said: dict[str, object] = {"index": self.index_id, "role": role}
        if isinstance(signed, Root):
            said["development"] = self.development
        signed.unrecognized_fields[protocol.EXTENSION] = said

    def add_key(self, root: Root, role: str) -> None:
        signer = new_signer()
        self.signers.setdefault(role, []).append(signer)
        root.add_key(signer.public_key, role)

    def new_targets(self, role: str) -> Targets:
        document = Targets(version=1, expires=self.now + timedelta(days=90))
        self.extend(document, role)
        self.targets[role] = document
        return document

    def delegation(self, role: str, path: str, *, terminating: bool = False) -> DelegatedRole:
        if role not in self.signers:
            self.signers[role] = [new_signer()]
        keys = [signer.public_key.keyid for signer in self.signers[role]]
        return DelegatedRole(role, keys, 1, terminating, paths=[path])

    def delegate(self, delegator: str, roles: Iterable[DelegatedRole], keys: Iterable[Key] = ()) -> None:
        """Delegate anew; the keys are those known for the roles, or the thief's."""
        roles = list(roles)
        known: dict[str, Key] = {key.keyid: key for key in keys}
        for role in roles:
            known |= {signer.public_key.keyid: signer.public_key for signer in self.signers.get(role.name, [])}
        self.targets[delegator].delegations = Delegations(known, roles={role.name: role for role in roles})

    def _make_bins(self) -> None:
        signer = new_signer()
        succinct = SuccinctRoles([signer.public_key.keyid], 1, 2, protocol.BIN_PREFIX)
        delegations = Delegations({signer.public_key.keyid: signer.public_key}, succinct_roles=succinct)
        self.targets[protocol.UNCLAIMED].delegations = delegations
        for role in succinct.get_roles():
            self.signers[role] = [signer]
            self.new_targets(role)

    def use_explicit_bins(self) -> None:
        """The same bins, delegated one by one with their path hash prefixes."""
        delegations = self.targets[protocol.UNCLAIMED].delegations
        assert delegations
        assert delegations.succinct_roles
        names = list(delegations.succinct_roles.get_roles())
        keyids, each = delegations.succinct_roles.keyids, 16 // len(names)
        roles = {}
        for number, name in enumerate(names):
            prefixes = [f"{digit:x}" for digit in range(number * each, (number + 1) * each)]
            roles[name] = DelegatedRole(name, keyids, 1, False, path_hash_prefixes=prefixes)
        self.targets[protocol.UNCLAIMED].delegations = Delegations(delegations.keys, roles=roles)

    def bin_of(self, path: str) -> str:
        delegations = self.targets[protocol.UNCLAIMED].delegations
        assert delegations
        assert delegations.succinct_roles
        return delegations.succinct_roles.get_role_for_target(path)

    def claim(self, project: str, *, delegator: str = protocol.RECENTLY_CLAIMED) -> str:
        """Give a project its own role, delegated by recently-claimed or by claimed-<p>."""
        name = protocol.normalize_name(project)
        role = protocol.project_role(name)
        if delegator == protocol.CLAIMED:
            delegator = f"claimed-{name[0]}"
            self.new_targets(delegator)
            self.delegate(protocol.CLAIMED, [self.delegation(delegator, f"{name[0]}*/*")])
        self.delegate(delegator, [self.delegation(role, f"{name}/*", terminating=True)])
        self.new_targets(role)
        return role

    def put_target(self, role: str, path: str, data: bytes) -> None:
        self.targets[role].targets[path] = TargetFile(len(data), {"sha256": sha256(data)}, path)
        folder, _, name = path.rpartition("/")
        self.served[f"/tuf/targets/{folder}/{sha256(data)}.{name}"] = data

    def add_project(self, name: str, blobs: Iterable[Blob], *, role: str | None = None) -> ProjectPage:
        """List and sign a project's files and page, in bins or in a role of its own."""
        blobs = list(blobs)
        project = protocol.normalize_name(name)
        page = ProjectPage(project, tuple(blob.entry for blob in blobs))
        for blob in blobs:
            path = protocol.file_target_path(project, blob.entry.filename)
            self.put_target(role or self.bin_of(path), path, blob.data)
            self.served[f"/files/{blob.entry.sha256}/{blob.entry.filename}"] = blob.data
            self.served[f"/files/{blob.entry.sha256}/{blob.entry.filename}.metadata"] = blob.metadata
        self.put_page(page, protocol.page_bytes(page), role=role)
        return page

    def put_page(self, page: ProjectPage, data: bytes, *, role: str | None = None) -> None:
        path = protocol.page_target_path(page.project)
        self.put_target(role or self.bin_of(path), path, data)
        self.served[f"/simple/{page.project}/"] = protocol.page_html(page)

    def sign(self, role: str, signed: Signed) -> bytes:
        metadata = Metadata(signed)
        for signer in self.signers[role]:
            metadata.sign(signer, append=True)
        data: bytes = metadata.to_bytes(_COMPACT)
        return data

    @staticmethod
    def meta_file(role: str, version: int, data: bytes) -> MetaFile:
        """The entry of a document in the snapshot; bins have no hash there."""
        is_bin = role.startswith(f"{protocol.BIN_PREFIX}-")
        return MetaFile(version, len(data), None if is_bin else {"sha256": sha256(data)})

    def publish_root(self) -> bytes:
        """Publish the root as it is now; for another one raise its version first."""
        data = self.sign("root", self.root)
        self.served[f"/tuf/metadata/{self.root.version}.root.json"] = data
        return data

    def publish_another_root(self) -> None:
        """The next version of the root, unchanged otherwise."""
        self.root.version += 1
        self.publish_root()

    def remove_project(self, name: str) -> None:
        """Vouch for nothing of it any more; its bytes are still served."""
        for document in self.targets.values():
            for path in [path for path in document.targets if path.startswith(f"{name}/")]:
                del document.targets[path]

    @property
    def fingerprint(self) -> str:
        return sha256(self.served[f"/tuf/metadata/{self.root.version}.root.json"])

    def publish(self, *, timestamp_life: timedelta = timedelta(days=1)) -> None:
        """Sign every targets document, the snapshot and the timestamp under the next version."""
        self.version += 1
        meta: dict[str, MetaFile] = {}
        for role, document in self.targets.items():
            document.version = self.version
            data = self.sign(role, document)
            self.served[f"/tuf/metadata/{self.version}.{role}.json"] = data
            meta[f"{role}.json"] = self.meta_file(role, self.version, data)
            meta[f"{role}.json"].length = self.says_length.get(role, len(data))
        snapshot = Snapshot(version=self.version, expires=self.now + timedelta(days=7), meta=meta)
        self.extend(snapshot, "snapshot")
        data = self.sign("snapshot", snapshot)
        self.served[f"/tuf/metadata/{self.version}.snapshot.json"] = data
        pointer = MetaFile(self.version, len(data), {"sha256": sha256(data)})
        timestamp = Timestamp(version=self.version, expires=self.now + timestamp_life, snapshot_meta=pointer)
        self.extend(timestamp, "timestamp")
        self.served["/tuf/metadata/timestamp.json"] = self.sign("timestamp", timestamp)


def blob(filename: str, data: bytes, metadata: bytes, *, requires_python: str = "") -> Blob:
    entry = PageFile(filename, sha256(data), len(data), UPLOADED, requires_python, sha256(metadata))
    return Blob(entry, data, metadata)


def with_entry(page: ProjectPage, position: int, **changes: object) -> ProjectPage:
    """The page with one of its entries changed."""
    files = list(page.files)
    files[position] = replace(files[position], **changes)  # type: ignore[arg-type]  # names given by the test
    return ProjectPage(NormalizedName(page.project), tuple(files))
