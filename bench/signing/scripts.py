"""Bare scripts beside the publisher: they sign and store documents of the same size, and do nothing else.

An upload touches two bins, that of the file and that of its project's page; and snapshot and timestamp.
"""

import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Snapshot, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from bench.names import BARE_SCRIPT, TUF_SCRIPT
from tufsigning.core.documents import read_signed
from tufsigning.core.publication import is_bin
from tufsigning.library import Library, read_document

BINS = 2


class SigningScripts:
    """Holds the documents of the index as they are now, and signs them anew as often as asked."""

    ONCE, TUF, BARE = BARE_SCRIPT, TUF_SCRIPT, "cryptography"

    def __init__(self, library: Library) -> None:
        current = library.current()
        self._snapshot, self._timestamp = read_signed(current.snapshot), read_signed(current.timestamp)
        entries = {name.removesuffix(".json"): entry for name, entry in self._snapshot["meta"].items()}
        roles = [role for role in entries if is_bin(role)][:BINS]
        contents = {role: read_document(role, entries[role]) for role in roles}
        self._bins = {role: read_signed(content) for role, content in contents.items()}
        self._tuf_bins = {role: Metadata[Targets].from_bytes(content) for role, content in contents.items()}
        self._tuf_snapshot = Metadata[Snapshot].from_bytes(current.snapshot)
        self._tuf_timestamp = Metadata[Timestamp].from_bytes(current.timestamp)
        self._signer = CryptoSigner.generate_ed25519()
        self._folder = Path(tempfile.mkdtemp(prefix="scripts-", dir=os.environ["INDEXSITE_DATA"]))

    def sign_once(self) -> None:
        """Each document serialised once, canonically: what is signed is what is stored."""
        files = {}
        for role, signed in self._bins.items():
            signed["version"] += 1
            files[role] = self._sign(signed)
            self._snapshot["meta"][f"{role}.json"] = {"version": signed["version"], "length": len(files[role])}
        self._snapshot["version"] += 1
        files["snapshot"] = self._sign(self._snapshot)
        entry = {"version": self._snapshot["version"], "length": len(files["snapshot"])}
        self._timestamp["meta"]["snapshot.json"] |= entry
        self._timestamp["version"] += 1
        files["timestamp"] = self._sign(self._timestamp)
        self._store(files)

    def sign_with_tuf(self) -> None:
        """The same through python-tuf's objects and its serialiser, as its own examples of repositories do it."""
        serializer = JSONSerializer(compact=True)
        files = {}
        for role, bin_ in self._tuf_bins.items():
            bin_.signed.version += 1
            bin_.sign(self._signer)
            files[role] = bin_.to_bytes(serializer)
            self._tuf_snapshot.signed.meta[f"{role}.json"] = MetaFile(bin_.signed.version, len(files[role]))
        self._tuf_snapshot.signed.version += 1
        self._tuf_snapshot.sign(self._signer)
        files["snapshot"] = self._tuf_snapshot.to_bytes(serializer)
        self._tuf_timestamp.signed.snapshot_meta = MetaFile(self._tuf_snapshot.signed.version, len(files["snapshot"]))
        self._tuf_timestamp.signed.version += 1
        self._tuf_timestamp.sign(self._signer)
        files["timestamp"] = self._tuf_timestamp.to_bytes(serializer)
        self._store(files)

    @staticmethod
    def signatures_per_second(seconds: float) -> float:
        """Bare Ed25519 over a kilobyte, on one core."""
        key, payload, done = Ed25519PrivateKey.generate(), os.urandom(1000), 0
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds:
            for _ in range(100):
                key.sign(payload)
            done += 100
        return done / (time.perf_counter() - begun)

    def _sign(self, signed: Mapping[str, object]) -> bytes:
        payload = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        signature = json.dumps([self._signer.sign(payload).to_dict()]).encode()
        return b'{"signatures":' + signature + b',"signed":' + payload + b"}"

    def _store(self, files: Mapping[str, bytes]) -> None:
        """Every file durable, then the folder: as little as a publication can do."""
        for name, content in files.items():
            with open(self._folder / f"{name}.new", "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(self._folder / f"{name}.new", self._folder / name)
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
