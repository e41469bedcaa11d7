"""Download counts: what counts, exact after a clean stop in both modes, kept by day, and shown."""

import hashlib
from datetime import date

import pytest

from tests.conftest import NewIndex, scaled_index
from tests.distributions import wheel
from tests.parts import rows
from tests.running import SIMPLE_JSON, RunningIndex, ask
from tests.scaled import Servers
from tests.searching import run

LARGE = 300 * 1024  # bytes, above what is answered from memory
READ = """
import json
from downloads.models import *
days = {row.file.filename: row.count for row in DownloadDay.objects.select_related("file")}
totals = {row.file.filename: row.count for row in DownloadTotal.objects.select_related("file")}
print(json.dumps([days, totals]))"""


def fill(index: RunningIndex) -> dict[str, dict[str, str]]:
    """Upload a small and a large file; returns `paths_of` them."""
    token = index.token()
    noise = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(LARGE // 32 + 100))
    for filename, content in (wheel("small", "1.0"), wheel("large", "1.0", members={"large.bin": noise})):
        assert index.post_upload(filename, content, token=token).status == 200
        index.wait_until_listed(filename.split("-")[0], filename)
    return paths_of(index)


def download(index: RunningIndex, paths: dict[str, dict[str, str]]) -> dict[str, int]:
    """Ask for the files in every way; returns how many of these are downloads, by file."""
    for path in paths.values():
        for kind in ("file", "target"):
            for _ in range(3):
                assert index.get(path[kind]).status == 200
            assert index.get(path[kind], Range="bytes=0-").status == 206
            # and what is none
            assert ask(index.url + path[kind], method="HEAD").status == 200
            assert index.get(path[kind], If_None_Match=f'"{path["sha256"]}"').status == 304
            assert index.get(path[kind], Range="bytes=-100").status == 206
            assert index.get(path[kind], Range="bytes=0-99").status == 206
            assert index.get(path[kind], Range=f"bytes={int(path['size']) + 1}-").status == 416
            assert index.get(path[kind] + "x").status == 404
        assert index.get(path["file"] + ".metadata").status == 200
    index.page("small")
    assert index.get("/simple/", Accept=SIMPLE_JSON).status == 200
    return dict.fromkeys(paths, 8)


def test_every_download_is_counted_once_and_nothing_else(new_index: NewIndex) -> None:
    index = new_index().start()
    expected = download(index, fill(index))
    assert index.stop() == 0
    assert run(READ, index.environment) == [expected, expected]
    assert {row[0] for row in rows(index.data, "SELECT day FROM downloads_downloadday")} >= {str(date.today())}  # noqa: DTZ011
    index.start()  # and once more: counts are added up
    again = download(index, {name: path for name, path in paths_of(index).items() if name.startswith("small")})
    index.stop()
    total = {name: count + again.get(name, 0) for name, count in expected.items()}
    assert run(READ, index.environment)[1] == total
    index.start()
    assert f"Downloads, 30 days</dt><dd>{total['small-1.0-py3-none-any.whl']}</dd>" in index.get("/project/small/").text
    assert index.get("/pypi/small/json").json()["info"]["downloads"]["last_month"] == -1  # as on PyPI


def paths_of(index: RunningIndex) -> dict[str, dict[str, str]]:
    found = {}
    for name in ("small", "large"):
        [file] = index.page(name)["files"]
        sha256, filename = file["hashes"]["sha256"], file["filename"]
        found[filename] = {
            "file": f"/files/{sha256}/{filename}",
            "target": f"/tuf/targets/{name}/{sha256}.{filename}",
            "size": str(file["size"]),
            "sha256": sha256,
        }
    return found


@pytest.mark.parametrize("downloads", ["stream", "redirect"])
def test_several_web_processes_add_up(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory, downloads: str
) -> None:
    with scaled_index(servers, tmp_path_factory.mktemp("scaled"), INDEXSITE_DOWNLOADS=downloads) as index:
        paths = fill(index)
        for port in index.ports:
            for path in paths.values():
                status = index.at(port).get(path["file"]).status
                assert status == (302 if downloads == "redirect" and int(path["size"]) > LARGE else 200)
        index.stop()
        expected = dict.fromkeys(paths, len(index.ports))
        assert run(READ, index.environment) == [expected, expected]


def test_nobody_who_wants_none_gets_counts(new_index: NewIndex) -> None:
    index = new_index(INDEXSITE_DOWNLOAD_DAYS="0").start()
    download(index, fill(index))
    index.stop()
    assert run(READ, index.environment) == [{}, {}]


def test_days_of_long_ago_are_removed_and_the_most_downloaded_are_found_first(new_index: NewIndex) -> None:
    index = new_index()
    script = """
from datetime import date, timedelta
from tests.searching import *
from downloads import keeping as downloads
from downloads.models import DownloadDay
from packages.models import File
from search import keeping
make_world()
today = date(2026, 1, 1)
day = (today - date(1970, 1, 1)).days
for name, ago, count in (("flask", 0, 5), ("flask", 29, 7), ("flask", 30, 100), ("flask", 500, 9), ("quart", 1, 50)):
    downloads.add({(f"{name}-1.0.tar.gz", day - ago): count, ("unknown-1.0.tar.gz", day): 1})
seen = downloads.project_downloads("flask", today=today)
before = DownloadDay.objects.count()
downloads.remove_old(today=today, days=400)
keeping.note_downloads(downloads.last_month(today=today))
print(json.dumps([seen.last_month, seen.totals, before - DownloadDay.objects.count(),
                  downloads.project_downloads("flask", today=today).totals, ask("web", {"order": "downloads"})[:2]]))"""
    index.manage("migrate", "--verbosity", "0")
    month, totals, removed, after, first = run(script, index.environment)
    assert (month, removed, first) == (12, 1, ["quart", "flask"])
    assert totals == after == {"flask-1.0.tar.gz": 121}
