"""Clients of three projects on a running index: new ones and such that have seen its every state."""

import json
from pathlib import Path

import pytest

from tests.distributions import wheel
from tests.running import CHECKOUT, RunningIndex
from tests.tuf_clients import KINDS, NotListedError, RefusedError, new_clients


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_reads_a_page_and_a_file(module_index: RunningIndex, tmp_path: Path, kind: str) -> None:
    filename, content = wheel("demo", "1.0")
    assert module_index.post_upload(filename, content, token=module_index.token()).status == 200
    module_index.wait_until_listed("demo", filename)
    client = KINDS[kind](module_index.url, module_index.root(), tmp_path / "client")
    for _ in ("new", "returning"):
        client.refresh()
        assert [file.filename for file in client.page("demo").files] == [filename]
        assert client.download(f"demo/{filename}") == content
        with pytest.raises(NotListedError):
            client.page("nothing")
        with pytest.raises(NotListedError):
            client.download("demo/demo-2.0-py3-none-any.whl")


def test_the_lock_names_no_registry() -> None:
    packages = json.loads((CHECKOUT / "tests" / "locks" / "tuf-js" / "package-lock.json").read_text())["packages"]
    locked = {name: entry for name, entry in packages.items() if name}
    assert "node_modules/tuf-js" in locked
    assert all("resolved" not in entry and entry["integrity"].startswith("sha512-") for entry in locked.values())


def test_a_client_says_what_it_refuses(module_index: RunningIndex, tmp_path: Path) -> None:
    clients = new_clients(f"{module_index.url}/elsewhere", module_index.root(), tmp_path)
    for client in clients.values():
        with pytest.raises(RefusedError, match="404"):
            client.refresh()
