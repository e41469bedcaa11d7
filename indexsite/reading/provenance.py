"""`/integrity/PROJECT/VERSION/FILENAME/provenance`: who attested a file (PEP 740), by the hash in its signed page."""

from collections.abc import Callable
from urllib.parse import quote

from indexsite.reading import answers
from indexsite.reading.answers import Answer
from indexsite.reading.cache import ByteLimitedCache
from indexsite.reading.refusals import NO_PROVENANCE
from indexsite_client.protocol import INTEGRITY_JSON, PageFile, provenance_link
from storage.contract import blob_name, read_bytes

_MOST = 8 * 1024 * 1024  # bytes


def answer_provenance(path: str, find: Callable[[str], PageFile | None], cache: ByteLimitedCache) -> Answer:
    """The provenance object under a path below `/integrity/`; `find` looks a filename up in the signed pages."""
    file = find(path.removesuffix("/provenance").rpartition("/")[2])
    if file is None or not file.provenance_sha256:
        return NO_PROVENANCE
    if provenance_link(file).partition("#")[0] != f"../../integrity/{quote(path)}":
        return NO_PROVENANCE
    sha256 = file.provenance_sha256

    def make() -> Answer:
        body = read_bytes(blob_name(sha256), limit=_MOST)
        if body is None:
            return NO_PROVENANCE
        return answers.content(body, kind=INTEGRITY_JSON, etag=sha256, cache=answers.REVALIDATE)

    return cache.get(("provenance", sha256), make, lambda answer: None if answer is NO_PROVENANCE else answer.cost())
