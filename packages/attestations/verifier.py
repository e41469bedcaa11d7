"""Has attestations verified by a process of its own, which stays for the next ones: its start takes a second."""

import hashlib
import json
import logging
import threading
from dataclasses import dataclass
from typing import Any

from packages.attestations.errors import AttestationsBusyError, AttestationsFaultyError, AttestationsUnverifiableError
from packages.attestations.identities import Publisher
from packages.piped import PipedProcess

CPU_SECONDS = 10  # for those of one file
_SECONDS = 30.0  # of the clock, waiting for others included
log = logging.getLogger(__name__)


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
        self._trusted_root, self._seconds = trusted_root, seconds
        self._was_said = False
        self._lock = threading.Lock()

    def verify(self, attestations: str, *, filename: str, sha256: str) -> Attested:
        """Who attested the file with these bytes.

        Raises AttestationsFaultyError, AttestationsBusyError, or AttestationsUnverifiableError where the trusted root
        does not load; that is logged once.
        """
        job = {"attestations": attestations, "filename": filename, "sha256": sha256}
        answer = self._ask(json.dumps(job).encode())
        if "unloadable" in answer:
            self._say_once(answer["unloadable"])
            raise AttestationsUnverifiableError
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
            answer = self._process.ask(job)
        except OSError as error:  # no memory or no descriptors, as it may be for a while
            log.warning("The process that verifies attestations cannot be started now: %s", error)
            answer = None
        finally:
            self._lock.release()
        if answer is None:
            raise AttestationsBusyError
        found: dict[str, Any] = json.loads(answer)
        return found

    def _say_once(self, why: str) -> None:
        with self._lock:
            was_said, self._was_said = self._was_said, True
        if not was_said:
            log.error(
                "No attestations can be verified, for the trusted root %s does not load (%s); "
                "name a right one in INDEXSITE_SIGSTORE_ROOT and start the index again.",
                self._trusted_root or "of Sigstore's public instance",
                why,
            )
