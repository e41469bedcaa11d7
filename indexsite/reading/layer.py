"""The WSGI layer in front of Django: /simple/, /files/ and /tuf/ are answered here, everything else by Django."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from urllib.parse import quote

from accounts.reading import ReadAccess
from indexsite.reading import answers
from indexsite.reading.answers import Answer, Environ, StartResponse, StreamedFile
from indexsite.reading.negotiation import accepts_gzip, negotiate_form
from indexsite.reading.published import Follower, Published, Target
from indexsite_client.protocol import (
    INDEX_PAGE,
    SHA256,
    SIMPLE_JSON,
    NormalizedName,
    ProtocolError,
    is_normalized_name,
    normalize_name,
    page_html,
    parse_distribution_filename,
    project_list_bytes,
    project_list_html,
    read_page,
)
from storage.contract import blob_name, document_name, read_bytes, the_storage
from tufsigning.errors import TrustError
from tufsigning.library import MAX_DOCUMENT, MAX_PAGE

_DOCUMENT = re.compile(r"([1-9][0-9]{0,18})\.([a-z0-9][a-z0-9.-]{0,220})\.json")
_KEPT_FILE = 256 * 1024  # bytes up to which files are answered from memory
_OPEN = frozenset({"legacy", "health", "static", "admin", "account", "metrics"})  # these decide for themselves
_MACHINES = frozenset({"legacy", "health", "metrics"})
_PEOPLE = frozenset({"", "project", "search", "manage", "trust"})
_NO_PROJECT = answers.refusal("404 Not Found", "There is no such project here.")
_NO_FILE = answers.refusal("404 Not Found", "There is no such file here.")
_METHOD = answers.refusal("405 Method Not Allowed", "Only GET and HEAD are served here.", ("Allow", "GET, HEAD"))
_UNACCEPTABLE = answers.refusal("406 Not Acceptable", "Pages are served as HTML and as JSON (PEP 691).")
_CHALLENGE = answers.refusal(
    "401 Unauthorized",
    "This index is private: read with a token, user name __token__ and the token as password.",
    ("WWW-Authenticate", 'Basic realm="Indexsite"'),
)

WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
Sendable = Answer | StreamedFile
Route = Callable[[Environ, str], Sendable]


class ReadLayer:
    """What installers ask for. `access` decides who may read a private index; None for an open one."""

    def __init__(self, django: WsgiApp, follower: Follower, access: ReadAccess | None) -> None:
        self._django, self._follower, self._access = django, follower, access
        self._cache = follower.cache
        self._routes: dict[str, Route] = {
            "simple": self._simple,
            "files": self._files,
            "tuf": self._tuf,
        }
        immutable, vary = answers.IMMUTABLE, "Accept, Accept-Encoding"
        if access is not None:
            immutable, vary = immutable.replace("public", "private"), f"{vary}, Authorization, Cookie"
        self._immutable, self._vary = immutable, vary

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """PEP 3333."""
        first, _, rest = environ["PATH_INFO"][1:].partition("/")
        if self._access is not None and first not in _OPEN and not self._may_read(environ):
            return _ask_to_sign_in(environ, first).send(environ, start_response)
        route = self._routes.get(first)
        if route is None:
            if first in _MACHINES:  # they come under any name, and their answers show none: Django must not mind
                environ["HTTP_HOST"] = "localhost"
            return self._django(environ, start_response)
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _METHOD.send(environ, start_response)
        try:
            return self._answer(environ, route, rest).send(environ, start_response)
        except TrustError as error:
            sorry = answers.refusal("503 Service Unavailable", str(error), ("Retry-After", "5"))
            return sorry.send(environ, start_response)

    def _answer(self, environ: Environ, route: Route, rest: str) -> Sendable:
        """The answer to the same request in the same publication, or a new one."""
        ready = self._follower.current().ready
        request = environ["PATH_INFO"], environ.get("HTTP_ACCEPT"), environ.get("HTTP_ACCEPT_ENCODING")
        known: Answer | None = ready.get(request)
        if known is not None and "HTTP_RANGE" not in environ:
            return known
        answer = route(environ, rest)
        if isinstance(answer, Answer) and answer.etag:
            ready.keep(request, answer, answer.cost())
        return answer

    def _may_read(self, environ: Environ) -> bool:
        assert self._access is not None  # noqa: S101  # asked only of a private index
        return self._access.allows(environ.get("HTTP_AUTHORIZATION", ""), environ.get("HTTP_COOKIE", ""))

    # --- /simple/ ---

    def _simple(self, environ: Environ, rest: str) -> Sendable:
        form = negotiate_form(environ.get("HTTP_ACCEPT", ""))
        if form is None:
            return _UNACCEPTABLE
        gzip = accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        published = self._follower.current()
        if not rest:
            if not environ["PATH_INFO"].endswith("/"):
                return answers.redirect("simple/")
            return self._project_list(published, form, gzip=gzip)
        name = rest[:-1] if rest.endswith("/") else rest
        target = published.page_target(name)
        if target is None or name == rest:
            return _redirect_to_normalized(name, has_slash=name != rest)
        return self._page(published, target, form, gzip=gzip)

    def _page(self, published: Published, target: Target, form: str, *, gzip: bool) -> Answer:
        def make() -> Answer:
            body, etag = published.page_content(target), target.sha256
            if form != SIMPLE_JSON:
                body, etag = page_html(read_page(body)), f"{etag}.{form.replace('/', '-')}"
            return self._finish(body, form, etag, gzip=gzip)

        return self._cache.get((target.sha256, form, gzip), make, Answer.cost)

    def _project_list(self, published: Published, form: str, *, gzip: bool) -> Answer:
        def make() -> Answer:
            names = published.project_names()
            body = (
                project_list_bytes(names, serial=published.number) if form == SIMPLE_JSON else project_list_html(names)
            )
            return self._finish(body, form, f"{published.number}.{form.replace('/', '-')}", gzip=gzip)

        return self._cache.get(("list", published.number, form, gzip), make, Answer.cost)

    def _finish(self, body: bytes, form: str, etag: str, *, gzip: bool) -> Answer:
        kind = form if form == SIMPLE_JSON else f"{form}; charset=utf-8"
        answer = answers.content(body, kind=kind, etag=etag, cache=answers.REVALIDATE, vary=self._vary)
        return answers.gzipped(answer) if gzip else answer

    # --- /files/ ---

    def _files(self, environ: Environ, rest: str) -> Sendable:
        sha256, _, filename = rest.partition("/")
        published = self._follower.current()
        if filename.endswith(".metadata"):
            return self._metadata(environ, published, sha256, filename.removesuffix(".metadata"))
        project = _project_of(filename)
        target = published.file_target(project, filename) if project else None
        if target is None or target.sha256 != sha256:
            return _NO_FILE
        return self._blob(environ, target)

    def _metadata(self, environ: Environ, published: Published, sha256: str, filename: str) -> Sendable:
        """PEP 658: not a target; the signed page has its hash."""
        project = _project_of(filename)
        page = published.page_target(project) if project else None
        file = published.page_files(page).get(filename) if page else None
        if file is None or not file.metadata_sha256 or file.sha256 != sha256:
            return _NO_FILE
        size = the_storage().size(blob_name(file.metadata_sha256))
        return self._blob(environ, Target(file.metadata_sha256, size))

    def _blob(self, environ: Environ, target: Target) -> Sendable:
        name = blob_name(target.sha256)
        if target.size > _KEPT_FILE and answers.ACCEL in environ:
            return answers.accelerated(environ[answers.ACCEL] + name, etag=target.sha256, cache=self._immutable)
        if target.size > _KEPT_FILE or "HTTP_RANGE" in environ:
            return StreamedFile(lambda: the_storage().open(name), target.size, target.sha256, self._immutable)

        def make() -> Answer:
            body = read_bytes(name, limit=_KEPT_FILE)
            if body is None:
                return _NO_FILE
            return answers.content(body, kind=answers.BYTES, etag=target.sha256, cache=self._immutable)

        return self._cache.get(("blob", target.sha256), make, _cost_if_found)

    # --- /tuf/ ---

    def _tuf(self, environ: Environ, rest: str) -> Sendable:
        kind, _, path = rest.partition("/")
        if kind == "metadata":
            return self._document(path, gzip=accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")))
        if kind == "targets":
            return self._target(environ, path)
        return _NO_FILE

    def _document(self, path: str, *, gzip: bool) -> Sendable:
        if path == "timestamp.json":
            published = self._follower.current()
            return answers.content(
                published.timestamp, kind="application/json", etag=published.timestamp_etag, cache=answers.REVALIDATE
            )
        found = _DOCUMENT.fullmatch(path)
        if found is None:
            return _NO_FILE
        name = document_name(found[2], int(found[1]))

        def make() -> Answer:
            body = read_bytes(name, limit=MAX_DOCUMENT)
            if body is None:
                return _NO_FILE
            vary = "Accept-Encoding"
            answer = answers.content(body, kind="application/json", etag=path, cache=self._immutable, vary=vary)
            return answers.gzipped(answer) if gzip else answer

        return self._cache.get(("document", path, gzip), make, _cost_if_found)

    def _target(self, environ: Environ, path: str) -> Sendable:
        project, _, hashed = path.partition("/")
        sha256, _, filename = hashed.partition(".")
        if not is_normalized_name(project):
            return _NO_FILE
        published, name = self._follower.current(), NormalizedName(project)
        if filename == INDEX_PAGE:
            return self._signed_page(name, sha256)
        target = published.file_target(name, filename)
        if target is None or target.sha256 != sha256:
            return _NO_FILE
        return self._blob(environ, target)

    def _signed_page(self, project: NormalizedName, sha256: str) -> Sendable:
        """A page that is signed or was: clients that began with the publication before still ask for its pages.

        Only the publisher writes blobs that read as a page, so what is one of this project was signed.
        """
        if not SHA256.fullmatch(sha256):
            return _NO_FILE
        name = blob_name(sha256)

        def make() -> Answer:
            body = read_bytes(name, limit=MAX_PAGE)
            try:
                if body is None or read_page(body).project != project:
                    return _NO_FILE
            except ProtocolError:
                return _NO_FILE
            return answers.content(body, kind=answers.BYTES, etag=sha256, cache=self._immutable)

        return self._cache.get(("signed page", project, sha256), make, _cost_if_found)


def _cost_if_found(answer: Answer) -> int | None:
    """What is missing may come to be: a 404 is not kept."""
    return None if answer is _NO_FILE else answer.cost()


@lru_cache(maxsize=8192)
def _project_of(filename: str) -> NormalizedName | None:
    try:
        return parse_distribution_filename(filename).project
    except ProtocolError:
        return None


def _redirect_to_normalized(name: str, *, has_slash: bool) -> Answer:
    """Where a page is not there under this spelling: the right one, relative, so that prefixes work."""
    try:
        normalized = normalize_name(name)
    except ProtocolError:
        return _NO_PROJECT
    if not has_slash:
        return answers.redirect(f"{normalized}/")
    return _NO_PROJECT if normalized == name else answers.redirect(f"../{normalized}/")


def _ask_to_sign_in(environ: Environ, first: str) -> Answer:
    """A Basic challenge for tools; for people on a page, the way to the sign-in form."""
    if first in _PEOPLE and "text/html" in environ.get("HTTP_ACCEPT", ""):
        prefix, path = environ.get("SCRIPT_NAME", ""), environ["PATH_INFO"]
        where = f"{prefix}/admin/login/?next={quote(prefix + path)}"
        return answers.refusal("302 Found", "Sign in to read this index.", ("Location", where))
    return _CHALLENGE
