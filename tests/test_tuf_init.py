"""A real ceremony: instead of the development one, and after it on an index that serves, as real clients see it."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tuf.api.exceptions import RepositoryError

from indexsite_client.protocol import CLAIMED, ROOT, TARGETS, UNCLAIMED, Bins
from tests.ceremonies import Ceremony, new_holders, write_documents, write_online_key
from tests.conftest import NewIndex, scaled_index
from tests.distributions import wheel
from tests.running import BIN, CHECKOUT, RunningIndex, free_port
from tests.scaled import Servers
from tests.watching import new_updater, verified_files
from tufsigning.core.documents import read_signed


def manage(index: RunningIndex, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """A management command, whatever becomes of it."""
    command = [sys.executable, str(CHECKOUT / "manage.py"), *map(str, arguments)]
    environment = {**index.environment, **variables}
    return subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=120)


def export_folder(index: RunningIndex, folder: Path) -> dict[str, bytes]:
    """What `tuf_export --ceremony` writes, by file name."""
    index.manage("tuf_export", "--ceremony", str(folder))
    return {path.name: path.read_bytes() for path in (folder / "metadata").iterdir()}


@dataclass
class Home:
    """A machine on which our client is used."""

    folder: Path

    def indexsite(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run our client."""
        state = {"XDG_DATA_HOME": str(self.folder / "data"), "XDG_CACHE_HOME": str(self.folder / "cache")}
        command = [str(each) for each in (BIN / "indexsite", *arguments)]
        environment = {"PATH": str(BIN), "HOME": str(self.folder), **state}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    def install(self, index: RunningIndex, name: str) -> subprocess.CompletedProcess[str]:
        """Have our client run pip for a project."""
        target = self.folder / "installed"
        pip = [BIN / "pip", "install", "--no-deps", "--no-cache-dir", "--target", target, "--upgrade", name]
        return self.indexsite("run", "--index", f"{index.url}/", "--", *pip)


@dataclass
class Moved:
    """An index that moved, what was there before, and what its users had."""

    index: RunningIndex
    ceremony: Ceremony
    before: dict[str, bytes]
    old_root: bytes
    python_tuf: Path
    home: Home
    said: str


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    """An index with a file and users of its development root, moved while it served and then restarted."""
    folder = tmp_path_factory.mktemp("moved")
    index = RunningIndex(folder / "data", free_port(), {"INDEXSITE_BINS": "4"}).start()
    assert index.post_upload(*wheel("before", "1.0"), token=index.token()).status == 200
    index.wait_until_settled()
    old_root, home = index.root(), Home(folder / "home")
    trusted = home.indexsite("trust", f"{index.url}/", "--fingerprint", index.fingerprint(), "--development")
    assert trusted.returncode == 0, trusted.stderr
    assert home.install(index, "before").returncode == 0
    assert verified_files(new_updater(index, folder / "python-tuf", old_root), "before")

    exported = export_folder(index, folder / "ceremony")
    index_id = read_signed(exported["1.root.json"])["x-indexsite"]["index"]
    online = write_online_key(folder / "online.pem")
    ceremony = Ceremony((online.public_key,), index_id=index_id)
    write_documents(folder / "ceremony", ceremony.all(root=2, others=2))
    index.variables["INDEXSITE_ONLINE_KEY"] = f"file:{folder / 'online.pem'}"
    done = manage(index, "tuf_init", folder / "ceremony")  # while it serves
    assert done.returncode == 0, done.stderr
    assert index.post_upload(*wheel("waiting", "1.0"), token=index.token()).status == 200  # nobody can sign it yet
    assert index.stop() == 0
    index.start()
    try:
        yield Moved(index, ceremony, exported, old_root, folder / "python-tuf", home, done.stdout)
    finally:
        index.stop()


def stored_metadata(index: RunningIndex) -> set[str]:
    return {path.name for path in (index.data / "store" / "metadata").iterdir()}


def test_python_tuf_with_the_development_root_refuses_and_with_the_real_one_sees_everything(
    moved: Moved, tmp_path: Path
) -> None:
    with pytest.raises(RepositoryError, match="root was signed by"):
        new_updater(moved.index, moved.python_tuf, moved.old_root).refresh()
    with pytest.raises(RepositoryError, match="root was signed by"):
        new_updater(moved.index, tmp_path / "bare", moved.old_root).refresh()
    moved.index.wait_until_listed("waiting", "waiting-1.0-py3-none-any.whl")
    real = moved.index.get("/tuf/metadata/2.root.json").body
    for project in ("before", "waiting"):
        updater = new_updater(moved.index, tmp_path / project, real)
        assert set(verified_files(updater, project)) == {f"{project}-1.0-py3-none-any.whl"}


