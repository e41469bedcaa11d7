"""The WSGI layer in front of Django: /simple/, /files/, /integrity/ and /tuf/ are answered here, all else by Django."""

import re
from collections.abc import Callable, Iterable

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from accounts.reading import ReadAccess
from downloads.counter import DownloadCounter
from indexsite.reading import answers
from indexsite.reading.answers import Answer, Environ, StartResponse, StreamedFile
from indexsite.reading.downloads import downloaded
from indexsite.reading.negotiation import accepts_gzip, negotiate_form
from indexsite.reading.project_list import ProjectList
from indexsite.reading.provenance import answer_provenance
from indexsite.reading.public_log import answer_log
from indexsite.reading.published import Follower, Published, Target
from indexsite.reading.refusals import METHOD, NO_FILE, UNACCEPTABLE, ask_to_sign_in, later, redirect_to_normalized
from indexsite_client.protocol import (
    INDEX_PAGE,
    ROOT,
    SHA256,
    SIMPLE_JSON,
    NormalizedName,
    PageFile,
    ProtocolError,
    is_normalized_name,
    page_html,
    parse_distribution_filename,
    read_page,
)
from storage.contract import StorageUnavailableError, blob_name, document_name, read_bytes, the_storage
from tufsigning.errors import TrustError
from tufsigning.library import MAX_DOCUMENT, MAX_PAGE

_DOCUMENT = re.compile(r"([1-9][0-9]{0,18})\.([a-z0-9][a-z0-9.-]{0,220})\.json")
_ASKED_ANEW = frozenset({"metadata/timestamp.json", "log"})
_KEPT_FILE = 256 * 1024  # bytes up to which files are answered from memory
_OPEN = frozenset({"legacy", "health", "static", "admin", "account", "metrics"})  # these decide for themselves
_MACHINES = frozenset({"legacy", "health", "metrics"})
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
Sendable = Answer | StreamedFile
Route = Callable[[Environ, str], Sendable]


