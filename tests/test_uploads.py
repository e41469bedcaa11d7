"""What /legacy/ takes and refuses, over a real server: each refusal says why and leaves nothing behind."""

import hashlib
import io
import socket
import tarfile
import threading
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.distributions import metadata, sdist, tar_gz_of, wheel, zip_of
from tests.running import Reply, RunningIndex, ask, eventually, multipart


@pytest.fixture(scope="module")
def index(module_index: RunningIndex) -> RunningIndex:
    return module_index


@pytest.fixture(scope="module")
def token(index: RunningIndex) -> str:
    return index.token()


def stored_files(index: RunningIndex) -> set[str]:
    """Everything in the blob store once all is published: a refusal must not add to it."""
    index.wait_until_settled()
    return {path.name for path in (index.data / "store").rglob("*") if path.is_file() and "metadata" not in path.parts}


def assert_refused(index: RunningIndex, reply: Reply, status: int, words: str, before: set[str]) -> None:
    assert reply.status == status, reply.text
    assert words in reply.text.splitlines()[0], reply.text
    assert stored_files(index) == before


def test_an_upload_is_listed_and_its_bytes_come_back(index: RunningIndex, token: str) -> None:
    filename, content = wheel("Listed.Project", "1.0", extra="Requires-Python: >=3.8")
    reply = index.post_upload(filename, content, token=token)
    assert reply.status == 200
    index.wait_until_listed("listed-project", filename)
    [file] = index.page("listed-project")["files"]
    assert file["hashes"] == {"sha256": hashlib.sha256(content).hexdigest()}
    assert file["size"] == len(content)
    assert file["requires-python"] == ">=3.8"
    assert index.get(f"/files/{file['hashes']['sha256']}/{filename}").body == content
    described = index.get(f"/files/{file['hashes']['sha256']}/{filename}.metadata").body
    assert hashlib.sha256(described).hexdigest() == file["core-metadata"]["sha256"]


def test_identical_bytes_again_are_welcome(index: RunningIndex, token: str) -> None:
    filename, content = wheel("again", "1.0")
    assert index.post_upload(filename, content, token=token).status == 200
    index.wait_until_listed("again", filename)
    before = index.page("again")
    reply = index.post_upload(filename, content, token=token)
    assert reply.status == 200
    assert "already" in reply.text
    assert index.page("again") == before


def test_the_same_filename_with_other_bytes_is_refused_and_changes_nothing(index: RunningIndex, token: str) -> None:
    filename, content = wheel("taken", "1.0")
    assert index.post_upload(filename, content, token=token).status == 200
    index.wait_until_listed("taken", filename)
    page, before = index.page("taken"), stored_files(index)
    other = wheel("taken", "1.0", members={"taken_more.py": b"x = 1\n"})[1]
    assert_refused(index, index.post_upload(filename, other, token=token), 400, "never reused", before)
    assert index.page("taken") == page


def test_refusals_come_as_json_to_those_who_ask_for_it(index: RunningIndex, token: str) -> None:
    body, kind = multipart({":action": "file_upload"}, "demo-1.0.tar.gz", b"x")
    headers = {"Content-Type": kind, "Authorization": f"Bearer {token}", "Accept": "application/json"}
    reply = ask(f"{index.url}/legacy/", method="POST", headers=headers, body=body)
    assert reply.status == 400
    assert reply.json()["code"] == "form-faulty"
    assert len(reply.json()["faults"]) == 3  # name, version and filetype are missing, all said at once


NAMES = [
    ("nothing.txt", "is not the name of"),
    ("demo-1.0-py3-none-any.egg", "is not the name of"),
    ("demo-not!a!version.tar.gz", "is not the name of"),
    ("d\u00e9mo-1.0.tar.gz", "is not the name of"),
    ("-1.0.tar.gz", "is not the name of"),
]


@pytest.mark.parametrize(("filename", "words"), NAMES)
def test_a_filename_that_is_none_of_a_distribution_is_refused(
    index: RunningIndex, token: str, filename: str, words: str
) -> None:
    before = stored_files(index)
    body, kind = multipart(
        {":action": "file_upload", "name": "demo", "version": "1.0", "filetype": "sdist"}, filename, b"bytes"
    )
    headers = {"Content-Type": kind, "Authorization": f"Bearer {token}"}
    reply = ask(f"{index.url}/legacy/", method="POST", headers=headers, body=body)
    assert_refused(index, reply, 400, words, before)


DISAGREEMENTS = [
    ({"name": "other"}, "but the form says"),
    ({"version": "2.0"}, "but the form says"),
    ({"filetype": "sdist"}, "not of the announced filetype"),
    ({"sha256_digest": "0" * 64}, "sha256 digest differs"),
    ({"blake2_256_digest": "0" * 64}, "blake2b-256 digest differs"),
    ({"md5_digest": "0" * 32}, "md5 digest differs"),
    ({":action": "submit"}, ":action=file_upload"),
]


