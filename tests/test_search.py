"""Searching: one table of cases on both databases, hostile queries, limits, and what the worker keeps."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import _numbers
from tests.databases import PostgresServer
from tests.running import RunningIndex, free_port
from tests.searching import CASES, HOSTILE, WORLD, run

HEAD = "import json; from tests.searching import *; from search.searching import *; from search.values import *;"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """That of an index with the world of the cases, which is not running, on either database."""
    variables = {}
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        variables["INDEXSITE_DATABASE_URL"] = server.new_database(f"search{next(_numbers)}_{os.getpid()}")
    index = RunningIndex(tmp_path_factory.mktemp("search"), free_port(), variables)
    index.manage("migrate", "--verbosity", "0")
    index.manage("shell", "--verbosity", "0", "-c", "from tests.searching import *; make_world()")
    return index.environment


@pytest.fixture(scope="module")
def answers(environment: dict[str, str]) -> Any:  # Any: JSON
    """What each case finds."""
    return run(HEAD + "print(json.dumps({name: ask(*case[:2]) for name, case in CASES.items()}))", environment)


@pytest.mark.parametrize("name", CASES)
def test_what_is_found_in_which_order(answers: dict[str, list[str]], name: str) -> None:
    expected = CASES[name][2]
    assert answers[name][: len(expected) or None] == expected


def test_no_query_says_anything_in_the_databases_own_language(environment: dict[str, str]) -> None:
    counts = run(HEAD + "print(json.dumps([search(each).total for each in HOSTILE]))", environment)
    found = dict(zip(HOSTILE, counts, strict=True))
    assert found["name:flask"] == found["a OR b"] == found["NOT a"] == 0
    assert {found[each] for each in ('"', "*", "(", "&", "\x00", " ", "")} == {len(WORLD)}  # no word, so everything


def test_a_statement_that_takes_too_long_is_stopped(environment: dict[str, str]) -> None:
    slow = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "postgresql": "SELECT pg_sleep(3600)",
    }
    script = f"""
from django.db import connection
from search.engines import the_engine
from search.errors import SearchTooSlowError
try:
    with the_engine().limited(0.1), connection.cursor() as cursor:
        cursor.execute({slow}[connection.vendor])
    said = "it ran"
except SearchTooSlowError as error:
    said = str(error)
print(json.dumps([said, search("flask").total]))"""
    said, total = run(HEAD + script, environment)
    assert said == "That search took too long and was stopped; ask for fewer or longer words."
    assert total == 5  # the connection is as it was


def test_statements_have_what_remains_of_the_time_and_none_begins_after_it(environment: dict[str, str]) -> None:
    script = """
from django.db import connection
from search.engines import the_engine
from search.errors import SearchTooSlowError
told = ""
with the_engine().limited(3), connection.cursor() as cursor:
    if connection.vendor == "postgresql":
        cursor.execute("SELECT pg_sleep(1)")
        cursor.execute("SELECT current_setting('statement_timeout')")
        told = cursor.fetchone()[0]
begun = 0
try:
    with the_engine().limited(0.05), connection.cursor() as cursor:
        for begun in range(200_000):
            cursor.execute("SELECT 1")
except SearchTooSlowError:
    pass
print(json.dumps([told, begun]))"""
    told, begun = run(HEAD + script, environment)
    assert told.endswith("ms") == ("INDEXSITE_DATABASE_URL" in environment)  # not 3s any more
    assert 0 < begun < 199_999


def test_a_search_has_the_seconds_that_are_set(environment: dict[str, str]) -> None:
    script = """
from search.errors import SearchTooSlowError
said = []
for text in ("flask", ""):
    try:
        said.append(search(text).total)
    except SearchTooSlowError as error:
        said.append(error.code)