def test_our_client_of_the_development_root_is_told_to_pin_the_new_one_and_then_installs(moved: Moved) -> None:
    refused = moved.home.install(moved.index, "before")
    assert refused.returncode != 0
    assert "now has a real root, but a development one is pinned" in refused.stderr
    assert "--fingerprint ... --replace" in refused.stderr
    fingerprint = moved.index.fingerprint()
    assert fingerprint in moved.said
    refused = moved.home.indexsite("trust", f"{moved.index.url}/", "--fingerprint", fingerprint)
    assert refused.returncode != 0
    assert "--replace" in refused.stderr
    pinned = moved.home.indexsite("trust", f"{moved.index.url}/", "--fingerprint", fingerprint, "--replace")
    assert pinned.returncode == 0, pinned.stderr
    installed = moved.home.install(moved.index, "before")
    assert installed.returncode == 0, installed.stderr


def test_the_roots_before_stay_and_no_start_holds_a_development_ceremony_again(moved: Moved) -> None:
    assert moved.index.root() == moved.old_root
    status = moved.index.manage("tuf_status")
    assert f"root 2 (real), sha256 {moved.index.fingerprint()}" in status
    assert "its chain begins at root 2" in status
    signers = [signer.public_key.keyid[:8] for signer in moved.ceremony.holders[TARGETS]]
    assert f"signed by {', '.join(signers)} (2 of 2)" in status
    assert moved.index.get("/tuf/metadata/3.root.json").status == 404


def test_keys_of_the_development_ceremony_are_named_and_deleted_when_asked(moved: Moved) -> None:
    assert "11 keys of the development ceremony" in moved.said
    assert (moved.index.data / "keys" / "offline" / "root-1.pem").exists()  # until somebody asks
    again = manage(moved.index, "tuf_init", moved.index.data.parent / "ceremony")
    assert again.returncode == 0, again.stderr
    assert "in force already" in again.stdout


def test_later_versions_are_imported_on_the_running_index_and_every_client_goes_on(
    moved: Moved, tmp_path: Path
) -> None:
    index, real = moved.index, moved.index.get("/tuf/metadata/2.root.json").body
    assert verified_files(new_updater(index, tmp_path / "returning", real), "before")
    rotated = moved.ceremony.with_new_keys(ROOT)
    files = write_documents(
        tmp_path,
        [
            rotated.document(ROOT, 3, also_by=moved.ceremony.holders[ROOT]),
            rotated.document(TARGETS, 3),
        ],
    )
    before, checked = stored_metadata(index), manage(index, "tuf_import", "--check", *files)
    assert checked.returncode == 0, checked.stderr
    assert "would be taken: root 3" in checked.stdout
    assert stored_metadata(index) == before
    done = manage(index, "tuf_import", *files)
    assert done.returncode == 0, done.stderr
    for folder in ("returning", "new"):
        updater = new_updater(index, tmp_path / folder, real)
        assert verified_files(updater, "before")
        trusted = (tmp_path / folder / "root.json").read_bytes()
        assert read_signed(trusted)["version"] == 3
        assert read_signed((tmp_path / folder / "targets.json").read_bytes())["version"] == 3
    installed = moved.home.install(index, "before")
    assert installed.returncode == 0, installed.stderr
    assert index.post_upload(*wheel("after", "1.0"), token=index.token()).status == 200
    index.wait_until_listed("after", "after-1.0-py3-none-any.whl")


def test_a_refused_import_leaves_nothing_behind(moved: Moved, tmp_path: Path) -> None:
    index = moved.index
    thief = replace(moved.ceremony, holders=new_holders())
    status, before = index.manage("tuf_status").splitlines()[0], stored_metadata(index)
    refused = manage(index, "tuf_import", *write_documents(tmp_path, [thief.document(CLAIMED, 9)]))
    assert refused.returncode != 0
    assert "The claimed document lacks signatures that targets" in refused.stderr
    assert "Nothing was changed" in refused.stderr
    assert "9.claimed.json" not in stored_metadata(index)
    assert before - stored_metadata(index) == set()
    assert index.manage("tuf_status").splitlines()[0] == status


