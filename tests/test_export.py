"""The repository as plain files: whole, incremental, checked to the byte, servable wherever an export was killed."""

import gzip
import json
from pathlib import Path

import brotli
import pytest
from django.utils import timezone
from pytest_django import Settings

from packages import outbox
from packages.models import File, Project
from storage.contract import blob_name, document_name, the_storage
from storage.filesystem import DurableFileSystemStorage
from tests.exports import METADATA, assert_complete, export_one_file, listed, publish, tree_of
from tests.signing import add_file, signed_index
from tufsigning.errors import StoreDamagedError
from tufsigning.export.exporting import export
from tufsigning.export.tree import ExportRefusedError, Tree
from tufsigning.library import Library
from tufsigning.publisher import Publisher

pytestmark = pytest.mark.django_db


@pytest.fixture
def publisher(settings: Settings, tmp_path: Path) -> Publisher:
    return signed_index(settings, tmp_path / "data")


@pytest.fixture
def folder(publisher: Publisher, tmp_path: Path) -> Path:
    return export_one_file(publisher, tmp_path / "tree")


def test_an_export_is_whole(folder: Path) -> None:
    assert_complete(folder)
    assert list(listed(folder)) == ["demo"]
    assert (folder / "integrity/demo/1.0/demo-1.0.tar.gz/provenance").read_bytes() == b'{"version": 1}'
    assert "demo-1.0.tar.gz" in (folder / "simple/demo/index.html").read_text()
    assert '<a href="demo/">' in (folder / "simple/index.html").read_text()
    for name in tree_of(folder):
        if name.startswith("simple") and not name.endswith((".gz", ".br")):
            content = (folder / name).read_bytes()
            assert gzip.decompress((folder / f"{name}.gz").read_bytes()) == content
            assert brotli.decompress((folder / f"{name}.br").read_bytes()) == content
    assert not (folder / ".new").exists()


def test_files_are_hard_links_into_the_store(folder: Path) -> None:
    file = File.objects.get()
    stored = the_storage().local(blob_name(file.sha256))
    assert stored is not None
    for name in (f"files/{file.sha256}/{file.filename}", f"tuf/targets/demo/{file.sha256}.{file.filename}"):
        assert (folder / name).stat().st_ino == stored.stat().st_ino


class ElsewhereStorage(DurableFileSystemStorage):
    """A store of which nothing can be linked, as on another file system or in an object store."""

    def local(self, name: str) -> Path | None:
        """Nothing lies here."""
        return None


def test_bytes_of_a_store_elsewhere_are_copied_and_checked(settings: Settings, tmp_path: Path) -> None:
    publisher = signed_index(settings, tmp_path / "data", backend=f"{__name__}.ElsewhereStorage")
    file = add_file("demo", "1.0", metadata=METADATA)
    publish(publisher)
    folder = tmp_path / "tree"
    stored = tmp_path / "data" / "store" / blob_name(file.sha256)
    content = stored.read_bytes()
    stored.write_bytes(content[:-1] + b"x")
    with pytest.raises(StoreDamagedError):
        export(Tree(folder), Library())
    assert not (folder / "tuf/metadata/timestamp.json").exists()
    stored.write_bytes(content)
    export(Tree(folder), Library())
    assert listed(folder) == {"demo": {file.filename: file.sha256}}
    assert (folder / f"files/{file.sha256}/{file.filename}").stat().st_ino != stored.stat().st_ino
    assert_complete(folder)


def test_a_second_run_writes_what_changed_and_touches_nothing_else(publisher: Publisher, folder: Path) -> None:
    before = tree_of(folder)
    assert export(Tree(folder), Library()).files == 0
    assert tree_of(folder) == before
    add_file("other", "1.0")
    publish(publisher)
    done = export(Tree(folder), Library())
    after = tree_of(folder)
    changed = {name for name in before if after.get(name) != before[name]}
    plain = {name for name in changed if not name.endswith((".gz", ".br"))}
    assert plain == {"simple/index.html", "simple/index.json", "tuf/metadata/timestamp.json"}
    assert done.files == len(set(after) - set(before)) + len(changed)
    assert list(listed(folder)) == ["demo", "other"]
    assert_complete(folder)


