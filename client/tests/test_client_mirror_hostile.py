"""`indexsite mirror` of an index that means harm, or through somebody who does: nothing unverified, nothing outside."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tuf.api.metadata import TargetFile

from client.tests.distributions import wheel
from client.tests.hostile_mirror import HostileMirror, MirrorHandler, flip_byte
from client.tests.index_simulator import IndexSimulator, new_signer, with_entry
from client.tests.mirrors import everything, mirrored, tree
from indexsite_client import protocol
from indexsite_client.errors import ClientError, MirrorFolderError, VerificationError
from indexsite_client.protocol import NormalizedName
from indexsite_client.trusted import TrustedIndex

LIB, APP = NormalizedName("demo-lib"), NormalizedName("demo-app")
TIMESTAMP = "tuf/metadata/timestamp.json"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg-cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a" / "mirror"


def put(simulator: IndexSimulator, path: str, target: TargetFile) -> None:
    simulator.targets[simulator.bin_of(path)].targets[path] = target


def lists_a_path_out(simulator: IndexSimulator) -> None:
    put(simulator, "../../x", TargetFile(1, {"sha256": "0" * 64}, "../../x"))


def lists_a_folder(simulator: IndexSimulator) -> None:
    put(simulator, "demo-lib/..", TargetFile(1, {"sha256": "0" * 64}, "demo-lib/.."))


def lists_no_distribution(simulator: IndexSimulator) -> None:
    put(simulator, "demo-lib/.htaccess", TargetFile(1, {"sha256": "0" * 64}, "demo-lib/.htaccess"))


def lists_a_hash_that_is_a_path(simulator: IndexSimulator) -> None:
    name = "demo-lib/demo_lib-9-py3-none-any.whl"
    put(simulator, name, TargetFile(1, {"sha256": "../../../x"}, name))


def delegates_to_a_path(simulator: IndexSimulator) -> None:
    simulator.signers["project-../../x"] = [new_signer()]
    simulator.delegate(protocol.RECENTLY_CLAIMED, [simulator.delegation("project-../../x", "x/*", terminating=True)])
    simulator.new_targets("project-../../x")


def delegates_what_is_claimed(simulator: IndexSimulator) -> None:
    role = simulator.claim("demo-lib", delegator=protocol.CLAIMED)
    simulator.delegate(protocol.RECENTLY_CLAIMED, [simulator.delegation(role, "demo-lib/*", terminating=True)])


def signs_what_no_page_lists(simulator: IndexSimulator) -> None:
    extra = wheel("demo-lib", "9.0")
    path = protocol.file_target_path(LIB, extra.entry.filename)
    simulator.put_target(simulator.bin_of(path), path, extra.data)


def lists_what_nobody_signs(simulator: IndexSimulator) -> None:
    simulator.remove_project("demo-lib")
    page = simulator.add_project("demo-lib", [wheel("demo-lib", "1.0")])
    other = with_entry(page, 0, filename="demo_lib-9.0-py3-none-any.whl")
    for page_file in other.files:
        page = protocol.ProjectPage(LIB, (*page.files, page_file))
    simulator.put_page(page, protocol.page_bytes(page))


def has_a_page_of_a_terabyte(simulator: IndexSimulator) -> None:
    put(simulator, "demo-lib/index.json", TargetFile(10**12, {"sha256": "0" * 64}, "demo-lib/index.json"))


def has_a_file_larger_than_the_disk(simulator: IndexSimulator) -> None:
    simulator.remove_project("demo-lib")
    page = simulator.add_project("demo-lib", [wheel("demo-lib", "1.0")])
    huge = with_entry(page, 0, size=10**16)
    path = protocol.file_target_path(LIB, page.files[0].filename)
    put(simulator, path, TargetFile(10**16, {"sha256": page.files[0].sha256}, path))
    simulator.put_page(huge, protocol.page_bytes(huge))


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lists_a_path_out, "lists the target"),
        (lists_a_folder, "neither a project's page nor a distribution"),
        (lists_no_distribution, "neither a project's page nor a distribution"),
        (lists_a_hash_that_is_a_path, "neither a project's page nor a distribution"),
        (delegates_to_a_path, "not its to delegate|does not allow|delegates to 'project-"),
        (delegates_what_is_claimed, "one delegator"),
        (signs_what_no_page_lists, "does not list"),
        (lists_what_nobody_signs, "no role vouches for that file"),
        (has_a_page_of_a_terabyte, "is longer than"),
        (has_a_file_larger_than_the_disk, "bytes, but"),
    ],
)
def test_an_index_that_signs_harm_changes_nothing_for_the_mirrors_clients(
    index: TrustedIndex,
    simulator: IndexSimulator,
    folder: Path,
    tmp_path: Path,
    harm: Callable[[IndexSimulator], None],
    reason: str,
) -> None:
    mirrored(index, folder)
    before, around = tree(folder), everything(tmp_path) - everything(folder)
    harm(simulator)
    simulator.publish()

    with pytest.raises((VerificationError, MirrorFolderError), match=reason):
        mirrored(index, folder)
    after = tree(folder)
    assert {name: after[name] for name in before} == before
    assert everything(tmp_path) - everything(folder) - {folder} <= around | everything(tmp_path / "pinned")
    assert not [name for name in after.keys() - before.keys() if name.startswith(("simple/", "files/"))]


def test_what_does_not_fit_on_the_disk_is_not_begun(
    index: TrustedIndex, simulator: IndexSimulator, mirror: HostileMirror, folder: Path
) -> None:
    has_a_file_larger_than_the_disk(simulator)
    simulator.publish()
    with pytest.raises(MirrorFolderError, match=r"take 1[0-9]{16} bytes, but [0-9]+ are free"):
        mirrored(index, folder)
    assert not [path for path in mirror.paths() if path.endswith(".whl")]


def test_a_huge_document_or_file_is_cut_off(
    index: TrustedIndex, simulator: IndexSimulator, mirror: HostileMirror, folder: Path
) -> None:
    sent: list[int] = []

    def endless(handler: MirrorHandler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        while not mirror.stop.is_set() and len(sent) < 2000:
            handler.wfile.write(b" " * 65536)
            sent.append(65536)

    paths = [f"/tuf/metadata/{simulator.version}.bin-1.json"]
    paths += [path for path in simulator.served if path.endswith((".metadata", ".whl"))]
    for number, path in enumerate(path for path in paths if not path.startswith("/files/") or "metadata" in path):
        mirror.behaviours = {path: endless}
        sent.clear()
        with pytest.raises(VerificationError):
            mirrored(index, folder / str(number))
        assert 0 < sum(sent) < 30_000_000
        assert not (folder / str(number) / TIMESTAMP).exists()


@pytest.mark.parametrize("part", [".bin-", ".snapshot.json", "timestamp.json", ".index.json", ".whl", ".whl.metadata"])
def test_what_was_changed_on_the_way_gets_no_name(
    index: TrustedIndex, mirror: HostileMirror, folder: Path, part: str
) -> None:
    mirror.change(lambda path: path.endswith(part) or (part == ".bin-" and part in path), flip_byte)
    with pytest.raises(ClientError):
        mirrored(index, folder)

    assert not [name for name in tree(folder) if name.endswith(part) or (part == ".bin-" and part in name)]
    assert not (folder / TIMESTAMP).exists()
    assert list((folder / ".indexsite-mirror" / "incoming").iterdir()) == []

    mirror.changes.clear()
    mirrored(index, folder)
    assert (folder / TIMESTAMP).exists()


def test_an_index_that_goes_back_is_refused(
    index: TrustedIndex, simulator: IndexSimulator, mirror: HostileMirror, folder: Path
) -> None:
    old = dict(simulator.served)
    simulator.publish()
    mirrored(index, folder)
    newest = (folder / TIMESTAMP).read_bytes()
    mirror.served = old

    with pytest.raises(VerificationError, match="never goes back"):
        mirrored(index, folder)
    assert (folder / TIMESTAMP).read_bytes() == newest


def test_what_the_index_withholds_is_left_out_of_the_pages_for_installers(
    index: TrustedIndex, simulator: IndexSimulator, mirror: HostileMirror, folder: Path
) -> None:
    gone = wheel("demo-lib", "1.1").entry
    for path in [path for path in simulator.served if gone.filename in path]:
        mirror.behaviours[path] = lambda handler: handler.answer(410, b"taken down\n")

    counts = mirrored(index, folder)
    assert gone.filename in str(counts.withheld)
    page = protocol.read_page((folder / "simple" / LIB / "index.json").read_bytes())
    assert [file.filename for file in page.files] == [wheel("demo-lib", "1.0").entry.filename]
    assert gone.filename not in (folder / "simple" / LIB / "index.html").read_text()
    assert len(list(folder.glob(f"tuf/targets/{LIB}/*.index.json"))) == 1


def test_a_name_too_long_for_a_file_system_is_left_out(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path
) -> None:
    simulator.remove_project("demo-lib")
    simulator.add_project("demo-lib", [wheel("demo-lib", "1.0"), wheel("demo-lib", "1." + "9" * 200)])
    simulator.publish()

    counts = mirrored(index, folder)
    assert len(counts.withheld) == 2
    page = protocol.read_page((folder / "simple" / LIB / "index.json").read_bytes())
    assert [file.filename for file in page.files] == [wheel("demo-lib", "1.0").entry.filename]


def test_a_document_pruned_while_it_is_read_begins_a_new_try(
    index: TrustedIndex, simulator: IndexSimulator, mirror: HostileMirror, folder: Path
) -> None:
    pruned = f"/tuf/metadata/{simulator.version}.bin-2.json"

    def publish_and_prune(handler: MirrorHandler) -> None:
        if pruned in simulator.served:
            del simulator.served[pruned]
            simulator.publish()
        handler.answer(404, b"not found\n")

    mirror.behaviours[pruned] = publish_and_prune
    mirrored(index, folder)
    assert tree(folder)[TIMESTAMP] == simulator.served[f"/{TIMESTAMP}"]
