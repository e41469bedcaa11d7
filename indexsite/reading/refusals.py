"""What the read layer answers where it has nothing to give: refusals, the way to the sign-in, other spellings."""

from urllib.parse import quote

from indexsite.reading import answers
from indexsite.reading.answers import Answer, Environ
from indexsite_client.protocol import ProtocolError, normalize_name

_PEOPLE = frozenset({"", "project", "search", "manage", "trust", "upload"})
NO_PROJECT = answers.refusal("404 Not Found", "There is no such project here.")
NO_FILE = answers.refusal("404 Not Found", "There is no such file here.")
NO_PROVENANCE = answers.refusal("404 Not Found", "There is no provenance of such a file here.")
METHOD = answers.refusal("405 Method Not Allowed", "Only GET and HEAD are served here.", ("Allow", "GET, HEAD"))
UNACCEPTABLE = answers.refusal("406 Not Acceptable", "Pages are served as HTML and as JSON (PEP 691).")
_CHALLENGE = answers.refusal(
    "401 Unauthorized",
    "This index is private: read with a token, user name __token__ and the token as password.",
    ("WWW-Authenticate", 'Basic realm="Indexsite"'),
)
_API_CHALLENGE = answers.refusal(
    "401 Unauthorized",
    '{"title":"Unauthorized","status":401,"code":"credentials-missing","detail":"This index is private: read with a'
    ' valid token, as a Bearer header or as the password of __token__, or sign in."}',
    ("WWW-Authenticate", 'Basic realm="Indexsite"'),
    kind="application/problem+json",
)


def later(sentence: str) -> Answer:
    """Not now, but soon."""
    return answers.refusal("503 Service Unavailable", sentence, ("Retry-After", "5"))


def redirect_to_normalized(name: str, *, has_slash: bool) -> Answer:
    """Where a page is not there under this spelling: the right one, relative, so that prefixes work."""
    try:
        normalized = normalize_name(name)
    except ProtocolError:
        return NO_PROJECT
    if not has_slash:
        return answers.redirect(f"{normalized}/")
    return NO_PROJECT if normalized == name else answers.redirect(f"../{normalized}/")


def ask_to_sign_in(environ: Environ, first: str) -> Answer:
    """A Basic challenge for tools; for people on a page, the way to the sign-in form."""
    if first == "api":
        return _API_CHALLENGE
    if first in _PEOPLE and "text/html" in environ.get("HTTP_ACCEPT", ""):
        prefix, path = environ.get("SCRIPT_NAME", ""), environ["PATH_INFO"]
        where = f"{prefix}/account/login/?next={quote(prefix + path)}"
        return answers.refusal("302 Found", "Sign in to read this index.", ("Location", where))
    return _CHALLENGE
