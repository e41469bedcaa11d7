"""Reading `/api/v1/`: what is said of projects, releases and files, to whom, in pages of bounded cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.callers import Scope
from packages.models import File, JournalEntry, Project, Release
from tests.api import get, token
from tests.life import FILE, NOW, add_release, make_demo, put

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo() -> Project:
    return make_demo()


def wait(filename: str = FILE) -> None:
    File.objects.filter(filename=filename).update(state="waiting", voucher="")


def test_a_project_says_what_it_is_and_what_one_is_to_it(demo: Project) -> None:
    said = get("projects/Demo/")
    assert said == {
        "name": "demo",
        "display_name": "Demo",
        "status": "active",
        "status_reason": "",
        "created_at": "2026-01-01T00:00:00Z",
        "owners": ["owner", "second"],
        "roles": [],
        "page": "http://testserver/project/demo/",
    }
    assert get("projects/demo/", token("maintainer"))["roles"] == ["maintainer"]
    assert get("projects/demo/", token("invited"))["roles"] == ["invited"]
    assert get("projects/demo/", token("owner", projects=("other",)))["roles"] == []


def test_an_administrators_token_for_reading_is_no_administrator(demo: Project) -> None:
    assert get("projects/demo/", token("administrator", Scope.UPLOAD))["roles"] == []
    assert get("projects/demo/", token("administrator", Scope.ADMIN))["roles"] == ["administrator"]


def test_a_file_says_its_hashes_its_state_and_its_voucher(demo: Project) -> None:
    said = get(f"projects/demo/files/{FILE}/")
    assert said == {
        "project": "demo",
        "version": "1.0",
        "filename": FILE,
        "url": f"http://testserver/files/{'a' * 64}/{FILE}",
        "size": 7,
        "hashes": {"sha256": "a" * 64},
        "metadata_hashes": None,
        "requires_python": "",
        "uploaded_at": "2026-01-01T00:00:00Z",
        "state": "published",
        "voucher": "unclaimed",
        "yanked": None,
    }
    File.objects.update(metadata_sha256="b" * 64, metadata_is_static=True)
    Release.objects.update(is_yanked=True, yanked_reason="broken")
    said = get(f"projects/demo/files/{FILE}/")
    assert (said["metadata_hashes"], said["yanked"]) == ({"sha256": "b" * 64}, "broken")


@pytest.mark.parametrize("version", ["1.0", "1", "v1.0.0"])
def test_a_release_is_found_by_any_spelling(demo: Project, version: str) -> None:
    said = get(f"projects/demo/releases/{version}/")
    assert (said["version"], said["files"], said["yanked"]) == ("1.0", 1, None)


@pytest.mark.parametrize(
    "path",
    [
        "projects/absent/",
        "projects/%20/",
        "projects/%00/",
        "projects/demo/releases/9/",
        "projects/demo/releases/x/",
        "projects/demo/files/absent.whl/",
        "projects/demo/files/%00/",
        "projects",
        "nothing/",
        "",
    ],
)
def test_what_is_not_there_is_a_problem_document(demo: Project, path: str) -> None:
    said = get(path, status=404)
    assert said["status"] == 404
    assert said["code"] in {"not-there", "not-found"}
    assert said["detail"]


def test_what_waits_for_a_signature_is_shown_to_members_only(demo: Project) -> None:
    wait()
    paths = ("projects/demo/releases/", "projects/demo/files/", "releases/", "files/")
    assert [get(path)["results"] for path in paths] == [[], [], [], []]
    get("projects/demo/releases/1.0/", status=404)
    get(f"projects/demo/files/{FILE}/", status=404)
    for headers in (token("stranger"), token("invited"), token("owner", projects=("other",))):
        assert get("projects/demo/files/", headers)["results"] == []
    for headers in (token("maintainer"), token("owner", projects=("demo",)), token("administrator", Scope.ADMIN)):
        [file] = get("projects/demo/files/?state=waiting", headers)["results"]
        assert (file["state"], file["voucher"], file["url"]) == ("waiting", None, None)
        assert get("projects/demo/releases/", headers)["results"][0]["files"] == 1
        assert get("projects/demo/releases/1.0/", headers)["files"] == 1
        assert get("files/", headers)["results"] == []


def test_a_deleted_project_is_not_there(demo: Project) -> None:
    put("deleted")
    get("projects/demo/", status=404)
    assert get("projects/")["results"] == []
    assert get("releases/")["results"] == []


def many(count: int) -> None:
    for number in range(count):
        project = Project.objects.create(name=f"p{number:03}", display_name=f"P{number:03}", created_at=NOW)
        add_release(project, "1.0")
        JournalEntry.objects.create(at=NOW, actor="owner", act="project.created", project=project.name)


def test_pages_follow_each_other_without_gap_or_repetition(demo: Project) -> None:
    many(6)
    for path, key in (("projects/", "name"), ("releases/", "project"), ("files/", "filename")):
        whole = [row[key] for row in get(path)["results"]]
        assert len(whole) == 7
        for limit in (1, 2, 7):
            seen: list[str] = []
            following = f"http://testserver/api/v1/{path}?limit={limit}"
            while following and len(seen) <= len(whole):
                page = get(following.removeprefix("http://testserver/api/v1/"))
                assert 1 <= len(page["results"]) <= limit
                seen += [row[key] for row in page["results"]]
                following = page["next"]
            assert seen == whole


def test_projects_are_filtered(demo: Project) -> None:
    many(2)
    Project.objects.filter(name="p001").update(status="archived")

    def names(query: str, headers: dict[str, str] | None = None) -> list[str]:
        return [row["name"] for row in get(f"projects/?{query}", headers)["results"]]

    assert names("prefix=p") == ["p000", "p001"]
    assert names("prefix=p&status=archived") == ["p001"]
    assert names("mine=true", token("owner")) == ["demo"]
    assert names("mine=true", token("stranger")) == []
    assert names("mine=true", token("owner", projects=("other",))) == []
    assert get("projects/?mine=true", status=401)["code"] == "credentials-missing"


def test_files_are_filtered(demo: Project) -> None:
    add_release(demo, "2.0")
    assert [row["version"] for row in get("projects/demo/files/?version=2.0")["results"]] == ["2.0"]
    assert [row["version"] for row in get("projects/demo/files/?state=published")["results"]] == ["2.0", "1.0"]
    assert get("projects/demo/files/?state=withheld")["results"] == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "cursor=0", f"cursor={2**63}", "cursor=x", "states=waiting", "state=deleted"],
)
def test_a_query_that_cannot_be_meant_is_refused(demo: Project, query: str) -> None:
    said = get(f"projects/demo/files/?{query}", status=400)
    assert said["code"] == "query-faulty"
    assert said["faults"][0]["field"] == query.partition("=")[0]


def test_the_number_of_queries_does_not_depend_on_the_number_of_rows(demo: Project) -> None:
    headers = token("administrator", Scope.ADMIN)
    paths = ["projects/", "releases/", "files/", "journal/"]
    paths += [f"projects/demo/{kind}/" for kind in ("releases", "files", "journal")]

    def asked() -> list[tuple[int, int]]:
        found = []
        for path in paths:
            with CaptureQueriesContext(connection) as queries:
                rows = len(get(f"{path}?limit=50", headers)["results"])
            found.append((len(queries), rows))
        return found

    JournalEntry.objects.create(at=NOW, actor="owner", act="project.created", project="demo")
    get("projects/", headers)  # the use of the token is noted
    few = asked()
    many(60)
    for number in range(60):
        add_release(demo, f"2.{number}")
        JournalEntry.objects.create(at=NOW, actor="owner", act="file.added", project="demo")
    assert {rows for _, rows in few} <= {1, 2}  # the token is in the journal too
    assert asked() == [(queries, 50) for queries, _ in few]
    assert max(queries for queries, _ in few) <= 7


def test_the_journal_of_a_project_is_for_those_who_belong_to_it(demo: Project) -> None:
    for name in ("demo", "other"):
        JournalEntry.objects.create(at=NOW, actor="owner", act="file.added", project=name, details={"size": 1})
    assert get("projects/demo/journal/", status=401)["code"] == "credentials-missing"
    for headers in (token("stranger"), token("invited")):
        assert get("projects/demo/journal/", headers, status=403)["code"] == "insiders-only"
    elsewhere = get("projects/demo/journal/", token("owner", projects=("other",)), status=403)
    assert "limited to other projects" in elsewhere["detail"]
    for headers in (token("maintainer"), token("owner", projects=("demo",)), token("administrator", Scope.ADMIN)):
        [entry] = get("projects/demo/journal/", headers)["results"]
        assert (entry["act"], entry["actor"], entry["details"]) == ("file.added", "owner", {"size": 1})
        assert (entry["number"], entry["sha256"]) == (None, None)
    put("deleted")
    assert len(get("projects/demo/journal/", token("owner"))["results"]) == 1
    get("projects/absent/journal/", token("owner"), status=404)


def test_the_whole_journal_is_for_administrators(demo: Project) -> None:
    get("journal/", status=401)
    JournalEntry.objects.create(at=NOW, actor="indexsite", act="index.restored")
    refused = (
        token("owner", Scope.ADMIN),
        token("administrator", Scope.UPLOAD),
        token("administrator", Scope.ADMIN, projects=("demo",)),
    )
    for headers in refused:
        assert get("journal/", headers, status=403)["code"] == "administrators-only"
    seen = get("journal/", token("administrator", Scope.ADMIN))["results"]
    assert [entry["act"] for entry in seen] == [*["token.created"] * 4, "index.restored"]


def test_the_journal_is_filtered(demo: Project) -> None:
    for hour, act in ((0, "file.added"), (5, "file.yanked"), (4, "file.added"), (9, "file.added")):  # 5 came late
        JournalEntry.objects.create(at=NOW + timedelta(hours=hour), actor="owner", act=act, project="demo")

    def hours(query: str) -> list[str]:
        rows = get(f"projects/demo/journal/?{query}", token("owner"))["results"]
        return [row["at"][11:13] for row in rows]

    assert hours("") == ["09", "04", "05", "00"]
    assert hours("act=file.added") == ["09", "04", "00"]
    assert hours("since=2026-01-01T04:30:00Z") == ["09", "05"]
    assert hours("since=2026-01-01T04:00:00Z&act=file.yanked") == ["05"]
    assert hours("since=2027-01-01T00:00:00Z") == []
    JournalEntry.objects.create(at=NOW - timedelta(days=9), actor="owner", act="file.added", project="demo")
    assert hours("since=2026-01-01T04:30:00Z") == ["09", "05"]  # though a clock went wrong after them
    assert hours("since=2020-01-01T00:00:00Z") == ["00", "09", "04", "05", "00"]
