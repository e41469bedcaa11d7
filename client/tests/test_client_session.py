"""The verified session by itself: renewal, threads, caches, vouchers."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tuf.api.metadata import TargetFile

from client.tests.clocks import Clock
from client.tests.distributions import wheel
from client.tests.hostile_mirror import HostileMirror, flip_byte
from client.tests.index_simulator import IndexSimulator, sha256
from indexsite_client import protocol
from indexsite_client.agreement import VouchedPage, VouchedTarget, check_agreement
from indexsite_client.errors import ClientError, ProjectNotFoundError, SourceRefusedError, VerificationError
from indexsite_client.protocol import ProjectPage
from indexsite_client.remembered import give_back
from indexsite_client.session import LIFETIME, VerifiedSession

LIB = protocol.normalize_name("demo-lib")
NEW = protocol.normalize_name("demo-new")


OLD, WHEEL = "demo_lib-1.0-py3-none-any.whl", "demo_lib-1.1-py3-none-any.whl"


def contents_of(session: VerifiedSession, filename: str) -> bytes:
    with session.file(LIB, filename) as file:
        return file.read()


def refreshes(mirror: HostileMirror) -> int:
    return mirror.paths().count("/tuf/metadata/timestamp.json")


def test_one_refresh_serves_sixty_seconds(session: VerifiedSession, mirror: HostileMirror, clock: Clock) -> None:
    session.page(LIB)
    clock.time += LIFETIME - 1
    session.page(LIB)
    assert refreshes(mirror) == 1
    clock.time += 1
    session.page(LIB)
    assert refreshes(mirror) == 2


def test_what_is_not_found_is_asked_of_a_new_refresh(
    session: VerifiedSession, simulator: IndexSimulator, mirror: HostileMirror, clock: Clock
) -> None:
    session.refresh()
    simulator.add_project("demo-new", [wheel("demo-new")])
    simulator.publish()
    with pytest.raises(ProjectNotFoundError):
        session.page(NEW)
    clock.time += 2

    assert session.page(NEW).project == NEW
    assert refreshes(mirror) == 2


def test_a_document_pruned_since_the_refresh_renews_it(
    session: VerifiedSession, simulator: IndexSimulator, clock: Clock
) -> None:
    session.refresh()
    for path in [path for path in simulator.served if path.startswith(f"/tuf/metadata/{simulator.version}.bin-")]:
        del simulator.served[path]
    simulator.publish()
    clock.time += 2

    assert session.page(LIB).project == LIB


def test_many_threads_get_verified_files(session: VerifiedSession, mirror: HostileMirror) -> None:
    with ThreadPoolExecutor(16) as pool:
        contents = list(pool.map(lambda name: contents_of(session, name), [OLD, WHEEL] * 8))

    assert contents == [wheel("demo-lib", "1.0").data, wheel("demo-lib", "1.1").data] * 8
    assert len([path for path in mirror.paths() if path.endswith(".whl")]) == 2
    assert refreshes(mirror) == 1


def test_a_damaged_cached_file_is_downloaded_again(
    session: VerifiedSession, mirror: HostileMirror, tmp_path: Path
) -> None:
    contents = contents_of(session, OLD)
    path = tmp_path / "cache" / "files" / sha256(contents)
    path.write_bytes(flip_byte(contents))

    assert contents_of(session, OLD) == contents
    assert len([path for path in mirror.paths() if path.endswith(".whl")]) == 2


def test_what_is_put_in_the_place_of_a_cached_file_is_not_handed_over(session: VerifiedSession, tmp_path: Path) -> None:
    contents = contents_of(session, OLD)
    swapped = tmp_path / "swapped"
    swapped.write_bytes(b"evil")

    with session.file(LIB, OLD) as file:
        swapped.replace(tmp_path / "cache" / "files" / sha256(contents))
        assert file.read() == contents


def test_the_cache_is_open_to_the_user_alone(session: VerifiedSession, tmp_path: Path) -> None:
    contents_of(session, OLD)

    folders = [tmp_path / "cache", *(path for path in (tmp_path / "cache").rglob("*") if path.is_dir())]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}


@pytest.mark.parametrize("source", ["git+https://h/x", "SVN+ssh://h/x", "hg+file:/x", "bzr+lp:x"])
def test_metadata_that_requires_something_from_version_control_is_refused(
    session: VerifiedSession, simulator: IndexSimulator, source: str
) -> None:
    simulator.add_project("demo-lib", [wheel("demo-lib", "1.0", requires=("fine>=1", f"other @ {source}"))])
    simulator.publish()

    with pytest.raises(SourceRefusedError, match="other"):
        session.metadata(LIB, OLD)


def test_a_bad_document_does_not_settle_in_the_cache(session: VerifiedSession, mirror: HostileMirror) -> None:
    mirror.change(lambda path: ".bin-" in path, flip_byte)
    with pytest.raises(ClientError):
        session.page(LIB)
    mirror.changes.clear()

    assert session.page(LIB).project == LIB


def test_a_changed_cached_document_is_refused_and_then_mended(
    session: VerifiedSession, tmp_path: Path, clock: Clock
) -> None:
    session.page(LIB)
    for path in (tmp_path / "cache" / "documents").glob("*/*.claimed.json"):
        path.write_bytes(flip_byte(path.read_bytes()))
    clock.time += LIFETIME

    with pytest.raises(VerificationError):
        session.page(LIB)
    assert session.page(LIB).project == LIB


def test_no_temporary_file_stays_after_a_refused_download(
    session: VerifiedSession, mirror: HostileMirror, tmp_path: Path
) -> None:
    mirror.change(lambda path: path.endswith(".whl"), flip_byte)
    with pytest.raises(VerificationError):
        session.file(LIB, "demo_lib-1.0-py3-none-any.whl")

    assert list((tmp_path / "cache" / "files").iterdir()) == []


def test_a_slower_process_does_not_overwrite_newer_memory(tmp_path: Path) -> None:
    old, new, state = tmp_path / "old", tmp_path / "new", tmp_path / "state"
    for folder, version in ((old, 5), (new, 6)):
        folder.mkdir()
        for name in ("timestamp.json", "snapshot.json"):
            (folder / name).write_text(json.dumps({"signed": {"version": version}}))
    give_back(new, state)
    give_back(old, state)

    assert json.loads((state / "timestamp.json").read_bytes())["signed"]["version"] == 6


def test_page_and_file_must_come_from_one_voucher() -> None:
    blob = wheel("demo-lib")
    page = VouchedPage(ProjectPage(LIB, (blob.entry,)), voucher_of("project-demo-lib"))

    assert check_agreement(page, blob.entry.filename, voucher_of("project-demo-lib.builds"))
    with pytest.raises(VerificationError, match="bin-3"):
        check_agreement(page, blob.entry.filename, voucher_of("bin-3"))


def voucher_of(role: str) -> VouchedTarget:
    blob = wheel("demo-lib")
    return VouchedTarget(role, TargetFile(blob.entry.size, {"sha256": blob.entry.sha256}, "demo-lib/x"))
