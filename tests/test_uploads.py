"""What /legacy/ takes and refuses, over a real server: each refusal says why and leaves nothing behind."""

import hashlib
import socket
import threading
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.distributions import sdist, wheel
from tests.refusals import assert_refused, stored_files
from tests.running import Reply, RunningIndex, ask, eventually, multipart


@pytest.fixture(scope="module")
def index(each_mode: RunningIndex) -> RunningIndex:
    return each_mode


@pytest.fixture(scope="module")
def token(index: RunningIndex) -> str:
    return index.token()


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
        return max(_peak_kb(pid) for pid in index.process_ids())

    index.post_upload(*wheel("flat", "0.1"), token=token)
    before = peak()
    import os

    filename, content = sdist("flat", "1.0", members={"flat-1.0/data.bin": os.urandom(120 * 1024 * 1024)})
    assert index.post_upload(filename, content, token=token).status == 200
    assert peak() - before < 40 * 1024


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
    assert_refused(index, reply, 403, "lacks the scope 'upload'; make another one on your tokens' page", before)


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
