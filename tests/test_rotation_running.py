"""Rotations on a running index by the real commands, under the eyes of clients of three projects at every step."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest

from indexsite_client.protocol import ROOT, TARGETS, UNCLAIMED
from tests.backups import run
from tests.ceremonies import Ceremony, write_documents, write_online_key
from tests.distributions import wheel
from tests.running import RunningIndex, eventually, free_port
from tests.tuf_clients import TufClient, new_clients
from tests.watching import Watchers


@dataclass
class Watched:
    """An index with the root of a real ceremony, and clients that have been there from its first version on."""

    index: RunningIndex
    ceremony: Ceremony
    folder: Path
    root: bytes
    returning: dict[str, TufClient]
    _numbers: Iterator[int] = field(default_factory=count)

    def look(self, project: str = "demo", *, javascript: bool = True) -> None:
        """Every client, new and returning, reads a page and downloads a file of it; raises what they refuse for."""
        new = new_clients(self.index.url, self.root, self.folder / f"new-{next(self._numbers)}")
        for clients in (self.returning, new):
            for name, client in clients.items():
                if javascript or name != "tuf-js":
                    [file] = client.page(project).files
                    assert client.download(f"{project}/{file.filename}")

    def upload(self, name: str) -> None:
        filename, content = wheel(name, "1.0")
        assert self.index.post_upload(filename, content, token=self.index.token()).status == 200
        self.index.wait_until_listed(name, filename)

    def use_keys(self, **variables: Path | None) -> None:
        """Restart with these."""
        self.index.stop()
        for name, path in variables.items():
            self.index.variables[f"INDEXSITE_{name}"] = f"file:{path}" if path else ""
        self.index.start()

    def rotate(self, *arguments: object, **variables: str) -> str:
        done = run(self.index, "tuf_rotate", *arguments, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("rotation")
    ceremony = Ceremony((write_online_key(folder / "online.pem").public_key,))
    write_documents(folder / "ceremony", ceremony.all())
    variables = {"INDEXSITE_BINS": "4", "INDEXSITE_ONLINE_KEY": f"file:{folder / 'online.pem'}"}
    index = RunningIndex(folder / "data", free_port(), variables)
    index.manage("tuf_init", str(folder / "ceremony"))
    index.start()
    root = index.root()
    watched = Watched(index, ceremony, folder, root, new_clients(index.url, root, folder / "returning"))
    watched.upload("demo")
    try:
        yield watched
    finally:
        index.stop()


def test_a_healthy_online_key_is_replaced_and_no_client_fails_at_any_step(watched: Watched, tmp_path: Path) -> None:
    index, old, new = watched.index, watched.folder / "online.pem", tmp_path / "new.pem"
    ceremony = replace(watched.ceremony, online=(write_online_key(new).public_key,))
    write_documents(tmp_path, [ceremony.document(role, 2) for role in (ROOT, TARGETS, UNCLAIMED)])
    watched.look()
    assert "no replacement is under way" in watched.rotate("--check")
    refused = run(index, "tuf_rotate", tmp_path)
    assert "set INDEXSITE_ONLINE_KEY_NEXT" in refused.stderr  # this environment has the old key only
    watched.use_keys(ONLINE_KEY_NEXT=new)

    mark = tmp_path / "paused"
    pausing = {"DJANGO_SETTINGS_MODULE": "tests.settings_pausing", "PAUSE_AFTER": "metadata/2.root.json"}
    with Watchers(index, "demo") as watchers, ThreadPoolExecutor(1) as pool:
        rotating = pool.submit(watched.rotate, tmp_path, **pausing, PAUSED=str(mark))
        eventually(mark.exists, what="the new root")
        assert (index.data / "store/metadata/2.root.json").exists()
        watched.look()  # the timestamp is still the one from before the root
        mark.unlink()
        assert "set INDEXSITE_ONLINE_KEY to what INDEXSITE_ONLINE_KEY_NEXT says" in rotating.result()
        watched.upload("named")
        watchers.look_once_more()
    watchers.assert_all_was_well()
    said = index.manage("tuf_status")
    assert "is being replaced" in said
    assert index.get("/trust/").text.count("is being replaced") == 1

    watched.use_keys(ONLINE_KEY=new, ONLINE_KEY_NEXT=None)
    assert "no replacement is under way" in watched.rotate()
    watched.upload("after")
    watched.look("after")
    old.unlink()
    audit = run(index, "tuf_audit")
    assert audit.returncode == 0, audit.stdout
    assert "is being replaced" not in index.manage("tuf_status")
    watched.ceremony = ceremony
