"""Clients of three projects on a running index: through all that happens to it, new ones and one that saw it all."""

import http.server
import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from indexsite_client.protocol import ROOT, Bins, BinStyle
from tests.ceremonies import Ceremony, new_signer, write_documents, write_online_key
from tests.conftest import scaled_index
from tests.distributions import wheel
from tests.proxying import nginx_over
from tests.running import CHECKOUT, RunningIndex, free_port
from tests.test_life import act
from tests.tuf_clients import KINDS, NotListedError, RefusedError, TufClient, new_clients
from tufsigning.core.documents import read_signed

COUNT = 16  # bins: enough for several to be read, few enough for tuf-js
LATER = """
from datetime import timedelta
from tufsigning.ceremony import renew_development_roles
from tufsigning.clock import signing_time
from tufsigning.library import Library
from tufsigning.pruning import prune
from tufsigning.publisher import Publisher
later = lambda: signing_time() + timedelta(days={days})
renew = lambda: Publisher(Library()).renew(later, renew_offline=lambda it: renew_development_roles(it, now=later()))
"""


@dataclass
class World:
    """An index, what it should show, and a client of each kind that has been there from the beginning."""

    index: RunningIndex
    folder: Path
    token: str
    style: BinStyle
    returning: dict[str, TufClient]
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)  # of each project by filename
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def upload(self, project: str, version: str) -> str:
        filename, content = wheel(project, version)
        assert self.index.post_upload(filename, content, token=self.token).status == 200
        self.index.wait_until_listed(project, filename)
        self.files.setdefault(project, {})[filename] = content
        return filename

    def delete(self, project: str, filename: str) -> None:
        self.act(f'releases.delete_file(admin, "{project}", "{filename}", now=now)')
        del self.files[project][filename]

    def act(self, line: str) -> None:
        act(self.index, line)
        self.index.wait_until_settled()

    def after(self, days: float, line: str) -> str:
        """What a line says that is run as if so many days had passed; `later` is the time then."""
        return self.index.manage("shell", "--verbosity", "0", "-c", LATER.format(days=days) + line)

    def timestamp_version(self) -> int:
        version: int = self.index.get("/tuf/metadata/timestamp.json").json()["signed"]["version"]
        return version

    def new_clients(self, url: str, root: bytes) -> dict[str, TufClient]:
        return new_clients(url, root, self.folder / f"new{next(self._numbers)}")

    def assert_everybody_sees(self, project: str, url: str = "", root: bytes = b"") -> None:
        """Every kind of client, new and returning, sees what there is of a project; `url` may be a mirror's."""
        url, root = url or self.index.url, root or self.index.root()
        for each in self.returning.values():
            each.url = url
        newest = list(self.files[project])[-1]
        for clients in (self.returning, self.new_clients(url, root)):
            for kind, client in clients.items():
                assert {file.filename for file in client.page(project).files} == set(self.files[project]), kind
                assert client.download(f"{project}/{newest}") == self.files[project][newest], kind


@pytest.fixture(scope="module", params=[("embedded", "succinct"), ("scaled", "explicit")], ids="-".join)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder, (mode, style) = tmp_path_factory.mktemp("third"), request.param
    bins = {"INDEXSITE_BINS": str(COUNT), "INDEXSITE_BIN_STYLE": style}
    if mode == "scaled":
        with scaled_index(request.getfixturevalue("servers"), folder, **bins) as scaled:
            yield _world_of(scaled, folder, BinStyle(style))
        return
    index = RunningIndex(folder / "data", free_port(), bins).start()
    try:
        yield _world_of(index, folder, BinStyle(style))
    finally:
        index.stop()


def _world_of(index: RunningIndex, folder: Path, style: BinStyle) -> World:
    world = World(index, folder, index.token(), style, new_clients(index.url, index.root(), folder / "returning"))
    world.upload("demo", "1.0")
    world.assert_everybody_sees("demo")
    return world