print(json.dumps(said))"""
    assert run(HEAD + script, {**environment, "INDEXSITE_SEARCH_SECONDS": "0.000001"}) == ["search-too-slow"] * 2


def test_what_is_quarantined_or_deleted_is_not_shown_even_before_the_worker_notices(
    environment: dict[str, str],
) -> None:
    script = """
from packages.models import Project
def put(status):
    Project.every.filter(name="flask").update(status=status, status_before="active" if status == "quarantined" else "")
    return ask("flask", {})[0]
print(json.dumps([put("quarantined"), put("deleted"), put("active")]))"""
    assert run(HEAD + script, environment) == ["flask-login", "flask-login", "flask"]


def test_what_is_quarantined_is_not_suggested(environment: dict[str, str]) -> None:
    script = """
from packages.models import Project
def meant(name, status, *texts):
    Project.every.filter(name=name).update(status=status, status_before="active" if status == "quarantined" else "")
    return [search(text).suggestion for text in texts]
print(json.dumps([
    meant(name, status, *texts)
    for name, *texts in (("numpy", "nmupy", "nmupy web"), ("lilo", "1il0")) for status in ("quarantined", "active")
]))"""
    numpy = [["", ""], ["numpy", "numpy web"]]
    assert run(HEAD + script, environment) == [*numpy, [""], ["lilo"]]


def test_the_index_follows_what_is_published_and_forgets_what_is_gone(environment: dict[str, str]) -> None:
    script = """
from packages import changes
from packages.models import *
from search import keeping
def after(change):
    change()
    changes.note([project.pk])
    keeping.keep_up(seconds=60)
    return [ask("loginator", {}), ask("sign", {}), ask("novelty", {}), ask("loginatro", {})]
project = Project.objects.get(name="loginator")
files = File.every.filter(release__project=project)
print(json.dumps([
    after(lambda: files.update(summary="A novelty.")),
    after(lambda: files.update(state="withheld", voucher="")),
    after(lambda: files.update(state="published", voucher="unclaimed", summary="Sign in to flask applications.")),
]))"""
    one = ["loginator"]
    changed, gone, back = run(HEAD + script, environment)
    assert changed == [one, [], one, one]
    assert gone == [[], [], [], []]
    assert back == [one, one, [], one]


def test_a_project_that_changes_while_it_is_read_is_read_again(environment: dict[str, str]) -> None:
    script = """
from packages import changes
from packages.models import Project
pks = list(Project.objects.values_list("pk", flat=True)[:2])
changes.note(pks)
read = changes.waiting(limit=9)
changes.note(pks[:1])
changes.settle(read)
left = [each.project_id for each in changes.waiting(limit=9)]
changes.settle(changes.waiting(limit=9))
print(json.dumps([len(read), left == pks[:1], changes.has_waiting()]))"""
    assert run(HEAD + script, environment) == [2, True, False]


def test_what_was_read_before_another_worker_never_replaces_what_that_one_stored(environment: dict[str, str]) -> None:
    script = """
from django.db import connection
from packages import changes
from packages.models import *
from search import keeping
from search.models import Document
project = Project.objects.get(name="loginator")
files = File.every.filter(release__project=project)
def keep():
    changes.note([project.pk])
    keeping.keep_up(seconds=60)
def keep_beside(rival):
    due = [rival]
    def act_between(execute, sql, *others):
        execute(sql, *others)
        if due and "packages_releasedescription" in sql:  # the files are read, nothing is stored
            due.pop()()
    with connection.execute_wrapper(act_between):
        keep()
    return list(Document.objects.filter(project=project).values_list("summary", flat=True)), len(due)
def change_and_keep():
    files.update(summary="Newer.")
    keep()
def keep_and_change():
    keep()
    files.update(summary="Newest.")
    changes.note([project.pk])
def withhold_and_keep():
    files.update(state="withheld", voucher="")
    keep()
