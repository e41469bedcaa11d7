"""`indexsite mirror`: what lies in the folder, what a second run fetches, what a broken one leaves."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tuf.ngclient import Updater

from client.tests.distributions import wheel
from client.tests.homes import Home, eventually
from client.tests.hostile_mirror import HostileMirror, MirrorHandler
from client.tests.index_simulator import IndexSimulator, sha256
from client.tests.mirrors import mirrored, plain_server, tree
from indexsite_client import protocol
from indexsite_client.credentials import Token
from indexsite_client.errors import CredentialsError, MirrorFolderError, ProjectNotFoundError
from indexsite_client.mirror.mirroring import Wish
from indexsite_client.protocol import NormalizedName
from indexsite_client.trusted import TrustedIndex

LIB, APP = NormalizedName("demo-lib"), NormalizedName("demo-app")
TIMESTAMP = "tuf/metadata/timestamp.json"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg-cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def updater_of(url: str, simulator: IndexSimulator, folder: Path) -> Updater:
    folder.mkdir()
    updater = Updater(
        str(folder),
        f"{url}/tuf/metadata/",
        target_dir=str(folder),
        target_base_url=f"{url}/tuf/targets/",
        bootstrap=simulator.served["/tuf/metadata/1.root.json"],
    )
    updater.refresh()
    return updater


def test_the_tree_has_what_the_index_serves_at_the_same_addresses(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path
) -> None:
    counts = mirrored(index, folder)

    found = tree(folder)
    assert counts.files == 8  # three wheels with their metadata, two signed pages
    newest = {name for name in simulator.served if f"/{simulator.version}." in name}
    expected = {name.removeprefix("/"): simulator.served[name] for name in newest}
    expected |= {name.removeprefix("/"): data for name, data in simulator.served.items() if "metadata" not in name[:14]}
    expected |= {
        f"tuf/metadata/{name}": simulator.served[f"/tuf/metadata/{name}"] for name in ("timestamp.json", "1.root.json")
    }
    pages = {f"simple/{name}/": simulator.served[f"/simple/{name}/"] for name in (LIB, APP)}
    expected = {name: data for name, data in expected.items() if name not in pages}
    expected |= {f"{name}index.html": data for name, data in pages.items()}
    extra = {f"simple/{name}/index.json" for name in (LIB, APP)} | {"simple/index.html", "simple/index.json"}
    assert found.keys() == expected.keys() | extra
    assert {name: data for name, data in found.items() if name not in extra} == expected
    assert b"demo-lib" in found["simple/index.html"]
    assert protocol.read_page(found[f"simple/{LIB}/index.json"]).project == LIB


def test_the_same_bytes_lie_on_the_disk_once(index: TrustedIndex, folder: Path) -> None:
    mirrored(index, folder)

    [target] = folder.glob(f"tuf/targets/{APP}/*.whl")
    [file] = folder.glob("files/*/demo_app*.whl")
    assert target.samefile(file)
    [page] = folder.glob(f"tuf/targets/{APP}/*.json")
    assert page.samefile(folder / f"simple/{APP}/index.json")
    plain = folder / "plain"
    plain.write_bytes(b"")
    assert file.stat().st_mode == plain.stat().st_mode  # any web server may read it


def test_a_second_run_fetches_only_what_changed(
    index: TrustedIndex, simulator: IndexSimulator, mirror: HostileMirror, folder: Path
) -> None:
    mirrored(index, folder)
    mirror.requests.clear()
    again = mirrored(index, folder)
    assert mirror.paths() == ["/tuf/metadata/2.root.json", "/tuf/metadata/timestamp.json"]
    assert (again.documents, again.files, again.pages) == (0, 0, 0)

    simulator.add_project("demo-new", [wheel("demo-new")])
    simulator.publish()
    mirror.requests.clear()
    third = mirrored(index, folder)
    fetched = [path for path in mirror.paths() if "/tuf/metadata/" not in path]
    assert len(fetched) == len(set(fetched)) == third.files == 3
    assert all("demo" in path and "new" in path for path in fetched)
    assert third.documents == 10  # timestamp, snapshot, targets, three delegators, four bins
    assert len([path for path in mirror.paths() if "/tuf/metadata/" in path]) == 11


def test_pip_python_tuf_and_indexsite_run_work_from_a_plain_web_server(
    trusted: Home, simulator: IndexSimulator, index: TrustedIndex, folder: Path, tmp_path: Path
) -> None:
    mirrored(index, folder)
    with plain_server(folder) as url:
        target = updater_of(url, simulator, tmp_path / "ngclient").get_targetinfo(
            "demo-app/demo_app-2.0-py3-none-any.whl"
        )
        assert target
        plain = [sys.executable, "-m", "pip", "install", "--target", str(tmp_path / "plain"), "--no-cache-dir"]
        plain += ["--index-url", f"{url}/simple/", "demo-app"]
        done = subprocess.run(plain, env={**trusted.environment, "PIP_CONFIG_FILE": os.devnull}, capture_output=True)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "plain" / "demo_lib.py").exists()

        told = trusted.indexsite("trust", url, "--fingerprint", simulator.fingerprint)
        assert told.returncode == 0, told.stderr
        for kind in ("pip", "uv"):
            where = ["--target", str(tmp_path / f"by-{kind}")]
            command = [*getattr(trusted, kind), "install", *where, "demo-app"]
            run = trusted.indexsite("run", "--index", url, "--", *command)
            assert run.returncode == 0, run.stderr
            assert (tmp_path / f"by-{kind}" / "demo_lib.py").exists()


def test_a_partial_mirror_has_some_files_and_the_whole_metadata(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path, tmp_path: Path
) -> None:
    mirrored(index, folder, Wish(projects=frozenset({LIB})))

    assert {path.name for path in folder.glob("files/*/*.whl")} == {
        blob.entry.filename for blob in (wheel("demo-lib", "1.0"), wheel("demo-lib", "1.1"))
    }
    assert not list(folder.glob("*/demo-app"))
    assert protocol.project_list_html([LIB]) == (folder / "simple/index.html").read_bytes()
    with plain_server(folder) as url:
        assert updater_of(url, simulator, tmp_path / "ngclient").get_targetinfo("demo-app/index.json")


def test_a_project_that_the_index_does_not_have_is_refused_by_name(index: TrustedIndex, folder: Path) -> None:
    with pytest.raises(ProjectNotFoundError, match="demo-absent"):
        mirrored(index, folder, Wish(projects=frozenset({LIB, NormalizedName("demo-absent")})))
    assert not (folder / TIMESTAMP).exists()


def test_what_is_gone_upstream_goes_only_with_delete(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path
) -> None:
    mirrored(index, folder)
    simulator.publish_another_root()
    simulator.remove_project("demo-app")
    simulator.publish()
    (folder / "tuf" / ".htaccess").write_text("the administrator's")
    (folder / "README").write_text("the administrator's")

    counts = mirrored(index, folder)
    assert counts.removed == 0
    assert (
        counts.surplus == 16
    )  # two targets, wheel, metadata, two pages; nine old documents and the snapshot; .htaccess
    assert list(folder.glob("files/*/demo_app*"))
    assert b"demo-app" not in (folder / "simple/index.html").read_bytes()

    assert mirrored(index, folder, Wish(delete=True)).removed == 15
    assert not [name for name in tree(folder) if "demo_app" in name or "demo-app" in name]
    assert not (folder / "tuf" / "targets" / "demo-app").exists()
    assert {"README", "tuf/.htaccess", "tuf/metadata/1.root.json", "tuf/metadata/2.root.json"} <= tree(folder).keys()
    assert mirrored(index, folder, Wish(delete=True)).removed == 0


def test_an_older_root_than_the_pinned_one_is_mirrored_too(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path
) -> None:
    simulator.publish_another_root()
    (index.folder / "root.json").write_bytes(simulator.served["/tuf/metadata/2.root.json"])
    mirrored(index, folder)

    assert tree(folder)["tuf/metadata/1.root.json"] == simulator.served["/tuf/metadata/1.root.json"]


def test_a_private_index_is_mirrored_with_the_token(index: TrustedIndex, mirror: HostileMirror, folder: Path) -> None:
    mirror.credentials = "Basic X190b2tlbl9fOnNlY3JldA=="  # __token__:secret
    with pytest.raises(CredentialsError):
        mirrored(index, folder)
    mirrored(index, folder, token=Token("secret"))

    assert not [name for name, data in tree(folder).items() if b"secret" in data]
    assert not [
        path for path in (folder / ".indexsite-mirror").rglob("*") if path.is_file() and b"secret" in path.read_bytes()
    ]


def test_two_runs_at_once_do_not_share_a_folder(index: TrustedIndex, mirror: HostileMirror, folder: Path) -> None:
    came, go_on = threading.Event(), threading.Event()

    def wait(handler: MirrorHandler) -> None:
        came.set()
        go_on.wait(30)
        handler.answer(200, mirror.served["/tuf/metadata/timestamp.json"])

    mirror.behaviours["/tuf/metadata/timestamp.json"] = wait
    first = threading.Thread(target=mirrored, args=(index, folder))
    first.start()
    assert came.wait(30)
    with pytest.raises(MirrorFolderError, match="wait until it has ended"):
        mirrored(index, folder)
    go_on.set()
    first.join()
    assert (folder / TIMESTAMP).exists()


def test_a_run_that_is_killed_is_taken_up_by_the_next(
    trusted: Home, simulator: IndexSimulator, mirror: HostileMirror, folder: Path, tmp_path: Path
) -> None:
    assert trusted.indexsite("mirror", str(folder)).returncode == 0
    before = (folder / TIMESTAMP).read_bytes()
    new = [wheel("demo-new", f"1.{number}") for number in range(6)]
    simulator.add_project("demo-new", new)
    simulator.publish()
    stuck = f"/tuf/targets/demo-new/{new[-1].entry.sha256}.{new[-1].entry.filename}"
    started = threading.Event()

    def half(handler: MirrorHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(new[-1].data)))
        handler.end_headers()
        handler.wfile.write(new[-1].data[:100])
        started.set()
        mirror.stop.wait(30)

    mirror.behaviours[stuck] = half
    with trusted.start("mirror", str(folder), "--jobs", "1") as process:
        eventually(started.is_set, within=60)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert (folder / TIMESTAMP).read_bytes() == before
    with plain_server(folder) as url:
        assert updater_of(url, simulator, tmp_path / "old").get_targetinfo("demo-app/index.json")

    del mirror.behaviours[stuck]
    present = {path.name for path in folder.glob("tuf/targets/demo-new/*.whl")}
    assert present
    mirror.requests.clear()
    done = trusted.indexsite("mirror", str(folder))
    assert done.returncode == 0, done.stderr
    assert not [path for path in mirror.paths() if path.rpartition("/")[2] in present]
    assert list((folder / ".indexsite-mirror" / "incoming").iterdir()) == []
    for blob in new:
        assert sha256((folder / "files" / blob.entry.sha256 / blob.entry.filename).read_bytes()) == blob.entry.sha256


def test_a_damaged_file_is_mended_by_recheck_and_a_damaged_document_always(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path
) -> None:
    mirrored(index, folder)
    good = tree(folder)
    [target] = folder.glob(f"tuf/targets/{APP}/*.whl")
    document = folder / f"tuf/metadata/{simulator.version}.bin-0.json"
    for path in (target, document):
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    mirrored(index, folder)
    assert document.read_bytes() == good[document.relative_to(folder).as_posix()]
    mirrored(index, folder, Wish(recheck=True))
    assert tree(folder) == good
