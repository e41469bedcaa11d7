"""Moving in from a folder: what is taken and what is refused."""

import json
import os
from pathlib import Path

import pytest

from packages.moving.importing import Outcome, Verdict, import_tree
from packages.moving.report import Report
from packages.moving.trees import FoundFile, Tree, read_folder
from tests.accepting import NOW, caller
from tests.distributions import metadata, sdist, tar_gz_of, wheel, zip_of
from tests.moving import import_report, lay_out, run_import
from tests.running import RunningIndex
from tests.watching import new_updater, readable_files, verified_files


@pytest.fixture(scope="module")
def index(each_mode: RunningIndex) -> RunningIndex:
    return each_mode


def old_sdist(top: str, name: str, version: str) -> dict[str, bytes]:
    """The members of an sdist as old tools made it."""
    text = metadata(name, version).replace("Metadata-Version: 2.1", "Metadata-Version: 1.0")
    return {f"{top}/PKG-INFO": text.encode(), f"{top}/setup.py": b"from distutils.core import setup\nsetup()\n"}


def test_a_nested_folder_is_imported_with_its_upload_times(index: RunningIndex, tmp_path: Path) -> None:
    (one, one_content), (two, two_content) = wheel("Moved.In", "1.0"), sdist("moved-in", "2.0")
    files = {
        f"moved-in/{one}": one_content,
        f"some/where/{two}": two_content,
        wheel("flat", "1")[0]: wheel("flat", "1")[1],
    }
    report = import_report(index, lay_out(tmp_path / "tree", files))
    assert (report["imported"], report["here"], report["refused"], report["noted"]) == (3, 0, [], [])
    index.wait_until_listed("moved-in", one, two)
    index.wait_until_listed("flat", "flat-1-py3-none-any.whl")
    times = {file["filename"]: file["upload-time"] for file in index.page("moved-in")["files"]}
    assert times == {one: "2001-09-09T01:46:40.000000Z", two: "2001-09-09T01:46:41.000000Z"}
    verified = verified_files(new_updater(index, tmp_path / "tuf", index.root()), "moved-in")
    assert verified == readable_files(index, "moved-in")
    assert set(verified) == {one, two}
    assert "<h1>Moved.In" in index.get("/project/moved-in/").text.replace("\n", "")  # as its metadata spell it


def test_what_is_no_distribution_is_counted_and_never_followed_out_of_the_folder(
    index: RunningIndex, tmp_path: Path
) -> None:
    kept, outside = wheel("kept-inside", "1.0"), wheel("kept-outside", "1.0")
    lay_out(tmp_path / "elsewhere", {outside[0]: outside[1]})
    beside = [
        "index.html",
        f"{kept[0]}.asc",
        f"{kept[0]}.metadata",
        ".pypirc",
        ".git/demo-1.0-py3-none-any.whl",
        "PKG-INFO",
    ]
    tree = lay_out(tmp_path / "tree", {kept[0]: kept[1], **dict.fromkeys(beside, b"x")})
    old = lay_out(tree, {"old-1.0-py2.7.egg": b"x", "old-1.0.win32.exe": b"x", "old-1.0.tar.bz2": b"x"})
    (old / "linked-file-1.0-py3-none-any.whl").symlink_to(tmp_path / "elsewhere" / outside[0])
    (old / "linked").symlink_to(tmp_path / "elsewhere")
    (old / "circle").symlink_to(old)
    os.mkfifo(old / "pipe-1.0-py3-none-any.whl")
    report = import_report(index, old)
    assert (report["imported"], report["refused"]) == (1, [])
    assert [each["file"] for each in report["skipped"]] == ["old-1.0-py2.7.egg", "old-1.0.tar.bz2", "old-1.0.win32.exe"]
    assert "PEP 527" in next(each["reason"] for each in report["skipped"] if each["file"].endswith("bz2"))
    assert report["ignored"] == {
        "hidden files and folders": 2,
        "index pages": 1,
        "metadata beside files": 1,
        "other files": 2,
        "signatures": 1,
        "symbolic links": 3,
    }
    index.wait_until_listed("kept-inside", kept[0])
    assert index.page("kept-outside") is None


