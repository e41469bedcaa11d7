"""`/metrics` of a real index: figures that follow what happened, for those who may see them."""

import re

import pytest

from tests.conftest import NewIndex
from tests.distributions import wheel
from tests.running import RunningIndex, eventually

Figures = dict[str, float]


@pytest.fixture(scope="module")
def token(one_process_index: RunningIndex) -> str:
    return one_process_index.token()


def scrape(index: RunningIndex, token: str) -> Figures:
    """Every sample by its name and labels."""
    reply = index.get("/metrics", Authorization=f"Bearer {token}")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain; version=")
    assert reply.headers["cache-control"] == "no-store"
    samples = [line.rpartition(" ") for line in reply.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in samples}


def test_metrics_need_a_token_on_an_open_index_too(one_process_index: RunningIndex, token: str) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"X_Forwarded_For": "127.0.0.1"}):
        reply = one_process_index.get("/metrics", **headers)
        assert reply.status == 401
        assert "indexsite_requests" not in reply.text
    assert scrape(one_process_index, one_process_index.token("--scope", "read"))


def test_metrics_are_open_where_the_administrator_says_so(new_index: NewIndex) -> None:
    index = new_index(INDEXSITE_BINS="4", INDEXSITE_METRICS_OPEN="1", INDEXSITE_PRIVATE="1").start()
    assert "indexsite_files 0.0" in index.get("/metrics", Host="web-1.internal:8000").text


def test_requests_are_counted_by_kind_and_status(one_process_index: RunningIndex, token: str) -> None:
    before = scrape(one_process_index, token)
    for path in ("/simple/no-such-thing/", "/simple/another-one/", "/simple/", "/tuf/metadata/timestamp.json", "/"):
        one_process_index.get(path)
    after = scrape(one_process_index, token)

    def grown(kind: str, status: str) -> float:
        name = f'indexsite_requests_total{{kind="{kind}",status="{status}"}}'
        return after[name] - before.get(name, 0)

    assert (grown("simple", "4xx"), grown("simple", "2xx")) == (2, 1)
    assert grown("tuf", "2xx") == 1
    assert grown("pages", "2xx") == 2  # the page, and the scrape before
    name = 'indexsite_request_seconds_count{kind="simple"}'
    assert after[name] - before.get(name, 0) == 3
    assert after['indexsite_request_seconds_bucket{kind="simple",le="+Inf"}'] == after[name]


def test_no_client_can_make_the_metrics_grow(one_process_index: RunningIndex, token: str) -> None:
    before = set(scrape(one_process_index, token))
    for number in range(20):
        one_process_index.get(f"/made-up-{number}/x")
        one_process_index.get(f"/simple/made-up-{number}/")
    new = set(scrape(one_process_index, token)) - before
    assert [name for name in new if "made" in name] == []
    assert len(new) <= 4  # a class of status that nobody had met


def test_an_upload_shows_in_every_figure_that_it_moves(one_process_index: RunningIndex, token: str) -> None:
    before = scrape(one_process_index, token)
    filename, content = wheel("metrics-moved", "1.0")
    assert one_process_index.post_upload(filename, content, token=token).status == 200
    assert one_process_index.post_upload(filename, content, token=token).status == 200
    assert one_process_index.post_upload(*wheel("metrics-moved", "2.0"), token="nonsense").status == 401
    assert (
        one_process_index.post_upload(filename, wheel("metrics-moved", "1.0", extra="X: y\n")[1], token=token).status
        == 400
    )

    def after() -> Figures | None:
        found = scrape(one_process_index, token)
        is_settled = found["indexsite_outbox_waiting"] == 0
        return (
            found
            if is_settled and found["indexsite_publications_total"] > before["indexsite_publications_total"]
            else None
        )

    now = eventually(after, what="a publication in the metrics")
    assert now is not None

    def grown(name: str) -> float:
        return now[name] - before.get(name, 0)

    assert grown('indexsite_uploads_total{outcome="received"}') == 2
    assert grown('indexsite_uploads_total{outcome="token-invalid"}') == 1
    assert grown('indexsite_uploads_total{outcome="filename-taken"}') == 1
    assert grown("indexsite_published_documents_total") >= 3  # a bin, snapshot, timestamp
    assert 0 < grown("indexsite_publication_seconds_total") < 60
    assert now["indexsite_last_publication_timestamp_seconds"] > before["indexsite_last_publication_timestamp_seconds"]
    assert now["indexsite_outbox_oldest_seconds"] == 0
    assert now['indexsite_messages{state="dead"}'] == 0
    assert now["indexsite_disk_free_bytes"] > 0
    assert not [name for name in now if "metrics-moved" in name]


def test_files_are_counted(new_index: NewIndex) -> None:
    index = new_index(INDEXSITE_BINS="4", INDEXSITE_METRICS_OPEN="1").start()
    token, uploads = index.token(), [wheel("counted", "1.0"), wheel("counted", "2.0")]
    for filename, content in uploads:
        assert index.post_upload(filename, content, token=token).status == 200
    figures = scrape(index, token)
    assert figures["indexsite_files"] == 2
    assert figures["indexsite_files_bytes"] == sum(len(content) for _, content in uploads)


def test_seconds_left_are_told_for_each_role(one_process_index: RunningIndex, token: str) -> None:
    found = scrape(one_process_index, token)
    lefts = {name: left for name, left in found.items() if name.startswith("indexsite_role_seconds_left{")}
    days = {re.findall(r'role="(.*?)"', name)[0]: left / 86_400 for name, left in lefts.items()}
    assert all('renewed_by="server"' in name for name in lefts)  # a development root, too
    expected = {"root": 365, "targets": 365, "claimed": 90, "unclaimed": 365, "recently-claimed": 7, "bin": 7}
    assert {role: round(left) for role, left in days.items()} == {**expected, "snapshot": 7, "timestamp": 1}
    assert found['indexsite_readable{part="database"}'] == found['indexsite_readable{part="trust"}'] == 1


def test_metrics_tell_what_they_could_not_read(new_index: NewIndex) -> None:
    index = new_index(INDEXSITE_BINS="4", INDEXSITE_METRICS_OPEN="1").start()
    (index.data / "store" / "metadata" / "timestamp.json").rename(index.data / "elsewhere.json")
    found = scrape(index, "")
    assert found['indexsite_readable{part="trust"}'] == 0
    assert found['indexsite_readable{part="database"}'] == 1
    assert not [name for name in found if "role_seconds_left" in name]