class ReadLayer:
    """What installers ask for. `access` decides who may read a private index; None for an open one.

    `downloads` counts what is downloaded; None where nobody wants to know.
    """

    def __init__(
        self, django: WsgiApp, follower: Follower, access: ReadAccess | None, downloads: DownloadCounter | None = None
    ) -> None:
        self._django, self._follower, self._access, self._downloads = django, follower, access, downloads
        self._cache = follower.cache
        self._routes: dict[str, Route] = {
            "simple": self._simple,
            "files": self._files,
            "integrity": lambda _, rest: answer_provenance(rest, self._listed, self._cache),
            "tuf": self._tuf,
        }
        immutable, vary = answers.IMMUTABLE, "Accept, Accept-Encoding"
        if access is not None:
            immutable, vary = immutable.replace("public", "private"), f"{vary}, Authorization, Cookie"
        self._immutable, self._vary = immutable, vary
        self._list = ProjectList(vary)
        self._no_root = "", 0

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """PEP 3333."""
        try:
            return self._serve(environ, start_response)
        except (TrustError, StorageUnavailableError) as error:
            return later(str(error)).send(environ, start_response)
        except (DatabaseError, InterfaceError):
            return later("The database does not answer at the moment; try again.").send(environ, start_response)

    def _serve(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        first, _, rest = environ["PATH_INFO"][1:].partition("/")
        if self._access is not None and first not in _OPEN and not self._may_read(environ):
            return ask_to_sign_in(environ, first).send(environ, start_response)
        route = self._routes.get(first)
        if route is None:
            if first in _MACHINES:  # they come under any name, and their answers show none: Django must not mind
                environ["HTTP_HOST"] = "localhost"
            return self._django(environ, start_response)
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return METHOD.send(environ, start_response)
        answer = self._answer(environ, route, rest)
        body = answer.send(environ, start_response)
        if self._downloads is not None and first != "simple":
            filename = downloaded(environ, first, rest, answer, body)
            if filename:
                self._downloads.note(filename)
        return body

    def _answer(self, environ: Environ, route: Route, rest: str) -> Sendable:
        """The answer to the same request in the same publication, or a new one."""
        ready = self._follower.current().ready
        request = environ["PATH_INFO"], environ.get("HTTP_ACCEPT"), environ.get("HTTP_ACCEPT_ENCODING")
        known: Answer | None = ready.get(request)
        if known is not None and "HTTP_RANGE" not in environ:
            return known
        answer = route(environ, rest)
        if isinstance(answer, Answer) and answer.etag and rest not in _ASKED_ANEW:
            ready.keep(request, answer, answer.cost())
        return answer

    def _may_read(self, environ: Environ) -> bool:
        assert self._access is not None  # noqa: S101  # asked only of a private index
        return self._access.allows(environ.get("HTTP_AUTHORIZATION", ""), environ.get("HTTP_COOKIE", ""))

    # --- /simple/ ---

    def _simple(self, environ: Environ, rest: str) -> Sendable:
        form = negotiate_form(environ.get("HTTP_ACCEPT", ""))
        if form is None:
            return UNACCEPTABLE
        gzip = accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        published = self._follower.current()
        if not rest:
            if not environ["PATH_INFO"].endswith("/"):
                return answers.redirect("simple/")
            return self._list.answer(published, form, gzip=gzip)
        name = rest[:-1] if rest.endswith("/") else rest
        target = published.page_target(name)
        if target is None:  # another process may have shown it already
            published = self._follower.current(fresh=True)
            target = published.page_target(name)
        if target is None or name == rest:
            return redirect_to_normalized(name, has_slash=name != rest)
        return self._page(published, target, form, gzip=gzip)

    def _page(self, published: Published, target: Target, form: str, *, gzip: bool) -> Answer:
        def make() -> Answer:
            body, etag = published.page_content(target), target.sha256
            if form != SIMPLE_JSON:
                body, etag = page_html(read_page(body)), f"{etag}.{form.replace('/', '-')}"
            return self._finish(body, form, etag, gzip=gzip)

        return self._cache.get((target.sha256, form, gzip), make, Answer.cost)

    def _finish(self, body: bytes, form: str, etag: str, *, gzip: bool) -> Answer:
        kind = form if form == SIMPLE_JSON else f"{form}; charset=utf-8"
        answer = answers.content(body, kind=kind, etag=etag, cache=answers.REVALIDATE, vary=self._vary)
        return answers.gzipped(answer) if gzip else answer

    # --- /files/ ---

    def _files(self, environ: Environ, rest: str) -> Sendable:
        sha256, _, filename = rest.partition("/")
        published = self._follower.current()
        if filename.endswith(".metadata"):
            return self._metadata(environ, sha256, filename.removesuffix(".metadata"))
        project = _project_of(filename)
        target = self._file_target(published, project, filename) if project else None
        if target is None or target.sha256 != sha256:
            return NO_FILE
        return self._elsewhere(environ, target) or self._blob(environ, target)

    def _file_target(self, published: Published, project: NormalizedName, filename: str) -> Target | None:
        """Looked for once more where it is not there: another process may have listed it already."""
        found = published.file_target(project, filename)
        return found or self._follower.current(fresh=True).file_target(project, filename)

    def _elsewhere(self, environ: Environ, target: Target) -> Sendable | None:
        """Where the object store itself sends a file that we would have to stream; never a target of TUF."""
        is_elsewhere = settings.DOWNLOADS == "redirect" and target.size > _KEPT_FILE
        if not is_elsewhere or environ["REQUEST_METHOD"] == "HEAD" or "HTTP_IF_NONE_MATCH" in environ:
            return None
        address = the_storage().url(blob_name(target.sha256))
        return answers.refusal("302 Found", "The file is in the object store.", ("Location", address))

    def _metadata(self, environ: Environ, sha256: str, filename: str) -> Sendable:
        """PEP 658: not a target; the signed page has its hash."""
        file = self._listed(filename)
        if file is None or not file.metadata_sha256 or file.sha256 != sha256:
            return NO_FILE
        name = blob_name(file.metadata_sha256)
        size = self._cache.get(("size", name), lambda: the_storage().size(name), lambda _: 256)
        return self._blob(environ, Target(file.metadata_sha256, size))

    def _listed(self, filename: str) -> PageFile | None:
        """What the page of its project says of a file."""
        project = _project_of(filename)
        if project is None:
            return None
        for fresh in (False, True):  # the second look as for targets
            now = self._follower.current(fresh=fresh)
            page = now.page_target(project)
            if page is not None and (file := now.page_files(page).get(filename)):
                return file
        return None

    def _blob(self, environ: Environ, target: Target) -> Sendable:
        name = blob_name(target.sha256)
        if target.size > _KEPT_FILE and answers.ACCEL in environ:
            return answers.accelerated(environ[answers.ACCEL] + name, etag=target.sha256, cache=self._immutable)
        if target.size > _KEPT_FILE or "HTTP_RANGE" in environ:
            return StreamedFile(lambda: the_storage().open(name), target.size, target.sha256, self._immutable)

        def make() -> Answer:
            body = read_bytes(name, limit=_KEPT_FILE)
            if body is None:
                return NO_FILE
            return answers.content(body, kind=answers.BYTES, etag=target.sha256, cache=self._immutable)

        return self._cache.get(("blob", target.sha256), make, _cost_if_found)

    # --- /tuf/ ---

    def _tuf(self, environ: Environ, rest: str) -> Sendable:
        kind, _, path = rest.partition("/")
        if kind == "metadata":
            return self._document(path, gzip=accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")))
        if kind == "targets":
            return self._target(environ, path)
        return answer_log(environ, self._cache, self._immutable) if rest == "log" else NO_FILE

    def _document(self, path: str, *, gzip: bool) -> Sendable:
        if path == "timestamp.json":
            published = self._follower.current(fresh=True)  # or a client would see it go back, at another process
            return answers.content(
                published.timestamp, kind="application/json", etag=published.timestamp_etag, cache=answers.REVALIDATE
            )
        found = _DOCUMENT.fullmatch(path)
        if found is None:
            return NO_FILE
        name = document_name(found[2], int(found[1]))
        if found[2] == ROOT:
            return self._root(path, name, gzip=gzip)
        return self._signed(path, name, gzip=gzip)

    def _root(self, path: str, name: str, *, gzip: bool) -> Sendable:
        """Every client asks at every refresh for the root after the newest: that there is none is remembered."""
        asked = path, self._follower.current(fresh=True).number
        if asked == self._no_root:
            return NO_FILE
        answer = self._signed(path, name, gzip=gzip)
        if answer is NO_FILE:
            self._no_root = asked
        return answer

    def _signed(self, path: str, name: str, *, gzip: bool) -> Answer:
        def make() -> Answer:
            body = read_bytes(name, limit=MAX_DOCUMENT)
            if body is None:
                return NO_FILE
            vary = "Accept-Encoding"
            answer = answers.content(body, kind="application/json", etag=path, cache=self._immutable, vary=vary)
            return answers.gzipped(answer) if gzip else answer

        return self._cache.get(("document", path, gzip), make, _cost_if_found)

    def _target(self, environ: Environ, path: str) -> Sendable:
        project, _, hashed = path.partition("/")
        sha256, _, filename = hashed.partition(".")
        if not is_normalized_name(project):
            return NO_FILE
        published, name = self._follower.current(), NormalizedName(project)
        if filename == INDEX_PAGE:
            return self._signed_page(name, sha256)
        target = self._file_target(published, name, filename)
        if target is None or target.sha256 != sha256:
            return NO_FILE
        return self._blob(environ, target)

    def _signed_page(self, project: NormalizedName, sha256: str) -> Sendable:
        """A page that is signed or was: clients that began with the publication before still ask for its pages.

        Only the publisher writes blobs that read as a page, so what is one of this project was signed.
        """
        if not SHA256.fullmatch(sha256):
            return NO_FILE
        name = blob_name(sha256)

        def make() -> Answer:
            body = read_bytes(name, limit=MAX_PAGE)
            try:
                if body is None or read_page(body).project != project:
                    return NO_FILE
            except ProtocolError:
                return NO_FILE
            return answers.content(body, kind=answers.BYTES, etag=sha256, cache=self._immutable)

        return self._cache.get(("signed page", project, sha256), make, _cost_if_found)


def _cost_if_found(answer: Answer) -> int | None:
    """What is missing may come to be: a 404 is not kept."""
    return None if answer is NO_FILE else answer.cost()


def _project_of(filename: str) -> NormalizedName | None:
    try:
        return parse_distribution_filename(filename).project
    except ProtocolError:
        return None