UNUSUAL = {
    "Old.Name-1.0.zip": zip_of(old_sdist("Old.Name-1.0", "Old.Name", "1.0")),
    "Other_Name-1.0.tar.gz": tar_gz_of(old_sdist("Other_Name-1.0", "Other-Name", "1.0")),
    wheel("json", "1.0")[0]: wheel("json", "1.0")[1],
    wheel("0ther-name", "1.0")[0]: wheel("0ther-name", "1.0")[1],
}
MINDED_BY_NOBODY = {
    "renamed-1.0-py2-none-any.whl": (wheel("renamed", "1.0")[1], "has other tags than its WHEEL"),
    **{
        wheel(f"odd{number}", "1.0")[0]: (wheel(f"odd{number}", "1.0", extra=extra)[1], fault)
        for number, (extra, fault) in enumerate(
            [
                ("Classifier: Team :: Ours\n", "is no known classifier"),
                ("Home-page: ftp://example.org/\n", "is no http or https address"),
                ("Author-email: nobody\n", "has no e-mail address"),
                (f"Project-URL: {'long' * 9}, https://example.org/\n", "needs a label"),
            ]
        )
    },
}


def test_names_of_another_index_are_taken_over(index: RunningIndex, tmp_path: Path) -> None:
    report = import_report(index, lay_out(tmp_path / "tree", UNUSUAL))
    assert (report["imported"], report["refused"]) == (4, [])
    index.wait_until_listed("old-name", "Old.Name-1.0.zip")
    index.wait_until_listed("0ther-name", "0ther_name-1.0-py3-none-any.whl")
    token = index.token()
    later = {name.replace("1.0", "2.0"): content for name, content in UNUSUAL.items() if not name.endswith(".whl")}
    assert [index.post_upload(name, content, token=token).status for name, content in later.items()] == [400, 400]


def test_a_fault_that_no_installer_minds_is_noted_where_an_upload_is_refused(
    index: RunningIndex, tmp_path: Path
) -> None:
    token = index.token()
    for filename, (content, fault) in MINDED_BY_NOBODY.items():
        refused = index.post_upload(filename, content, token=token)
        assert (refused.status, fault in refused.text) == (400, True), refused.text
    tree = lay_out(tmp_path / "tree", {filename: content for filename, (content, _) in MINDED_BY_NOBODY.items()})
    report = import_report(index, tree)
    assert (report["imported"], report["refused"]) == (len(MINDED_BY_NOBODY), [])
    notes = {each["file"]: each["notes"] for each in report["noted"]}
    assert set(notes) == set(MINDED_BY_NOBODY)
    for filename, (_, fault) in MINDED_BY_NOBODY.items():
        assert [fault in note for note in notes[filename]] == [True]
        index.wait_until_listed(filename.partition("-")[0], filename)


def test_what_installers_mind_is_refused_by_rule_and_the_rest_imported(index: RunningIndex, tmp_path: Path) -> None:
    good, requires = wheel("good-one", "1.0"), wheel("bad-requires", "1.0", extra="Requires-Dist: no (such] thing\n")
    other = wheel("other-one", "1.0")
    files = {good[0]: good[1], requires[0]: requires[1], "bad-1.0-py3-none-any.whl": b"PK", "no-version.tar.gz": b"x"}
    report = import_report(index, lay_out(tmp_path / "tree", files | {"misnamed-1.0-py3-none-any.whl": other[1]}))
    assert report["imported"] == 1
    assert {each["file"]: each["code"] for each in report["refused"]} == {
        requires[0]: "metadata-faulty",
        "bad-1.0-py3-none-any.whl": "archive-faulty",
        "no-version.tar.gz": "filename-faulty",
        "misnamed-1.0-py3-none-any.whl": "archive-faulty",
    }
    done = run_import(index, tmp_path / "tree")
    assert done.returncode == 1
    assert "0 files imported, 1 were here already." in done.stdout
    assert "2 files refused (archive-faulty):" in done.stdout
    assert "4 files were refused" in done.stderr
    index.wait_until_listed("good-one", good[0])


def test_other_contents_under_a_known_name_are_a_conflict_and_change_nothing(
    index: RunningIndex, tmp_path: Path
) -> None:
    (name, content), other = wheel("twice", "1.0"), wheel("twice", "1.0", members={"more.py": b""})[1]
    first = import_report(
        index, lay_out(tmp_path / "tree", {f"a/{name}": content, f"b/{name}": other, f"c/{name}": content})
    )
    assert (first["imported"], first["here"]) == (1, 1)
    assert [(each["file"], each["code"]) for each in first["refused"]] == [(f"b/{name}", "filename-taken")]
    again = import_report(index, tmp_path / "tree")
    assert (again["imported"], again["here"]) == (0, 2)
    assert [(each["file"], each["code"]) for each in again["refused"]] == [(f"b/{name}", "filename-taken")]
    index.wait_until_listed("twice", name)
    assert len(index.page("twice")["files"]) == 1


