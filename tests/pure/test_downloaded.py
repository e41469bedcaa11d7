"""What counts as a download, by request and answer."""

import io

import pytest

from indexsite.reading import answers
from indexsite.reading.answers import Answer, StreamedFile
from indexsite.reading.downloads import downloaded

HASH, NAME = "a" * 64, "demo-1.0.tar.gz"
FILE, TARGET = f"{HASH}/{NAME}", f"targets/demo/{HASH}.{NAME}"
WHOLE = answers.content(b"bytes", kind=answers.BYTES, etag=HASH, cache=answers.IMMUTABLE)
NGINX = answers.accelerated(f"/internal/store/{HASH}", etag=HASH, cache=answers.IMMUTABLE)
STORE = answers.refusal("302 Found", "The file is in the object store.", ("Location", "https://store.example/"))
MISSING = answers.refusal("404 Not Found", "There is no such file here.")
LARGE = StreamedFile(lambda: io.BytesIO(b"bytes"), 5, HASH, answers.IMMUTABLE)

CASES = [  # kind, path, answer, headers, whether it counts
    ("files", FILE, WHOLE, {}, True),
    ("files", FILE, LARGE, {}, True),
    ("files", FILE, NGINX, {}, True),
    ("files", FILE, STORE, {}, True),
    ("tuf", TARGET, WHOLE, {}, True),
    ("files", FILE, LARGE, {"HTTP_RANGE": "bytes=0-"}, True),
    ("files", FILE, LARGE, {"HTTP_RANGE": "bytes=-2"}, False),
    ("files", FILE, LARGE, {"HTTP_RANGE": "bytes=2-"}, False),
    ("files", FILE, LARGE, {"HTTP_RANGE": "bytes=9-"}, False),
    ("files", FILE, NGINX, {"HTTP_RANGE": "bytes=0-1"}, False),
    ("files", FILE, STORE, {"HTTP_RANGE": "bytes=-2"}, False),
    ("files", FILE, WHOLE, {"HTTP_IF_NONE_MATCH": f'"{HASH}"'}, False),
    ("files", FILE, LARGE, {"HTTP_IF_NONE_MATCH": f'"{HASH}"'}, False),
    ("files", FILE, NGINX, {"HTTP_IF_NONE_MATCH": f'"{HASH}"'}, False),
    ("files", FILE, WHOLE, {"REQUEST_METHOD": "HEAD"}, False),
    ("files", FILE, LARGE, {"REQUEST_METHOD": "HEAD"}, False),
    ("files", FILE, NGINX, {"REQUEST_METHOD": "HEAD"}, False),
    ("files", FILE, MISSING, {}, False),
    ("files", f"{FILE}.metadata", WHOLE, {}, False),
    ("tuf", f"targets/demo/{HASH}.index.json", WHOLE, {}, False),
    ("tuf", "metadata/1.root.json", WHOLE, {}, False),
    ("simple", "demo/", WHOLE, {}, False),
]


@pytest.mark.parametrize(("kind", "path", "answer", "headers", "counts"), CASES)
def test_what_counts(
    kind: str, path: str, answer: Answer | StreamedFile, headers: dict[str, str], counts: bool
) -> None:
    environ = {"REQUEST_METHOD": "GET", **headers}
    body = answer.send(environ, lambda status, headers: None)
    assert downloaded(environ, kind, path, answer, body) == (NAME if counts else "")


def test_a_large_file_that_cannot_be_sent_now_is_no_download() -> None:
    taken = [LARGE.send({"REQUEST_METHOD": "GET"}, lambda *_: None) for _ in range(answers.STREAMS)]
    environ = {"REQUEST_METHOD": "GET"}
    refused = LARGE.send(environ, lambda *_: None)
    assert downloaded(environ, "files", FILE, LARGE, refused) == ""
    del taken
