"""Rules of metadata, names and limits over a running index: the bad leaves nothing, its good neighbour passes."""

import threading
from collections.abc import Iterator

import pytest

from packages.name_lists import POPULAR_FILES
from tests.conftest import NewIndex, scaled_index
from tests.distributions import metadata, sdist, tar_gz_of, wheel, zip_of
from tests.refusals import assert_refused, stored_files
from tests.running import Reply, RunningIndex, eventually
from tests.scaled import Servers


@pytest.fixture(scope="module")
def index(module_index: RunningIndex) -> RunningIndex:
    """With the settings as they are."""
    return module_index


@pytest.fixture(scope="module")
def token(index: RunningIndex) -> str:
    return index.token()


def sdist_called(filename: str, name: str, version: str) -> tuple[str, bytes]:
    """An sdist with a filename of its own, as a zip archive where that says so."""
    make = zip_of if filename.endswith(".zip") else tar_gz_of
    top = filename.removesuffix(".zip").removesuffix(".tar.gz")
    return filename, make({f"{top}/PKG-INFO": metadata(name, version).encode()})


BAD_AND_GOOD = [  # what is refused, words of the refusal, its neighbour that passes
    (wheel("rule-a", "1.0", extra="Requires-Dist: flask >="), "no dependency specifier", wheel("rule-a", "1.0")),
    (wheel("rule-b", "1.0", extra="Home-page: javascript:x"), "no http or https", wheel("rule-b", "1.0")),
    (
        wheel("rule-c", "1.0", extra="Classifier: Nonsense"),
        "no known classifier",
        wheel("rule-c", "1.0", extra="Classifier: Private :: Do Not Upload"),
    ),
    (sdist("rule-d", "1.0", extra="Requires-Python: maybe"), "no version specifier", sdist("rule-d", "1.0")),
    (sdist_called("Rule.E-1.0.tar.gz", "Rule.E", "1.0"), "must be called rule_e-1.0.tar.gz", sdist("rule-e", "1.0")),
    (sdist_called("rule_f-1.0.zip", "rule-f", "1.0"), "is a zip archive", sdist("rule-f", "1.0")),
    (wheel("json", "1.0"), "standard library", wheel("json-rule", "1.0")),
]


@pytest.mark.parametrize(("bad", "words", "good"), BAD_AND_GOOD)
def test_the_bad_is_refused_and_its_neighbour_passes(
    index: RunningIndex, token: str, bad: tuple[str, bytes], words: str, good: tuple[str, bytes]
) -> None:
    before = stored_files(index)
    assert_refused(index, index.post_upload(*bad, token=token), 400, words, before)
    assert index.post_upload(*good, token=token).status == 200


def test_a_private_index_takes_what_pypi_does_not(index: RunningIndex, token: str) -> None:
    filename, content = wheel("private-a", "1.0+ours", extra="Requires-Dist: flask @ https://example.org/f.whl")
    assert index.post_upload(filename, content, token=token).status == 200
    tags = b"Wheel-Version: 1.0\nTag: py3-none-linux_x86_64\n"
    linux, content = wheel("private-a", "1.1+ours", members={"private_a-1.1+ours.dist-info/WHEEL": tags})
    assert index.post_upload(linux.replace("any", "linux_x86_64"), content, token=token).status == 200


FORMS = [
    ("requires_dist", "evil", "only the form has 'evil'"),
    ("requires_dist", "", "the form lacks 'flask>=1'"),
    ("requires_python", ">=2", "but the form says '>=2'"),
    ("requires_python", "", "but the form says 'nothing'"),
    ("requires_external", "libfoo", "only the form has 'libfoo'"),
    ("provides_extras", "other", "only the form has 'other'"),
]


@pytest.mark.parametrize(("field", "value", "words"), FORMS)
def test_a_form_that_says_otherwise_than_the_file_is_refused(
    index: RunningIndex, token: str, field: str, value: str, words: str
) -> None:
    extra = "Requires-Dist: flask>=1\nRequires-Python: >=3.9\nProvides-Extra: all"
    filename, content = wheel("formed", "1.0", extra=extra)
    before = stored_files(index)
    assert_refused(index, index.post_upload(filename, content, token=token, **{field: value}), 400, words, before)


