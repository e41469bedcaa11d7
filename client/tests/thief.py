"""Somebody who stands between index and clients, with copies of some of its keys, and makes the most of them."""

import copy
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from client.tests.index_simulator import IndexSimulator, new_signer, sha256
from indexsite_client import protocol

BINS = "bins"  # every bin; they share one key


class Thief:
    """Change `forged` at will; `show` then signs what the stolen keys can, and shows the genuine rest.

    A document of a role whose key is not stolen is signed by a key of the thief's own only where it must change.
    """

    def __init__(self, index: IndexSimulator, *, stolen: Iterable[str]) -> None:
        self.index, self.stolen = index, frozenset(stolen)
        self._replayed: dict[str, tuple[int, bytes]] = {}
        self.forged = copy.deepcopy(index)
        self.forged.served = dict(index.served)
        self.forged.now = datetime.now(UTC).replace(microsecond=0)
        for role in self.forged.signers:
            if not self.has(role):
                self.forged.signers[role] = [new_signer()]

    def has(self, role: str) -> bool:
        return (BINS if role.startswith(f"{protocol.BIN_PREFIX}-") else role) in self.stolen

    def touch(self, *roles: str) -> None:
        """These targets roles are signed anew, by whatever key there is."""
        for role in roles:
            self.forged.targets[role].expires = self.forged.now + timedelta(days=91)

    def forge_targets(self) -> None:
        """Come to sign bins: by their own key, or by delegating to a key of the thief's from as high as it takes."""
        if self.has(BINS):
            return
        bins = [role for role in self.forged.targets if role.startswith(f"{protocol.BIN_PREFIX}-")]
        delegations = self.forged.targets[protocol.UNCLAIMED].delegations
        assert delegations
        assert delegations.succinct_roles
        key = self.forged.signers[bins[0]][0].public_key
        for role in bins:
            self.forged.signers[role] = self.forged.signers[bins[0]]
        delegations.succinct_roles.keyids, delegations.keys = [key.keyid], {key.keyid: key}
        self.touch(protocol.UNCLAIMED, *bins)
        if not self.has(protocol.UNCLAIMED):
            roles = protocol.TARGETS_DELEGATIONS
            self.forged.delegate("targets", [self.forged.delegation(role, "*/*") for role in roles])
            self.touch("targets", *roles)

    def replay(self, role: str, version: int, document: bytes) -> None:
        """A document as it was: signed anew by who has its key, else in its old bytes."""
        if self.has(role):
            self.forged.targets[role] = Metadata[Targets].from_bytes(document).signed
        else:
            self._replayed[role] = (version, document)

    def show(self) -> None:
        """Put all of it in front of the clients."""
        served = {path: data for path, data in self.forged.served.items() if path not in self.index.served}
        served |= self._roots() if self.has("root") else {}
        version = self.index.version + 10
        snapshot_moves = self.has("snapshot")
        meta = {}
        for role in self.forged.targets:
            number, data = self._document(role, version if snapshot_moves else self.index.version)
            served[f"/tuf/metadata/{number if snapshot_moves else self.index.version}.{role}.json"] = data
            meta[f"{role}.json"] = self.index.meta_file(role, number, data)
        if snapshot_moves:
            snapshot = Snapshot(version=version, expires=self.forged.now + timedelta(days=7), meta=meta)
            self.forged.extend(snapshot, "snapshot")
            served[f"/tuf/metadata/{version}.snapshot.json"] = self.forged.sign("snapshot", snapshot)
        if self.has("timestamp"):
            number = version if snapshot_moves else self.index.version
            path = f"/tuf/metadata/{number}.snapshot.json"
            self._show_timestamp(served, served.get(path) or self.index.served[path], number)
        self.index.served |= served

    def _document(self, role: str, version: int) -> tuple[int, bytes]:
        """What is shown of a role: of this version where it has to change, else as it is."""
        if role in self._replayed:
            return self._replayed[role]
        document = self.forged.targets[role]
        if document == self.index.targets[role]:
            return self.index.version, self.index.served[f"/tuf/metadata/{self.index.version}.{role}.json"]
        document.version = version
        return version, self.forged.sign(role, document)

    def _show_timestamp(self, served: dict[str, bytes], snapshot: bytes, number: int) -> None:
        pointer = MetaFile(number, len(snapshot), {"sha256": sha256(snapshot)})
        expires = self.forged.now + timedelta(days=1)
        timestamp = Timestamp(version=self.index.version + 10, expires=expires, snapshot_meta=pointer)
        self.forged.extend(timestamp, "timestamp")
        served["/tuf/metadata/timestamp.json"] = self.forged.sign("timestamp", timestamp)

    def _roots(self) -> dict[str, bytes]:
        """A next root that the stolen root keys sign, in which every other role's keys are the thief's own."""
        root: Root = copy.deepcopy(self.index.root)
        root.version += 1
        for role in ("timestamp", "snapshot", "targets"):
            for keyid in list(root.roles[role].keyids):
                root.revoke_key(keyid, role)
            for signer in self.forged.signers[role]:
                root.add_key(signer.public_key, role)
        self.stolen |= {"timestamp", "snapshot", "targets"}
        return {f"/tuf/metadata/{root.version}.root.json": self.forged.sign("root", root)}
