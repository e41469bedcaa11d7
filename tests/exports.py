"""An exported tree as tests look at it: what is in it, whether it is whole, and one with a file to begin with."""

import hashlib
import json
from pathlib import Path

from django.utils import timezone

from packages.attestations.models import FileProvenance
from storage.contract import blob_name, the_storage
from tests.signing import add_file
from tufsigning.export.exporting import export
from tufsigning.export.tree import Tree
from tufsigning.library import Library
from tufsigning.publisher import Publisher

METADATA = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n"


def export_one_file(publisher: Publisher, folder: Path) -> Path:
    """An export of an index with one file, its metadata and its provenance."""
    file = add_file("demo", "1.0", metadata=METADATA)
    provenance = b'{"version": 1}'
    sha256 = hashlib.sha256(provenance).hexdigest()
    the_storage().write({blob_name(sha256): provenance})
    FileProvenance.objects.create(file=file, sha256=sha256, kind="github", name="acme/demo")
    publish(publisher)
    export(Tree(folder), Library())
    return folder


def publish(publisher: Publisher) -> None:
    assert publisher.publish_waiting(timezone.now)


def tree_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its inode and modification time."""
    found = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    return {str(path.relative_to(folder)): (stat.st_ino, stat.st_mtime_ns) for path, stat in found.items()}


def listed(folder: Path) -> dict[str, dict[str, str]]:
    """What plain installers see: the files of each project by hash, every byte looked at."""
    projects = json.loads((folder / "simple/index.json").read_bytes())["projects"]
    found: dict[str, dict[str, str]] = {}
    for name in (project["name"] for project in projects):
        page = json.loads((folder / f"simple/{name}/index.json").read_bytes())
        found[name] = {file["filename"]: file["hashes"]["sha256"] for file in page["files"]}
        for file in page["files"]:
            path = folder / "simple" / name / file["url"]
            assert hashlib.sha256(path.resolve().read_bytes()).hexdigest() == file["hashes"]["sha256"]
            if file["core-metadata"]:
                beside = path.resolve().with_name(f"{path.name}.metadata").read_bytes()
                assert hashlib.sha256(beside).hexdigest() == file["core-metadata"]["sha256"]
    return found


def assert_complete(folder: Path) -> None:
    """Whatever its timestamp reaches is in the tree."""
    signed = json.loads((folder / "tuf/metadata/timestamp.json").read_bytes())["signed"]
    version = signed["meta"]["snapshot.json"]["version"]
    meta = json.loads((folder / f"tuf/metadata/{version}.snapshot.json").read_bytes())["signed"]["meta"]
    for file, entry in meta.items():
        content = (folder / f"tuf/metadata/{entry['version']}.{file}").read_bytes()
        assert len(content) == entry["length"]
        for path, target in json.loads(content)["signed"]["targets"].items():
            project, _, name = path.partition("/")
            bytes_ = (folder / f"tuf/targets/{project}/{target['hashes']['sha256']}.{name}").read_bytes()
            assert hashlib.sha256(bytes_).hexdigest() == target["hashes"]["sha256"]