@pytest.mark.parametrize(("fields", "words"), DISAGREEMENTS)
def test_a_form_that_disagrees_with_the_file_is_refused(
    index: RunningIndex, token: str, fields: dict[str, str], words: str
) -> None:
    filename, content = wheel("disagreeing", "1.0")
    before = stored_files(index)
    assert_refused(index, index.post_upload(filename, content, token=token, **fields), 400, words, before)


def bad_archives() -> list[tuple[str, str, bytes, str]]:
    """Name of the case, filename, bytes, and words of the refusal."""
    name, good = wheel("bad", "1.0")
    source, good_source = sdist("bad", "1.0")
    info = "bad-1.0.dist-info"
    return [
        ("no zip", name, b"this is not a zip", "damaged or no archive"),
        ("zip cut short", name, good[: len(good) // 2], "damaged or no archive"),
        ("tar cut short", source, good_source[:-40], "damaged or no archive"),
        ("tar without its checksum", source, good_source[:-8], "damaged or no archive"),
        ("no metadata", name, zip_of({"bad.py": b""}), "exactly once"),
        ("metadata twice", source, tar_gz_of({"bad-1.0/PKG-INFO": b"", "other/PKG-INFO": b""}), "exactly once"),
        ("another name", name, zip_of({f"{info}/METADATA": metadata("good", "1.0").encode()}), "names 'good'"),
        ("another version", name, zip_of({f"{info}/METADATA": metadata("bad", "2.0").encode()}), "says 2.0"),
        ("no name", name, zip_of({f"{info}/METADATA": b"Metadata-Version: 2.1\nVersion: 1.0\n"}), "no valid Name"),
        ("no version", name, zip_of({f"{info}/METADATA": b"Metadata-Version: 2.1\nName: bad\n"}), "no valid Version"),
        (
            "bad requires-python",
            name,
            zip_of({f"{info}/METADATA": metadata("bad", "1.0", "Requires-Python: maybe").encode()}),
            "no version specifier",
        ),
        ("huge metadata", name, zip_of({f"{info}/METADATA": b"x" * (5 * 1024 * 1024)}), "larger than"),
        ("huge tar header", source, _pax_bomb(), "cannot be read safely"),
        ("metadata is a link", source, _linked_metadata(), "no plain file"),
        ("empty", name, b"", "damaged or no archive"),
    ]


def _pax_bomb() -> bytes:
    """An extended header that claims to be 1 GiB: tarfile would read it whole."""
    import gzip

    header = tarfile.TarInfo("PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 1024**3
    return gzip.compress(header.tobuf(tarfile.USTAR_FORMAT) + b"\0" * 10_000_000, 1)


def _linked_metadata() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("bad-1.0/PKG-INFO")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("filename", "content", "words"), [case[1:] for case in bad_archives()], ids=[case[0] for case in bad_archives()]
)
def test_a_bad_archive_is_refused_and_nothing_of_it_kept(
    index: RunningIndex, token: str, filename: str, content: bytes, words: str
) -> None:
    before = stored_files(index)
    assert_refused(index, index.post_upload(filename, content, token=token), 400, words, before)
    assert index.page("bad") is None


def test_a_body_that_is_no_form_is_refused(index: RunningIndex, token: str) -> None:
    before = stored_files(index)
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Authorization": f"Bearer {token}"}
    reply = ask(f"{index.url}/legacy/", method="POST", headers=headers, body=b"\x00" * 1000)
    assert_refused(index, reply, 400, "The form", before)
    reply = ask(f"{index.url}/legacy/", method="POST", headers={**headers, "Content-Type": "text/plain"}, body=b"x")
    assert_refused(index, reply, 400, "The form", before)


def test_a_file_beyond_the_limit_is_refused_with_413(new_index, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # the factory fixture
    index = new_index(INDEXSITE_UPLOAD_LIMIT="100000").start()
    token = index.token()
    filename, content = wheel("large", "1.0", members={"large.bin": bytes(range(256)) * 4})
    assert index.post_upload(filename, content, token=token).status == 200
    filename, _ = wheel("large", "2.0")
    before = stored_files(index)
    for size in (100_001, 9_000_000):  # found while streaming; found by its Content-Length
        reply = index.post_upload(filename, b"x" * size, token=token)
        assert_refused(index, reply, 413, "larger than 100000 bytes", before)


def test_a_large_upload_takes_no_more_memory_than_a_small_one(index: RunningIndex, token: str) -> None:
    def peak() -> int:
        """The highest resident memory of any of the index's processes, in kB."""
        assert index.process is not None
        parts = _descendants(index.process.pid)
        return max(_peak_kb(pid) for pid in parts)

    index.post_upload(*wheel("flat", "0.1"), token=token)
    before = peak()
    import os

    filename, content = sdist("flat", "1.0", members={"flat-1.0/data.bin": os.urandom(120 * 1024 * 1024)})
    assert index.post_upload(filename, content, token=token).status == 200
    assert peak() - before < 40 * 1024


def _descendants(pid: int) -> list[int]:
    children = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(each for child in children for each in _descendants(child))]


def _peak_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def test_without_a_token_nothing_is_read_and_the_refusal_is_heard(index: RunningIndex) -> None:
    filename, content = wheel("tokenless", "1.0")
    body, kind = multipart({":action": "file_upload"}, filename, content * 2000)
    reply = ask(f"{index.url}/legacy/", method="POST", headers={"Content-Type": kind}, body=body)
    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Basic")
    assert "__token__" in reply.text


def test_the_token_may_come_as_basic_password(index: RunningIndex, token: str) -> None:
    filename, content = wheel("basic", "1.0")
    fields = {":action": "file_upload", "name": "basic", "version": "1.0", "filetype": "bdist_wheel"}
    body, kind = multipart(fields, filename, content)
    basic = b64encode(f"__token__:{token}".encode()).decode()
    headers = {"Content-Type": kind, "Authorization": f"Basic {basic}"}
    assert ask(f"{index.url}/legacy/", method="POST", headers=headers, body=body).status == 200


@pytest.mark.parametrize("text", ["ixs_" + "0" * 49, "pypi-AgEIcHlwaS5vcmc", "", "ixs_\u00e9" + "0" * 48])
def test_a_token_that_is_none_is_refused(index: RunningIndex, text: str) -> None:
    basic = b64encode(f"__token__:{text}".encode()).decode()
    body, kind = multipart({":action": "file_upload"}, "demo-1.0.tar.gz", b"x")
    headers = {"Content-Type": kind, "Authorization": f"Basic {basic}"}
    assert ask(f"{index.url}/legacy/", method="POST", headers=headers, body=body).status == 401


def test_a_token_of_scope_read_does_not_upload(index: RunningIndex) -> None:
    before = stored_files(index)
    reply = index.post_upload(*wheel("scoped", "1.0"), token=index.token("--scope", "read"))
    assert_refused(index, reply, 403, "lacks the scope 'upload'", before)


def test_a_token_for_one_project_uploads_to_no_other(index: RunningIndex) -> None:
    token = index.token("--project", "Only.This")
    before = stored_files(index)
    assert_refused(index, index.post_upload(*wheel("not-this", "1.0"), token=token), 403, "other projects", before)
    assert index.post_upload(*wheel("only-this", "1.0"), token=token).status == 200


def test_a_project_belongs_to_its_first_uploader(index: RunningIndex, token: str) -> None:
    assert index.post_upload(*wheel("owned", "1.0"), token=token).status == 200
    script = "from accounts.models import User; User.objects.create_user('somebody')"
    index.manage("shell", "-c", script)
    other = index.manage("create_token", "--user", "somebody").splitlines()[-1]
    before = stored_files(index)
    assert_refused(index, index.post_upload(*wheel("owned", "2.0"), token=other), 403, "ask its owner", before)
    assert index.post_upload(*wheel("mine", "1.0"), token=other).status == 200


def test_each_act_is_in_the_journal(index: RunningIndex, token: str) -> None:
    index.post_upload(*wheel("journalled", "1.0"), token=token)
    script = (
        "from packages.models import JournalEntry as J;"
        "print(*J.objects.filter(project='journalled').order_by('id').values_list('act', 'actor'))"
    )
    lines = index.manage("shell", "-c", script)
    assert "('project.created', 'admin') ('file.added', 'admin')" in lines


def test_only_post_is_served(index: RunningIndex) -> None:
    assert index.get("/legacy/").status == 405


def test_more_uploads_than_places_are_asked_to_come_back(new_index) -> None:  # type: ignore[no-untyped-def]  # the factory fixture
    index = new_index(INDEXSITE_UPLOADS_AT_ONCE="1").start()
    token = index.token()
    head = f"POST /legacy/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    head += "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n--x\r\n"
    with ExitStack() as connections:

        def busy() -> Reply | None:
            # a slow upload may itself have found no place, while the one of an attempt before was not free yet
            slow = connections.enter_context(socket.create_connection(("127.0.0.1", index.port)))
            slow.sendall(head.encode())
            reply = index.post_upload(*wheel("busy", "1.0"), token=token)
            return reply if reply.status == 503 else None

        reply = eventually(busy, what="a busy answer")
        assert reply is not None
        assert reply.headers["retry-after"] == "5"
    eventually(lambda: index.post_upload(*wheel("busy", "2.0"), token=token).status == 200, what="a free place")


def test_reading_goes_on_under_many_slow_uploads(index: RunningIndex, token: str) -> None:
    head = f"POST /legacy/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    head += "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n--x\r\n"
    connections = [socket.create_connection(("127.0.0.1", index.port)) for _ in range(40)]
    try:
        for connection in connections:
            connection.sendall(head.encode())
        replies: list[int] = []
        threads = [threading.Thread(target=lambda: replies.append(index.get("/simple/").status)) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert replies == [200] * 10
    finally:
        for connection in connections:
            connection.close()