def test_what_was_removed_by_hand_comes_back_when_everything_is_looked_at(folder: Path) -> None:
    before = listed(folder)
    for path in [*folder.glob("files/*/*"), *folder.glob("simple/demo/*"), folder / "simple/index.json"]:
        path.unlink()
    export(Tree(folder), Library(), everything=True)
    assert listed(folder) == before
    assert_complete(folder)


def test_a_project_that_is_gone_has_no_page_and_its_files_stay(publisher: Publisher, folder: Path) -> None:
    file = File.objects.get()
    Project.objects.update(status=Project.Status.DELETED)
    outbox.record(file.release.project, now=timezone.now())
    publish(publisher)
    export(Tree(folder), Library())
    assert listed(folder) == {}
    assert not list(folder.glob("simple/demo*"))
    assert (folder / f"files/{file.sha256}/{file.filename}").exists()
    assert_complete(folder)


@pytest.mark.parametrize("what", ["file", "page", "metadata", "bin"])
def test_a_byte_that_is_not_what_was_signed_is_not_exported(publisher: Publisher, folder: Path, what: str) -> None:
    file = add_file("damaged", "1.0", metadata=b"Name: damaged")
    publish(publisher)
    before, library = listed(folder), Library()
    current = library.current()
    roles = list(current.entries.roles())
    targets = {path: (role, entry) for role in roles for path, entry in library.targets(current, role).items()}
    role, entry = targets["damaged/index.json"]
    name = {
        "file": blob_name(file.sha256),
        "page": blob_name(entry["hashes"]["sha256"]),
        "metadata": blob_name(file.metadata_sha256),
        "bin": document_name(role, current.entries[role]["version"]),
    }[what]
    path = the_storage().local(name)
    assert path is not None
    content = path.read_bytes()
    place = content.index(b"damaged") if b"damaged" in content else len(content) - 3
    path.unlink()
    path.write_bytes(content[:place] + b"x" + content[place + 1 :])
    with pytest.raises(StoreDamagedError):
        export(Tree(folder), Library())
    assert listed(folder) == before
    assert_complete(folder)
    path.write_bytes(content)
    export(Tree(folder), Library())
    assert "damaged" in listed(folder)
    assert_complete(folder)


class KilledError(Exception):
    """The export ends here, as by kill -9: nothing is cleaned up."""


class KilledTree(Tree):
    """Ends at the n-th file that gets its name."""

    left = 0

    def _name(self, temporary: Path, name: str) -> list[Path]:
        KilledTree.left -= 1
        if KilledTree.left < 0:
            raise KilledError
        return super()._name(temporary, name)


def test_an_export_that_is_killed_anywhere_leaves_a_servable_tree(publisher: Publisher, folder: Path) -> None:
    add_file("demo", "2.0", metadata=METADATA)
    add_file("other", "1.0")
    publish(publisher)
    for number in range(200):
        KilledTree.left = number
        try:
            export(KilledTree(folder), Library())
            break
        except KilledError:
            listed(folder)
            assert_complete(folder)
    assert number > 5
    assert list(listed(folder)["demo"]) == ["demo-1.0.tar.gz", "demo-2.0.tar.gz"]
    assert_complete(folder)


def test_only_a_folder_of_ours_is_written_into(publisher: Publisher, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "home"
    other.mkdir()
    (other / "letter.txt").write_text("mine")
    with pytest.raises(ExportRefusedError, match="holds other things"):
        export(Tree(other), Library())
    with Tree(folder).locked(), pytest.raises(ExportRefusedError, match="under way"):
        export(Tree(folder), Library())
    timestamp = folder / "tuf/metadata/timestamp.json"
    signed = json.loads(timestamp.read_bytes())
    signed["signed"]["version"] += 10**9
    content = timestamp.read_bytes()
    timestamp.write_text(json.dumps(signed))
    with pytest.raises(ExportRefusedError, match="newer publication"):
        export(Tree(folder), Library())
    timestamp.write_bytes(content.replace(Library().current().index_id.encode(), b"0" * 32))
    with pytest.raises(ExportRefusedError, match="another index"):
        export(Tree(folder), Library())