def test_uploads_yanks_and_deletions_are_seen(world: World) -> None:
    yanked = world.upload("demo", "2.0")
    world.act(f'releases.yank_file(admin, "demo", "{yanked}", reason="broken", now=now)')
    world.assert_everybody_sees("demo")
    for kind, client in world.returning.items():
        assert {file.filename: file.yanked for file in client.page("demo").files}[yanked] == "broken", kind
    world.delete("demo", yanked)
    world.assert_everybody_sees("demo")
    for client in (*world.returning.values(), *world.new_clients(world.index.url, world.index.root()).values()):
        client.refresh()
        with pytest.raises(NotListedError):
            client.download(f"demo/{yanked}")
        with pytest.raises(NotListedError):
            client.page("nothing")


def test_a_renewal_is_followed(world: World) -> None:
    before = world.timestamp_version()
    assert int(world.after(3.6, "print(renew())")) >= 16
    assert world.timestamp_version() > before
    world.assert_everybody_sees("demo")


def test_a_prune_is_not_noticed(world: World) -> None:
    world.upload("demo", "4.0")
    assert world.after(60, "print(prune(Library(), later, grace=timedelta(days=14)).documents)").strip() != "0"
    world.index.manage("tuf_audit")  # finds nothing
    world.assert_everybody_sees("demo")


def test_an_export_behind_nginx_is_the_same_index(world: World) -> None:
    tree = world.folder / "tree"
    world.index.manage("tuf_export", str(tree))
    with nginx_over(tree, world.folder / "nginx") as front:
        world.assert_everybody_sees("demo", front.url)
        world.upload("demo", "5.0")
        world.index.manage("tuf_export", str(tree), "--delete")
        world.assert_everybody_sees("demo", front.url)


def test_a_real_ceremony_is_followed_by_nobody_and_its_root_leads_everybody_to_everything(world: World) -> None:
    index, folder = world.index, world.folder
    index.manage("tuf_export", "--ceremony", str(folder / "ceremony"))
    index_id = read_signed((folder / "ceremony/metadata/1.root.json").read_bytes())["x-indexsite"]["index"]
    versions = [int(path.name.partition(".")[0]) for path in (folder / "ceremony/metadata").iterdir()]
    online = write_online_key(folder / "online.pem")
    ceremony = Ceremony((online.public_key,), index_id=index_id, bins=Bins(COUNT, world.style))
    documents = ceremony.all(root=2, others=max(versions) + 1)
    write_documents(folder / "ceremony", documents)
    index.variables["INDEXSITE_ONLINE_KEY"] = f"file:{folder / 'online.pem'}"
    index.manage("tuf_init", str(folder / "ceremony"))
    index.stop()
    index.start()
    followers = world.returning | world.new_clients(index.url, index.root())
    words = {"python-tuf": "root was signed by", "tuf-js": "root was signed by", "indexsite": "now has a real root"}
    for kind, client in followers.items():
        with pytest.raises(RefusedError, match=words[kind]):
            client.refresh()
    real = index.get("/tuf/metadata/2.root.json").body
    world.returning = world.new_clients(index.url, real)
    world.assert_everybody_sees("demo", root=real)
    world.upload("demo", "6.0")
    world.assert_everybody_sees("demo", root=real)


def test_a_client_says_what_it_refuses(world: World) -> None:
    for client in world.new_clients(f"{world.index.url}/elsewhere", world.index.root()).values():
        with pytest.raises(RefusedError, match="404"):
            client.refresh()


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server that has nothing: its URL, and the encodings that it was asked for."""
    encodings: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            encodings.append(self.headers.get("Accept-Encoding", ""))
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", encodings
        server.shutdown()


@pytest.mark.parametrize("kind", KINDS)
def test_which_clients_ask_for_compressed_metadata(asked: tuple[str, list[str]], tmp_path: Path, kind: str) -> None:
    url, encodings = asked
    client = KINDS[kind](url, Ceremony((new_signer().public_key,)).document(ROOT, 1).content, tmp_path / "client")
    with pytest.raises(RefusedError, match="404"):
        client.refresh()
    assert encodings
    assert all(("gzip" in each) is (kind != "python-tuf") for each in encodings)


def test_the_lock_names_no_registry() -> None:
    packages = json.loads((CHECKOUT / "tests" / "locks" / "tuf-js" / "package-lock.json").read_text())["packages"]
    locked = {name: entry for name, entry in packages.items() if name}
    assert "node_modules/tuf-js" in locked
    assert all("resolved" not in entry and entry["integrity"].startswith("sha512-") for entry in locked.values())
