"""The folder of `indexsite mirror`: no link in it is followed, no other folder is written into, no name leads out."""

from pathlib import Path

import pytest

from client.tests.index_simulator import IndexSimulator
from client.tests.mirrors import everything, mirrored, tree
from indexsite_client.errors import AddressRefusedError, MirrorFolderError
from indexsite_client.mirror.addresses import split_address
from indexsite_client.mirror.mirroring import Wish
from indexsite_client.trusted import TrustedIndex

TIMESTAMP = "tuf/metadata/timestamp.json"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg-cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a" / "mirror"


@pytest.mark.parametrize(
    "place",
    ["tuf", "tuf/metadata", "simple", "simple/demo-lib", "files", ".indexsite-mirror", ".indexsite-mirror/incoming"],
)
def test_a_link_in_the_place_of_a_folder_is_not_followed(
    index: TrustedIndex, folder: Path, tmp_path: Path, place: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (folder / place).parent.mkdir(parents=True)
    (folder / place).symlink_to(outside)

    with pytest.raises(MirrorFolderError):
        mirrored(index, folder, Wish(delete=True))
    assert {path.name for path in outside.iterdir()} == {"kept"}


def test_a_link_in_the_place_of_a_file_is_replaced_not_followed(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("kept")
    pages = [name.removeprefix("/") for name in simulator.served if name.endswith((".whl", ".metadata"))]
    places = [*pages, TIMESTAMP, "simple/demo-lib/index.html", f"tuf/metadata/{simulator.version}.bin-1.json"]
    for place in places:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).symlink_to(outside)
    right = next(name for name in pages if name.endswith(".whl") and name.startswith("tuf/"))
    (tmp_path / "right").write_bytes(simulator.served[f"/{right}"])
    (folder / right).unlink()
    (folder / right).symlink_to(tmp_path / "right")  # the right bytes, but who has them can change them
    surplus = folder / "files" / "surplus"
    surplus.symlink_to(outside)

    mirrored(index, folder, Wish(delete=True))
    assert outside.read_text() == "kept"
    assert not [place for place in places if (folder / place).is_symlink()]
    assert not surplus.is_symlink()
    assert tree(folder)[TIMESTAMP] == simulator.served[f"/{TIMESTAMP}"]


def test_a_folder_of_another_index_is_left_alone(index: TrustedIndex, folder: Path) -> None:
    mirrored(index, folder)
    other = TrustedIndex(index.url, "other-index", False, index.folder)
    with pytest.raises(MirrorFolderError, match="another index"):
        mirrored(other, folder)


def test_an_export_of_the_index_itself_is_left_alone(index: TrustedIndex, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / ".indexsite-export").touch()
    with pytest.raises(MirrorFolderError, match="export"):
        mirrored(index, folder)
    assert len(everything(folder)) == 1


@pytest.mark.parametrize(
    "address",
    ["../x", "tuf/../x", "tuf//x", "tuf/.x", "files/a\0b", "files/a b", "files/" + "x" * 256, "/etc/x", "etc/x"],
)
def test_such_addresses_never_reach_the_disk(address: str) -> None:
    with pytest.raises(AddressRefusedError):
        split_address(address)