print(json.dumps([*map(keep_beside, (change_and_keep, keep_and_change, withhold_and_keep)), changes.has_waiting()]))
files.update(state="published", voucher="unclaimed", summary="Sign in to flask applications.")
keep()"""
    kept = run(HEAD + script, environment)
    assert kept == [[["Newer."], 0], [["Newest."], 0], [[], 0], False]


def test_a_rebuild_makes_everything_anew_and_may_be_run_again(environment: dict[str, str]) -> None:
    script = """
from django.core.management import call_command
from packages.models import Project
from search.models import Document
from search.engines import the_engine
before = ask("flask", {})
Document.objects.filter(name__startswith="flask").delete()
Document.objects.filter(name="django").update(name="stranger", summary="flask")
the_engine().remove(list(Project.objects.values_list("pk", flat=True)[:5]))
lost = ask("flask", {})
for _ in range(2):
    call_command("search_rebuild")
print(json.dumps([before == lost, before == ask("flask", {}), Document.objects.count()]))"""
    assert run(HEAD + script, environment) == [False, True, len(WORLD)]


def test_what_is_missing_is_noticed(environment: dict[str, str]) -> None:
    script = """
from packages.models import Project
from search import keeping
from search.models import Document
Document.objects.filter(name="flask").delete()
Project.objects.filter(name="django").update(status="archived")
noted = keeping.note_what_is_missing()
keeping.keep_up(seconds=60)
found = ask("flask", {})[0], ask("django", {"status": "archived"})
Project.objects.filter(name="django").update(status="active")
print(json.dumps([noted, *found, keeping.note_what_is_missing(), keeping.keep_up(seconds=60)]))"""
    assert run(HEAD + script, environment) == [2, "flask", ["django"], 1, 1]


def test_pages_counts_facets_and_suggestions(environment: dict[str, str]) -> None:
    script = """
first, second, last = (search("flask", page=number, size=2) for number in (1, 3, 99))
facets = {each.classifier: each.count for each in search("web").facets}
meant = search("flaks web"), search("flaks"), search("flaks simple complex building")
print(json.dumps([
    [first.total, len(first.found), len(second.found), len(last.found)], facets,
    [meant[0].suggestion, meant[0].total, meant[1].suggestion, meant[1].resembling, meant[2].suggestion],
]))"""
    numbers, facets, meant = run(HEAD + script, environment)
    assert numbers == [5, 2, 1, 0]
    assert facets["Framework :: Django"] == 1
    assert facets["Programming Language :: Python :: 3.12"] == 2
    assert meant == ["flask web", 0, "flask", True, ""]  # more than three words are not corrected


def test_no_more_searches_than_allowed_are_at_work(environment: dict[str, str]) -> None:
    script = """
from contextlib import ExitStack
from search import searching
from search.errors import SearchBusyError
with ExitStack() as stack:
    for _ in range(searching.AT_ONCE):
        stack.enter_context(searching._one_of_few())
    try:
        said = search("flask").total
    except SearchBusyError as error:
        said = str(error)
print(json.dumps([said, search("flask").total]))"""
    said, total = run(HEAD + script, environment)
    assert "try again" in said
    assert total == 5


def test_without_the_right_to_make_the_extension_everything_but_slips_is_found(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.new_empty_database(f"lesser{os.getpid()}")
    name = url.rpartition("/")[2]
    role = f"lesser{os.getpid()}"
    sql = f"CREATE ROLE {role} LOGIN; GRANT ALL ON SCHEMA public TO {role}"
    postgres.run("psql", "-q", "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "postgres", "-d", name, "-c", sql)
    index = RunningIndex(
        tmp_path / "data", free_port(), {"INDEXSITE_DATABASE_URL": url.replace("//postgres@", f"//{role}@")}
    )
    assert role in index.variables["INDEXSITE_DATABASE_URL"]
    index.manage("migrate", "--verbosity", "0")
    script = HEAD + 'make_world(); print(json.dumps([ask("flask", {})[0], ask("flosk", {})]))'
    assert run(script, index.environment) == ["flask", []]
