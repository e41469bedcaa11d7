"""Has attestations verified by a process of its own, which stays for the next ones: its start takes a second."""

import hashlib
import json
import threading
from dataclasses import dataclass
from typing import Any

from packages.attestations.errors import AttestationsBusyError, AttestationsFaultyError
from packages.attestations.identities import Publisher
from packages.piped import PipedProcess

CPU_SECONDS = 10  # for those of one file
_SECONDS = 30.0  # of the clock, waiting for others included


@dataclass(frozen=True, slots=True)
class Attested:
    """Who attested a file, and its provenance object (PEP 740) as it is served."""

    publisher: Publisher
    provenance: bytes

    @property
    def sha256(self) -> str:
        """Of the provenance object."""
        return hashlib.sha256(self.provenance).hexdigest()


class AttestationVerifier:
    """Verifies for all threads, one after the other. `trusted_root` is a path, empty for Sigstore's public instance."""

    def __init__(self, trusted_root: str = "", *, seconds: float = _SECONDS) -> None:
        self._process = PipedProcess("packages.attestations.verifying", trusted_root, seconds=seconds)
        self._seconds = seconds
        self._lock = threading.Lock()

    def verify(self, attestations: str, *, filename: str, sha256: str) -> Attested:
        """Who attested the file with these bytes; raises AttestationsFaultyError or AttestationsBusyError."""
        job = {"attestations": attestations, "filename": filename, "sha256": sha256}
        answer = self._ask(json.dumps(job).encode())
        if "fault" in answer:
            raise AttestationsFaultyError(
                f"The attestations of {filename} are refused: {answer['fault']}. Build and attest the file again, or "
                "upload it without them."
            )
        who = answer["publisher"]
        publisher = Publisher.of(who["kind"], who["name"], who["workflow"])
        return Attested(publisher, answer["provenance"].encode())

    def end(self) -> None:
        """Stop the process, if it runs."""
        with self._lock:
            self._process.end()

    def _ask(self, job: bytes) -> dict[str, Any]:  # Any: our own JSON
        if not self._lock.acquire(timeout=self._seconds):
            raise AttestationsBusyError
        try:
            answer = self._process.ask(job) or self._process.ask(job)  # it may have died since the last ones
        finally:
            self._lock.release()
        if answer is None:
            raise AttestationsBusyError
        found: dict[str, Any] = json.loads(answer)
        return found