def test_a_form_that_agrees_passes_and_what_else_it_says_is_ignored(index: RunningIndex, token: str) -> None:
    filename, content = wheel("agreeing", "1.0", extra="Requires-Dist: flask>=1\nRequires-Python: >=3.9")
    said = {"requires_dist": "Flask (>=1)", "requires_python": ">= 3.9", "summary": "Not what the file says."}
    assert index.post_upload(filename, content, token=token, **said).status == 200
    assert "Not what the file says." not in index.get("/project/agreeing/").text


def test_several_faults_come_in_one_answer(index: RunningIndex, token: str) -> None:
    filename, content = wheel("faulty", "1.0", extra="Requires-Python: maybe\nHome-page: x\nClassifier: y")
    assert len(index.post_upload(filename, content, token=token).text.splitlines()) == 3


def test_names_that_look_alike_are_refused(index: RunningIndex, token: str) -> None:
    assert index.post_upload(*wheel("oil-lamp", "1.0"), token=token).status == 200
    before = stored_files(index)
    for name in ("oillamp", "0il-lamp", "oi1-lamp", "OiI.Iamp"):
        refused = index.post_upload(*wheel(name, "1.0"), token=token)
        assert_refused(index, refused, 400, "easily taken for the existing project oil-lamp", before)
    assert index.post_upload(*wheel("oil-lamps", "1.0"), token=token).status == 200


def test_an_administrator_prohibits_and_allows_names(index: RunningIndex, token: str) -> None:
    script = "from packages.models import ListedName as L; L.objects.create(name='{}', verdict='{}', reason='{}')"
    index.manage("shell", "-c", script.format("our-product", "prohibited", "a product of ours"))
    index.manage("shell", "-c", script.format("statistics", "allowed", ""))
    allowed = wheel("statistics", "1.0")
    eventually(lambda: index.post_upload(*allowed, token=token).status == 200, what="the name allowed")
    before = stored_files(index)
    refused = index.post_upload(*wheel("Our.Product", "1.0"), token=token)
    assert_refused(index, refused, 400, "prohibited on this index (a product of ours)", before)


def test_a_near_miss_of_a_popular_name_is_taken_with_a_warning(index: RunningIndex, token: str) -> None:
    for number in range(POPULAR_FILES):
        assert index.post_upload(*wheel("beloved", f"1.{number}"), token=token).status == 200
    tried = iter(f"{'beloved'[:at]}{c}{'beloved'[at + 1 :]}" for at in range(7) for c in "acfghjkmnpqrstuwxyz23456789")

    def warned() -> Reply | None:
        reply = index.post_upload(*wheel(next(tried), "1.0"), token=token)
        assert reply.status == 200
        return reply if len(reply.text.splitlines()) == 2 else None

    reply = eventually(warned, what="a warning")
    assert reply is not None
    assert "one slip of the finger from beloved" in reply.text
    assert "Warning" not in index.post_upload(*wheel("hated", "1.0"), token=token).text


def test_a_release_has_one_sdist(new_index: NewIndex) -> None:
    index = new_index(INDEXSITE_ZIP_SDISTS="1", INDEXSITE_OLDER_SDIST_NAMES="1").start()
    token = index.token()
    assert index.post_upload(*sdist_called("Old.Name-1.0.tar.gz", "Old.Name", "1.0"), token=token).status == 200
    before = stored_files(index)
    refused = index.post_upload(*sdist_called("old_name-1.0.zip", "old-name", "1.0"), token=token)
    assert_refused(index, refused, 400, "a second sdist of its release", before)
    assert index.post_upload(*sdist_called("old_name-1.1.zip", "old-name", "1.1"), token=token).status == 200


def test_the_pypi_policy_and_quotas(new_index: NewIndex) -> None:
    index = new_index(INDEXSITE_POLICY="pypi", INDEXSITE_PROJECT_QUOTA="3000", INDEXSITE_ACCOUNT_QUOTA="6000").start()
    token = index.token()
    before = stored_files(index)
    for bad, words in (
        (wheel("strict", "1.0+ours"), "local version"),
        (wheel("strict", "1.0", extra="Classifier: Private :: x"), "no known classifier"),
        (wheel("strict", "1.0", extra="Requires-Dist: a @ https://e.org/a.whl"), "depends on an address"),
        ((wheel("strict", "1.0")[0].replace("any", "linux_x86_64"), wheel("strict", "1.0")[1]), "linux_x86_64"),
    ):
        assert_refused(index, index.post_upload(*bad, token=token), 400, words, before)
    payload = bytes(range(256)) * 6
    for number, status in ((0, 200), (1, 413)):
        sized = wheel("sized", f"1.{number}", members={"data.bin": payload})
        before = stored_files(index) if number else before
        reply = index.post_upload(*sized, token=token)
        assert reply.status == status, reply.text
    assert "the project sized uses" in reply.text
    assert stored_files(index) == before
    filled = [
        index.post_upload(*wheel(f"filler-{letter}", "1.0", members={"d": payload}), token=token) for letter in "abcd"
    ]
    assert [reply.status for reply in filled].count(413) >= 1
    assert "the account admin uses" in filled[-1].text