def test_an_import_of_a_key_that_we_do_not_hold_is_refused(moved: Moved, tmp_path: Path) -> None:
    other = write_online_key(tmp_path / "other.pem")
    ceremony = replace(moved.ceremony, online=(other.public_key,))
    documents = [ceremony.document(role, 8) for role in (TARGETS, UNCLAIMED)]
    refused = manage(moved.index, "tuf_import", *write_documents(tmp_path, documents))
    assert refused.returncode != 0
    assert "names no key that alone signs timestamp" in refused.stderr  # root names the one from before


def test_a_new_index_begins_with_a_real_ceremony(new_index: NewIndex, tmp_path: Path) -> None:
    online = write_online_key(tmp_path / "online.pem")
    index = new_index(INDEXSITE_ONLINE_KEY=f"file:{tmp_path / 'online.pem'}")
    ceremony = Ceremony((online.public_key,))
    write_documents(tmp_path / "ceremony", ceremony.all())
    wrong = manage(index, "tuf_init", tmp_path / "ceremony", INDEXSITE_ONLINE_KEY="")
    assert wrong.returncode != 0
    assert "cannot be loaded" in wrong.stderr
    done = manage(index, "tuf_init", tmp_path / "ceremony")
    assert done.returncode == 0, done.stderr
    index.start()
    assert index.root() == ceremony_root(tmp_path / "ceremony")
    assert index.fingerprint() in done.stdout
    assert not (index.data / "keys").exists()
    home = Home(tmp_path / "home")
    trusted = home.indexsite("trust", f"{index.url}/", "--fingerprint", index.fingerprint())
    assert trusted.returncode == 0, trusted.stderr
    assert index.post_upload(*wheel("real", "1.0"), token=index.token()).status == 200
    index.wait_until_settled()
    assert home.install(index, "real").returncode == 0


def ceremony_root(folder: Path) -> bytes:
    return (folder / "metadata" / "1.root.json").read_bytes()


def test_an_index_on_several_machines_moves_while_it_takes_uploads(servers: Servers, tmp_path: Path) -> None:
    with scaled_index(servers, tmp_path) as index:
        assert index.post_upload(*wheel("before", "1.0"), token=(token := index.token())).status == 200
        index.wait_until_settled()
        exported = export_folder(index, tmp_path / "ceremony")
        online = write_online_key(tmp_path / "new.pem")
        said = read_signed(exported["1.root.json"])["x-indexsite"]["index"]
        ceremony = Ceremony((online.public_key,), index_id=said, bins=Bins(16))
        write_documents(tmp_path / "ceremony", ceremony.all(root=2, others=2))
        old_root = index.root()
        index.variables["INDEXSITE_ONLINE_KEY"] = f"file:{tmp_path / 'new.pem'}"
        done = manage(index, "tuf_init", tmp_path / "ceremony")
        assert done.returncode == 0, done.stderr
        assert index.post_upload(*wheel("meanwhile", "1.0"), token=token).status == 200
        for number in range(index.workers):
            index.parts[f"worker{number}"].terminate()
            assert index.parts[f"worker{number}"].wait(30) == 0
            index.start_worker(number)
        index.wait_until_listed("meanwhile", "meanwhile-1.0-py3-none-any.whl", within=60)
        real = index.get("/tuf/metadata/2.root.json").body
        for project in ("before", "meanwhile"):
            assert verified_files(new_updater(index, tmp_path / project, real), project)
        with pytest.raises(RepositoryError):
            new_updater(index, tmp_path / "old", old_root).refresh()
        imported = manage(index, "tuf_import", *write_documents(tmp_path, [ceremony.document(CLAIMED, 3)]))
        assert imported.returncode == 0, imported.stderr
        assert verified_files(new_updater(index, tmp_path / "before", real), "before")


def test_a_backup_after_the_move_holds_every_root_and_is_restored(moved: Moved, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    moved.index.manage("backup", str(folder))
    roots = {path.name for path in (folder / "store/metadata").glob("*.root.json")}
    assert {"1.root.json", "2.root.json"} <= roots
    restored = RunningIndex(tmp_path / "data", free_port(), dict(moved.index.variables))
    said = restored.manage("restore", str(folder))
    assert "offline keys" not in said  # nobody misses those of a development ceremony any more
    restored.start()
    try:
        assert restored.fingerprint() == moved.index.fingerprint()
        updater = new_updater(restored, tmp_path / "client", moved.index.get("/tuf/metadata/2.root.json").body)
        assert verified_files(updater, "before")
    finally:
        restored.stop()