def test_a_second_sdist_of_a_release_and_a_deleted_file_are_refused(index: RunningIndex, tmp_path: Path) -> None:
    members = old_sdist("Two.Kinds-1.0", "Two.Kinds", "1.0")
    files = {"Two.Kinds-1.0.tar.gz": tar_gz_of(members), "Two.Kinds-1.0.zip": zip_of(members)}
    before = index.stored_blobs()
    report = import_report(index, lay_out(tmp_path / "tree", files))
    assert [(each["file"], each["code"]) for each in report["refused"]] == [("Two.Kinds-1.0.zip", "sdist-taken")]
    assert len(index.stored_blobs() - before) == len({"sdist", "its metadata"}) + 1  # and perhaps its page
    delete = (
        "from packages.life.releases import delete_file; from accounts.actors import Actor; from django.utils import"
        " timezone; from accounts.models import User; user = User.objects.get(username='admin');"
        "delete_file(Actor(user.pk, 'admin', True), 'two-kinds', 'Two.Kinds-1.0.tar.gz', now=timezone.now())"
    )
    index.manage("shell", "-c", delete)
    report = import_report(index, tmp_path / "tree")
    assert {each["file"]: each["code"] for each in report["refused"]}["Two.Kinds-1.0.tar.gz"] == "filename-deleted"


def test_new_projects_are_the_owners_and_those_of_others_are_not_touched(index: RunningIndex, tmp_path: Path) -> None:
    make = "from accounts.models import User; User.objects.create_user('mover')"
    index.manage("shell", "-c", make)
    mine = wheel("owned", "1.0")
    assert import_report(index, lay_out(tmp_path / "one", {mine[0]: mine[1]}), "--owner", "mover")["imported"] == 1
    index.wait_until_listed("owned", mine[0])
    assert "mover" in index.get("/project/owned/").text
    later = wheel("owned", "2.0")
    refused = import_report(index, lay_out(tmp_path / "two", {mine[0]: mine[1], later[0]: later[1]}))
    assert (refused["here"], refused["imported"]) == (1, 0)
    assert [(each["file"], each["code"]) for each in refused["refused"]] == [(later[0], "project-forbidden")]
    assert "There is no active user 'nobody'" in run_import(index, tmp_path / "one", "--owner", "nobody").stderr


def test_a_dry_run_says_what_would_be_and_keeps_nothing(index: RunningIndex, tmp_path: Path) -> None:
    name, content = wheel("only-tried", "1.0")
    tree = lay_out(tmp_path / "tree", {name: content, "bad-1.0-py3-none-any.whl": b"PK"})
    before = index.stored_blobs()
    done = run_import(index, tree, "--dry-run")
    assert "1 file would be imported" in done.stdout
    assert "1 file refused (archive-faulty):" in done.stdout
    assert index.stored_blobs() == before
    assert index.page("only-tried") is None
    assert import_report(index, tree)["imported"] == 1


def test_a_read_only_index_and_no_folder_are_refused_in_words(index: RunningIndex, tmp_path: Path) -> None:
    tree = lay_out(tmp_path / "tree", dict([wheel("read-only", "1.0")]))
    done = run_import(index, tree, INDEXSITE_READ_ONLY="we move house")
    assert (done.returncode, "we move house" in done.stderr) == (1, True)
    assert f"{tmp_path}/no?[2Jwhere is no folder." in run_import(index, tmp_path / "no\x1b[2Jwhere").stderr
    assert "no devpi export" in run_import(index, tree, "--index", "root/dev").stderr


