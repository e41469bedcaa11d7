"""What became of a project since the last good state: in rows, in what clients are shown, and what explains it. Pure.

The journal tells what somebody did with a password or a token, and whoever can write to the database can write there.
So a change that it explains is one to ask its author about, and not one that is proven.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from indexsite_client.protocol import INDEX_PAGE, Json, PageFile, ProjectPage, ProjectStatus

ADDED, CHANGED, REMOVED, PAGE, SHOWN_ONLY = "added", "changed", "removed", "page", "shown-only"
WORDS = {
    ADDED: "it was not in the copy",
    CHANGED: "it has other bytes than in the copy",
    REMOVED: "it is in the copy, and gone",
    PAGE: "what is said of it differs from the copy",
    SHOWN_ONLY: "clients are shown what neither copy nor database has; the next publication ends it",
}
_EXPLAINS = {ADDED: {"file.added", "file.imported"}, REMOVED: {"file.deleted"}}


@dataclass(frozen=True, slots=True)
class Act:
    """An entry of the journal: what was done, with which file where it was one, and how to tell it."""

    act: str
    filename: str
    sha256: str
    told: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A file or page (`index.json`) that is not as in the copy. Hashes: in the copy, in the rows, and as shown.

    None where there is none. `explained` is the entry of the journal that tells of it, empty where none does.
    """

    path: str
    kind: str
    was: str | None
    rows: str | None
    shown: str | None
    explained: str

    @property
    def is_to_decide(self) -> bool:
        """What is only shown goes by itself."""
        return self.kind != SHOWN_ONLY

    def __str__(self) -> str:
        return (
            f"{self.kind}: {self.path}: {WORDS[self.kind]}; {self.explained or 'no entry of the journal explains it'}"
        )

    def said(self) -> Json:
        """As JSON."""
        return asdict(self)


def find_differences(
    project: str,
    *,
    good: ProjectPage | None,
    rows: ProjectPage | None,
    known: tuple[Mapping[str, str], Mapping[str, str]],
    acts: Sequence[Act],
) -> Iterator[Difference]:
    """Where a project is not as in the copy; `known` are the hashes of its targets, in the copy and as shown."""
    was, now = _files(good), _files(rows)
    good_targets, shown = known
    for filename in sorted((was.keys() | now.keys() | shown.keys() | good_targets.keys()) - {INDEX_PAGE}):
        before = was[filename].sha256 if filename in was else None
        after = now[filename].sha256 if filename in now else None
        seen = shown.get(filename)
        kind = _kind(before, after)
        if kind is None and seen == before:
            continue
        kind = kind or SHOWN_ONLY
        path = f"{project}/{filename}"
        explained = next((act.told for act in acts if _explains(act, kind, filename, after)), "")
        yield Difference(path, kind, before, after, seen, explained)
    said_before, said_now = _said(good, now), _said(rows, was)
    page = f"{project}/{INDEX_PAGE}"
    if said_before != said_now:
        told = next((act.told for act in acts if act.act not in _EXPLAINS[ADDED] | _EXPLAINS[REMOVED]), "")
        yield Difference(page, PAGE, good_targets.get(INDEX_PAGE), None, shown.get(INDEX_PAGE), told)


def wanted_page(
    project: str, *, good: ProjectPage | None, rows: ProjectPage | None, kept: frozenset[str]
) -> ProjectPage | None:
    """The page as it shall be: that of the copy, but for the target paths that are `kept` as the rows have them."""
    was, now = _files(good), _files(rows)
    as_rows = f"{project}/{INDEX_PAGE}" in kept
    if as_rows and rows is None:
        return None
    files: dict[str, PageFile] = dict(was)
    for filename in was.keys() | now.keys():
        is_same = filename in was and filename in now and was[filename].sha256 == now[filename].sha256
        if as_rows if is_same else f"{project}/{filename}" in kept:
            files.pop(filename, None)
            files.update({filename: now[filename]} if filename in now else {})
    basis = rows if rows is not None and (as_rows or good is None) else good
    if basis is None or (good is None and not files and not as_rows):
        return None
    if basis.status is ProjectStatus.QUARANTINED:
        files = {}
    return ProjectPage(basis.project, tuple(files.values()), basis.status, basis.status_reason)


def _kind(before: str | None, after: str | None) -> str | None:
    if before == after:
        return None
    return ADDED if before is None else REMOVED if after is None else CHANGED


def _explains(act: Act, kind: str, filename: str, sha256: str | None) -> bool:
    return (
        act.act in _EXPLAINS.get(kind, set()) and act.filename == filename and (kind != ADDED or act.sha256 == sha256)
    )


def _files(page: ProjectPage | None) -> dict[str, PageFile]:
    return {file.filename: file for file in page.files} if page else {}


def _said(page: ProjectPage | None, others: Mapping[str, PageFile]) -> object:
    """What a page says of itself, and of those files that the other one has with the same bytes."""
    if page is None:
        return None
    shared = [each for each in page.files if each.filename in others and others[each.filename].sha256 == each.sha256]
    return page.status, page.status_reason, sorted(shared, key=lambda each: each.filename)
