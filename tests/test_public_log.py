"""The public log on a running index: a chain that anybody can check, and that a crash or a lost row never breaks."""

import pytest

from tests.backups import upload
from tests.conftest import NewIndex
from tests.logged import assert_log_is_whole, read_log
from tests.running import RunningIndex, ask, eventually


@pytest.fixture(scope="module")
def index(each_mode: RunningIndex) -> RunningIndex:
    """An index with four uploads, each in a publication of its own."""
    token = each_mode.token()
    for number in range(4):
        upload(each_mode, token, "logged", f"{number}.0")
    return each_mode


def rows(index: RunningIndex, expression: str) -> str:
    script = f"from tufsigning.models import PublicLogEntry as E\nprint('says', {expression})"
    return index.manage("shell", "--verbosity", "0", "-c", script).rsplit("says ", 1)[1].strip()


def caught_up(index: RunningIndex) -> list[dict[str, object]]:
    """The log once the newest entry is there: it comes a moment after the timestamp."""

    def look() -> list[dict[str, object]]:
        try:
            return assert_log_is_whole(index)
        except AssertionError:
            return []

    return eventually(look, within=15, what="a whole log")


def test_each_publication_has_its_entry_in_a_chain(index: RunningIndex) -> None:
    before = caught_up(index)
    assert len(before) >= 5  # the ceremony's, and four
    upload(index, index.token(), "logged", "5.0")
    after = caught_up(index)
    assert after[: len(before)] == before
    assert len(after) > len(before)


def test_full_pages_are_kept_for_good_and_the_end_is_asked_for_anew(index: RunningIndex) -> None:
    caught_up(index)
    full = index.get("/tuf/log?since=1&limit=2")
    assert (full.headers["content-type"], len(full.body.splitlines())) == ("application/jsonl", 2)
    assert full.headers["cache-control"] == "public, max-age=31536000, immutable"
    end = index.get("/tuf/log?limit=1000")
    assert end.headers["cache-control"] == "no-cache"
    assert end.body.splitlines()[1:3] == full.body.splitlines()
    known = ask(f"{index.url}/tuf/log?limit=1000", headers={"If-None-Match": end.headers["etag"]})
    assert (known.status, known.body) == (304, b"")
    assert index.get("/tuf/log?since=9999999").body == b""
    assert index.get("/tuf/log", Accept_Encoding="gzip").headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=1001", "since=-1", "since=x", "since", "a=1", "limit=%C2%B2"),
        *("since=1&since=2", "since=9223372036854775808", "since=" + "1" * 500),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused(index: RunningIndex, query: str) -> None:
    reply = index.get(f"/tuf/log?{query}")
    assert (reply.status, reply.headers["cache-control"]) == (400, "no-store")
    assert "/tuf/log?since=N&limit=L" in reply.text


def test_the_log_is_read_only(index: RunningIndex) -> None:
    assert ask(f"{index.url}/tuf/log", method="POST", body=b"").status == 405


def test_an_entry_that_a_crash_left_out_comes_with_the_next_publication(index: RunningIndex) -> None:
    caught_up(index)
    assert rows(index, "E.objects.order_by('-number')[:1].get().delete()[0]") == "1"
    upload(index, index.token(), "logged", "6.0")
    caught_up(index)


def test_an_entry_that_was_changed_stays_as_it_is_and_stops_nothing(index: RunningIndex) -> None:
    caught_up(index)
    last = rows(index, "E.objects.latest('number').line")
    assert rows(index, "E.objects.filter(number=E.objects.latest('number').number).update(line='{}')") == "1"
    upload(index, index.token(), "logged", "7.0")
    told = eventually(lambda: index.get("/tuf/log?limit=1000").body.partition(b"{}\n")[2], what="the next entry")
    assert b"{}" not in told
    assert rows(index, f"E.objects.filter(line='{{}}').update(line={last!r})") == "1"
    caught_up(index)


def test_an_entry_that_a_crash_left_out_comes_with_the_next_start(new_index: NewIndex) -> None:
    index = new_index(INDEXSITE_BINS="4").start()
    before = read_log(index)
    index.stop()
    assert rows(index, "E.objects.all().delete()[0]") == str(len(before))
    index.start()
    assert read_log(index)[: len(before)] == [before[-1]]  # what is older only copies of the log have