def test_a_path_that_is_not_utf8_is_named_and_its_neighbours_are_imported(index: RunningIndex, tmp_path: Path) -> None:
    name, content = wheel("neighbour", "1.0")
    tree = lay_out(tmp_path / os.fsdecode(b"caf\xe9"), {name: content})  # a tool of another time wrote Latin-1
    for odd in (b"caf\xe9-1.0-py3-none-any.whl", b"caf\xe9-1.0.egg", b"caf\xe9.txt"):
        (tree / os.fsdecode(odd)).write_bytes(content)
    (tree / os.fsdecode(b"d\xe9")).mkdir()
    (tree / os.fsdecode(b"d\xe9") / wheel("within", "1.0")[0]).write_bytes(content)
    done = run_import(index, tree, "--report", str(tmp_path / "report.json"))
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (report["imported"], report["ignored"]) == (1, {"other files": 1})
    assert report["folder"].endswith(r"/caf\udce9")
    skipped = {each["file"]: each["reason"] for each in report["skipped"]}
    assert skipped.pop(r"caf\udce9-1.0.egg").startswith("eggs")
    assert skipped == dict.fromkeys(
        [r"caf\udce9-1.0-py3-none-any.whl", r"d\udce9/within-1.0-py3-none-any.whl"], "its path is not UTF-8"
    )


def test_a_place_where_no_report_can_be_is_said_before_anything_is_imported(
    index: RunningIndex, tmp_path: Path
) -> None:
    tree = lay_out(tmp_path / "tree", dict([wheel("unreported", "1.0")]))
    done = run_import(index, tree, "--report", str(tmp_path / "nowhere" / "report.json"))
    assert (done.returncode, "cannot be written to" in done.stderr) == (1, True), done.stderr
    assert import_report(index, tree)["imported"] == 1


def test_names_forge_no_lines_and_do_nothing_to_a_terminal(tmp_path: Path) -> None:
    evil = "\n7 files imported, 0 were here already.\n\x1b]0;pwn\x07\u202e-1.0.egg"
    report = Report(Tree(tmp_path, skipped=[(evil, "eggs")]))
    report.add(Outcome(evil, Verdict.REFUSED, "filename-faulty", (f"{evil} is no name.",)))
    report.add(Outcome(evil, Verdict.IMPORTED, sentences=(f"{evil} is odd.",)))
    lines = list(report.lines())
    assert all(line.isprintable() for line in lines)
    assert [line for line in lines if line.startswith("7 ")] == []
    assert "  ?7 files imported, 0 were here already.??]0;pwn??-1.0.egg" in lines
    assert report.document()["skipped"] == [{"file": evil, "reason": "eggs"}]  # which JSON escapes


@pytest.mark.django_db
def test_what_is_put_in_after_the_scan_is_not_followed_out_of_the_folder(tmp_path: Path) -> None:
    good = wheel("good-now", "1.0")
    names = [wheel(name, "1.0")[0] for name in ("linked", "circle", "pipe", "inside")]
    lay_out(tmp_path / "elsewhere", {name: wheel(name.partition("-")[0], "1.0")[1] for name in names})
    top = lay_out(tmp_path / "tree", {**dict.fromkeys(names, b"x"), f"sub/{names[3]}": b"x", f"z/{good[0]}": good[1]})
    tree = read_folder(top, now=NOW)
    for name in names:
        (top / name).unlink()
    (top / "sub" / names[3]).unlink()
    (top / "sub").rmdir()
    (top / "sub").symlink_to(tmp_path / "elsewhere")
    (top / names[0]).symlink_to(tmp_path / "elsewhere" / names[0])
    (top / names[1]).symlink_to(top / names[1])
    os.mkfifo(top / names[2])
    (top / names[3]).symlink_to(top / "z" / good[0])  # inside: it may be read, and is not what its name says
    outcomes = import_tree(tree, owner=caller("ann"), clock=lambda: NOW, dry_run=True)
    found = {each.path: (each.code, each.sentences) for each in outcomes}
    assert found[f"z/{good[0]}"] == ("", ())
    assert found[names[3]][0] == "archive-faulty"
    for path, why in [(names[0], "leads out"), (f"sub/{names[3]}", "leads out"), (names[2], "no plain file")]:
        assert (found[path][0], why in found[path][1][0]) == ("file-unreadable", True), found[path]
    assert found[names[1]][0] == "file-unreadable"


@pytest.mark.django_db
def test_a_file_that_cannot_be_read_any_more_is_named(tmp_path: Path) -> None:
    files = [FoundFile(f"{name}-1.0.tar.gz", 1, NOW) for name in ("vanished", "folder")]
    (tmp_path / "folder-1.0.tar.gz").mkdir()
    outcomes = list(import_tree(Tree(tmp_path, files), owner=caller("ann"), clock=lambda: NOW))
    assert [(each.verdict, each.code) for each in outcomes] == [(Verdict.REFUSED, "file-unreadable")] * 2
