"""The whole audit in its order: documents, pages, files, the store, then rows and chains."""

from collections.abc import Iterator

from tufsigning.audit import rows
from tufsigning.audit.surplus import judge_store
from tufsigning.audit.targets import judge_blobs, judge_pages
from tufsigning.audit.walk import Walk
from tufsigning.core.findings import Finding


def audit_index(walk: Walk) -> Iterator[Finding]:
    """Every finding, as it comes. Reads only; may run while the index serves.

    What hangs below something faulty is not judged, so that one damage is one finding. Raises DatabaseError or
    StorageUnavailableError, where there is nothing to judge.
    """
    yield from walk.findings()
    if not walk.is_whole:
        return  # nor can the publisher read it: rows and chains hang below
    yield from judge_pages(walk)
    yield from judge_blobs(walk)
    yield from judge_store(walk)
    yield from rows.judge_journal(walk)
    yield from rows.judge_key_uses()
    back = list(rows.rolled_back())
    if back:
        yield from back
        return
    yield from rows.judge_projects(walk)
    yield from rows.judge_log()