def test_an_old_release_is_closed_under_the_pypi_policy(new_index: NewIndex) -> None:
    index = new_index(INDEXSITE_POLICY="pypi").start()
    token = index.token()
    assert index.post_upload(*sdist("aged", "1.0"), token=token).status == 200
    before = stored_files(index)
    age = "from packages.models import Release; from datetime import *; "
    age += "Release.objects.update(created_at=datetime.now(UTC) - timedelta(days=15))"
    index.manage("shell", "-c", age)
    assert_refused(index, index.post_upload(*wheel("aged", "1.0"), token=token), 400, "too old to take", before)
    index.manage("shell", "-c", age.replace("created_at", "reopened_until").replace("- timedelta", "+ timedelta"))
    assert index.post_upload(*wheel("aged", "1.0"), token=token).status == 200


def test_a_read_only_index_says_why_and_is_read(new_index: NewIndex) -> None:
    index = new_index().start()
    token = index.token()
    assert index.post_upload(*wheel("kept", "1.0"), token=token).status == 200
    index.wait_until_listed("kept", wheel("kept", "1.0")[0])
    index.stop()
    before = stored_files(index)
    index.variables["INDEXSITE_READ_ONLY"] = "we move to another machine"
    index.start()
    reply = index.post_upload(*wheel("kept", "2.0"), token=token)
    assert_refused(index, reply, 503, "read-only at the moment: we move to another machine", before)
    assert "retry-after" not in reply.headers
    assert index.page("kept") is not None


# --- between processes ---


@pytest.fixture(scope="module")
def several(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    """Several web processes on PostgreSQL, with room for four of the files below."""
    folder = tmp_path_factory.mktemp("several")
    settings = {"INDEXSITE_ZIP_SDISTS": "1", "INDEXSITE_PROJECT_QUOTA": "12000"}
    with scaled_index(servers, folder, **settings) as index:
        yield index


def at_once(index: RunningIndex, files: list[tuple[str, bytes]], token: str) -> list[Reply]:
    """Upload all at the same time, by turns to each process."""
    replies = list[Reply]()
    threads = [
        threading.Thread(target=lambda each=each: replies.append(index.post_upload(*each, token=token)))
        for each in files
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return replies


def test_two_processes_take_one_sdist_and_one_of_two_names(several: RunningIndex) -> None:
    token = several.token()
    at_once(several, [wheel("shared", "0.1")], token)
    for number in range(10):
        pair = [sdist_called(f"shared-1.{number}{ending}", "shared", f"1.{number}") for ending in (".tar.gz", ".zip")]
        assert sorted(reply.status for reply in at_once(several, pair, token)) == [200, 400]
        names = [wheel(f"twin-{number}-{letter}", "1.0") for letter in ("l", "i")]
        assert sorted(reply.status for reply in at_once(several, names, token)) == [200, 400]


def test_processes_together_keep_a_quota(several: RunningIndex) -> None:
    payload = bytes(range(256)) * 8
    token = several.token()
    at_once(several, [wheel("full", "0.1")], token)
    files = [wheel("full", f"1.{number}", members={"data.bin": payload}) for number in range(10)]
    replies = at_once(several, files, token)
    assert {reply.status for reply in replies} == {200, 413}
    [(stored, listed)] = several.rows(  # type: ignore[attr-defined]  # of a scaled one
        "SELECT stored_bytes, (SELECT sum(size) FROM packages_file JOIN packages_release r ON r.id = release_id "
        "WHERE r.project_id = p.id) FROM packages_project p WHERE name = 'full'"
    )
    assert stored == listed <= 12000
