"""What counts as a download: the whole of a file was begun to be sent, or its client was sent to the store for it.

Not counted: HEAD, a file that the client has already (304), and a part of a file, which is what pip and uv ask for to
read metadata out of a wheel. A transfer that breaks off and is taken up again counts once. Targets of TUF count as the
file, since that is where verifying clients fetch it; pages and metadata do not. Pure.
"""

from collections.abc import Iterable

from indexsite.reading.answers import Answer, Environ, StreamedFile
from indexsite_client.protocol import INDEX_PAGE

_SENT = frozenset({"200 OK", "302 Found"})
_BEFORE_NAME = 65  # characters: the hash, and a slash or a dot
_WHOLE = "bytes=0-"  # some clients ask for everything this way


def downloaded(environ: Environ, kind: str, rest: str, answer: Answer | StreamedFile, body: Iterable[bytes]) -> str:
    """The name of the file that this request downloads, empty where it downloads none; `body` is what is sent."""
    if not body or environ.get("HTTP_RANGE", _WHOLE) != _WHOLE:
        return ""
    if kind == "files":
        filename = rest[_BEFORE_NAME:]
    elif kind == "tuf" and rest.startswith("targets/"):
        filename = rest.rpartition("/")[2][_BEFORE_NAME:]
    else:
        return ""
    if filename == INDEX_PAGE or filename.endswith(".metadata") or not _is_sent(environ, answer, body):
        return ""
    return filename


def _is_sent(environ: Environ, answer: Answer | StreamedFile, body: Iterable[bytes]) -> bool:
    if isinstance(answer, StreamedFile):
        return not isinstance(body, list)  # which is a refusal: too many at once
    if not answer.etag and "HTTP_IF_NONE_MATCH" in environ:  # nginx compares it: files never change
        return False
    return answer.status in _SENT
