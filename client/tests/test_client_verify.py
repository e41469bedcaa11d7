"""`indexsite verify --mirror` and `indexsite verify FILE`: each kind of damage is told by its name."""

import gzip
import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from client.tests.distributions import wheel
from client.tests.homes import Home
from client.tests.hostile_mirror import HostileMirror, flip_byte
from client.tests.index_simulator import IndexSimulator
from client.tests.mirrors import mirrored, silent, tree
from indexsite_client.errors import ClientError, VerificationError
from indexsite_client.mirror.mirroring import Wish
from indexsite_client.protocol import NormalizedName
from indexsite_client.session import VerifiedSession
from indexsite_client.trusted import TrustedIndex
from indexsite_client.verification.files import FileState, verify_file
from indexsite_client.verification.mirrors import Fault, MirrorReport, verify_mirror

LIB = NormalizedName("demo-lib")
WHEEL = wheel("demo-lib", "1.1")


@pytest.fixture
def folder(index: TrustedIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole mirror."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg-cache"))
    mirrored(index, tmp_path / "mirror")
    return tmp_path / "mirror"


def look(index: TrustedIndex, folder: Path) -> MirrorReport:
    return verify_mirror(index, folder, silent)


def found(report: MirrorReport) -> set[tuple[Fault, str]]:
    return {(finding.fault, finding.address) for finding in report.findings}


def replace(path: Path, data: bytes) -> None:
    """Under this one name: a hard link's other name keeps the bytes."""
    path.unlink()
    path.write_bytes(data)


def test_an_honest_mirror_has_nothing_wrong_and_nobody_is_asked(
    index: TrustedIndex, mirror: HostileMirror, folder: Path
) -> None:
    mirror.requests.clear()
    report = look(index, folder)

    assert report.findings == []
    assert (report.documents, report.projects, report.files) == (11, 2, 8)
    assert mirror.paths() == []


def test_each_thing_that_is_changed_missing_or_surplus_is_named(index: TrustedIndex, folder: Path) -> None:
    for address in sorted(tree(folder)):
        path = folder / address
        data = path.read_bytes()
        if "/metadata/" in address:
            continue  # below
        replace(path, flip_byte(data))
        assert found(look(index, folder)) >= {(Fault.CHANGED, address)}, address
        path.unlink()
        assert found(look(index, folder)) >= {(Fault.MISSING, address)}, address
        path.write_bytes(data)
    for address in ("tuf/metadata/9.bin-0.json", "files/x", "simple/x/index.html", "tuf/targets/.x"):
        (folder / address).parent.mkdir(exist_ok=True)
        (folder / address).write_bytes(b"")
        assert found(look(index, folder)) == {(Fault.SURPLUS, address)}
        (folder / address).unlink()
    (folder / "files" / "link").symlink_to("/etc")
    assert found(look(index, folder)) == {(Fault.SURPLUS, "files/link")}


def test_a_compressed_twin_must_hold_what_lies_beside_it(index: TrustedIndex, folder: Path) -> None:
    """The tree that the index itself exports has them."""
    page = folder / "simple" / LIB / "index.html"
    twin = page.with_name("index.html.gz")
    twin.write_bytes(gzip.compress(page.read_bytes()))
    page.with_name("index.html.br").write_bytes(b"?")
    report = look(index, folder)
    assert (report.findings, report.unread) == ([], 1)

    address = f"simple/{LIB}/index.html.gz"
    wrong = [gzip.compress(b"other"), gzip.compress(page.read_bytes() + b"x"), b"no gzip", b"", twin.read_bytes()[:-1]]
    for data in [*wrong, twin.read_bytes() + b"more", gzip.compress(b" " * 10_000_000)]:
        twin.write_bytes(data)
        assert found(look(index, folder)) == {(Fault.CHANGED, address)}
    twin.rename(page.with_name("other.html.gz"))
    assert found(look(index, folder)) == {(Fault.SURPLUS, f"simple/{LIB}/other.html.gz")}


def test_a_delegated_document_that_is_changed_or_missing_is_named(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path
) -> None:
    for role in ("bin-1", "unclaimed", "claimed"):
        path = folder / "tuf" / "metadata" / f"{simulator.version}.{role}.json"
        data = path.read_bytes()
        path.write_bytes(flip_byte(data))
        assert (Fault.REFUSED, f"tuf/metadata/{path.name}") in found(look(index, folder))
        path.unlink()
        report = look(index, folder)
        assert (Fault.MISSING, f"tuf/metadata/{path.name}") in found(report)
        assert not report.is_whole
        path.write_bytes(data)
    assert not look(index, folder).findings


