"""What lies in the store and is explained by nothing: no signed document, no row, no page of before."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from indexsite_client.protocol import SHA256, TIMESTAMP, ProtocolError, read_page
from packages import outbox
from storage.contract import BLOBS, METADATA, StoredFile, blob_name, read_bytes, the_storage
from tufsigning.audit.walk import Walk
from tufsigning.core.findings import Finding
from tufsigning.library import MAX_PAGE
from tufsigning.models import Document

_YOUNG = timedelta(days=1)  # of an upload that is not recorded yet, or was given up: tuf_prune spares it too
_SLICE = 1000
_OURS = frozenset({f"{TIMESTAMP}.json", ".lock"})  # the latter is the file system storage's own
_TEMPORARY = ".new-"  # how the file system storage names what it is writing


def judge_store(walk: Walk) -> Iterator[Finding]:
    """Every name in the store. The folder of uploads in transit is no matter of ours."""
    yield from _judge_documents(walk)
    walk.ledger.add("known", ((sha256,) for sha256 in outbox.stored_hashes()))
    for number, file in enumerate(the_storage().stored(BLOBS), start=1):
        walk.progress("files in the store", number, number)
        sha256 = file.name.rpartition("/")[2]
        if SHA256.fullmatch(sha256) is None or file.name != blob_name(sha256):
            is_explained = sha256.startswith(_TEMPORARY) and _is_young(file, now=walk.now)
        else:
            is_explained = walk.ledger.is_known(sha256) or _is_young(file, now=walk.now) or _is_page(file.name)
        if not is_explained:
            yield _surplus(file.name)


def _judge_documents(walk: Walk) -> Iterator[Finding]:
    """Documents of now, of before, and those that a row says were signed for a publication that failed."""
    for start in range(0, len(walk.names), _SLICE):
        unknown = {name: key for name in walk.names[start : start + _SLICE] if (key := _unknown(name, walk))}
        roles = {role for role, _ in unknown.values()}
        rows = set(Document.objects.filter(role__in=roles).values_list("role", "version")) if unknown else set()
        yield from (_surplus(f"{METADATA}/{name}") for name, key in unknown.items() if key not in rows)


def _unknown(name: str, walk: Walk) -> tuple[str, int] | None:
    """Role and version of a document that is neither current nor older; of no document, what no row can have."""
    if name in _OURS or name.startswith(_TEMPORARY):
        return None
    version, _, role = name.removesuffix(".json").partition(".")
    if not name.endswith(".json") or not version.isascii() or not version.isdigit() or len(version) > 18:
        return name, -1
    if int(version) <= walk.versions.get(role, 0) and role != TIMESTAMP:
        return None
    return role, int(version)


def _is_young(file: StoredFile, *, now: datetime) -> bool:
    return file.written_at > now - _YOUNG


def _is_page(name: str) -> bool:
    """Whether it is a page, that was signed once."""
    try:
        content = read_bytes(name, limit=MAX_PAGE)
        return content is None or bool(read_page(content))  # it may have gone meanwhile
    except (ProtocolError, ValueError):
        return False


def _surplus(name: str) -> Finding:
    return Finding("surplus-file", name, "Nothing that is signed, and no row, knows it.")