@pytest.mark.parametrize("name", ["timestamp", "2.snapshot", "2.targets"])
def test_a_top_level_document_that_does_not_verify_ends_it(index: TrustedIndex, folder: Path, name: str) -> None:
    path = folder / "tuf" / "metadata" / f"{name}.json"
    path.write_bytes(flip_byte(path.read_bytes()))
    with pytest.raises(VerificationError):
        look(index, folder)
    path.unlink()
    with pytest.raises(ClientError):
        look(index, folder)


def test_a_missing_first_root_and_one_of_another_index_are_found(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path
) -> None:
    replace(folder / "tuf/metadata/1.root.json", IndexSimulator().served["/tuf/metadata/1.root.json"])
    assert found(look(index, folder)) == {(Fault.CHANGED, "tuf/metadata/1.root.json")}

    simulator.publish_another_root()
    simulator.publish()
    mirrored(index, folder, Wish(delete=True))
    (folder / "tuf/metadata/2.root.json").unlink()
    assert (Fault.MISSING, "tuf/metadata/2.root.json") in found(look(index, folder))


def test_an_expired_mirror_is_refused(index: TrustedIndex, simulator: IndexSimulator, folder: Path) -> None:
    simulator.publish(timestamp_life=timedelta(seconds=-1))
    (folder / "tuf/metadata/timestamp.json").write_bytes(simulator.served["/tuf/metadata/timestamp.json"])
    with pytest.raises(VerificationError, match="expires"):
        look(index, folder)


def test_a_partial_mirror_misses_nothing_of_its_projects(index: TrustedIndex, folder: Path, tmp_path: Path) -> None:
    part = tmp_path / "part"
    mirrored(index, part, Wish(projects=frozenset({LIB})))
    report = look(index, part)
    assert (report.findings, report.is_partial, report.projects) == ([], True, 1)

    shutil.rmtree(part / "simple" / LIB)
    assert len(look(index, part).findings) == 2


def test_the_command_says_what_is_wrong_and_exits_with_1(trusted: Home, mirror: HostileMirror, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    made = trusted.indexsite("mirror", str(folder))
    assert made.returncode == 0, made.stderr
    assert "11 documents, 8 files" in made.stdout
    fine = trusted.indexsite("verify", "--mirror", str(folder))
    assert (fine.returncode, fine.stderr) == (0, "")
    assert "all as signed" in fine.stdout

    (folder / "files" / "\x1b[31mred\x07").write_text("surplus")
    told = trusted.indexsite("verify", "--mirror", str(folder))
    assert told.returncode == 1
    assert "surplus" in told.stdout
    assert not {"\x1b", "\x07"} & set(told.stdout)
    as_json = trusted.indexsite("verify", "--mirror", str(folder), "--json")
    assert [finding["fault"] for finding in json.loads(as_json.stdout)["findings"]] == ["surplus"]
    assert trusted.indexsite("verify").returncode == 2


def test_a_file_is_told_by_the_role_that_vouches_for_it(
    session: VerifiedSession, simulator: IndexSimulator, tmp_path: Path
) -> None:
    path = tmp_path / WHEEL.entry.filename
    path.write_bytes(WHEEL.data)
    report = verify_file(session, path)
    role = simulator.bin_of(f"demo-lib/{path.name}")
    assert (report.state, report.role, report.version) == (FileState.SAME, role, simulator.version)

    path.write_bytes(flip_byte(WHEEL.data))
    assert verify_file(session, path).state is FileState.CHANGED
    path.write_bytes(WHEEL.data + b"x")
    assert verify_file(session, path).state is FileState.CHANGED


@pytest.mark.parametrize("name", ["demo_lib-7.0-py3-none-any.whl", "absent-1.0.tar.gz", "notes.txt"])
def test_a_file_that_the_index_does_not_have_is_unknown(session: VerifiedSession, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(WHEEL.data)
    assert verify_file(session, path).state is FileState.UNKNOWN


def test_the_command_compares_files(trusted: Home, tmp_path: Path) -> None:
    path = tmp_path / WHEEL.entry.filename
    path.write_bytes(WHEEL.data)
    done = trusted.indexsite("verify", str(path))
    assert done.returncode == 0, done.stderr
    assert "bin-" in done.stdout
    path.write_bytes(b"other")
    assert trusted.indexsite("verify", str(path)).returncode == 1
    assert trusted.indexsite("verify", str(tmp_path / "absent-1.0.tar.gz")).returncode == 2
