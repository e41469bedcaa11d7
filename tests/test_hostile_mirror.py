"""A hostile mirror between the client and a real index: each verified install refuses, and leaves nothing behind."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from indexsite_client.protocol import (
    PageFile,
    ProjectPage,
    delegated_roles,
    delegation_to,
    normalize_name,
    page_bytes,
    targets_signed,
)
from tests.distributions import wheel
from tests.forgery import BASE, Forgery, keys_of, new_signer, signer_of
from tests.hostile_mirror import HostileMirror
from tests.running import BIN, RunningIndex
from tufsigning.core.documents import target_entry

PROJECTS = ("demo", "other")


@pytest.fixture(scope="module")
def mirror(module_index: RunningIndex) -> Iterator[HostileMirror]:
    token = module_index.token()
    for project in PROJECTS:
        assert module_index.post_upload(*wheel(project, "1.0"), token=token).status == 200
    module_index.wait_until_settled()
    with HostileMirror(module_index) as mirror:
        yield mirror


class Machine:
    """Somebody's machine: client state of its own, and an environment to install into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"

    def make(self) -> "Machine":
        command = [BIN / "uv", "venv", "--quiet", "--python", sys.executable, self.folder / "venv"]
        subprocess.run([str(each) for each in command], check=True, env=self.environ)
        return self

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "INDEXSITE_"))}
        return {**kept, "XDG_DATA_HOME": str(self.folder / "data"), "XDG_CACHE_HOME": str(self.folder / "cache")}

    def indexsite(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(each) for each in [BIN / "indexsite", *arguments]]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=120)

    def install(self, *names: str, installer: str = "uv") -> subprocess.CompletedProcess[str]:
        commands = {
            "uv": [BIN / "uv", "pip", "install", "--python", self.python],
            "pip": [BIN / "pip", "--python", self.python, "install"],
        }
        return self.indexsite("run", "--", *commands[installer], *names)

    def installed(self) -> set[str]:
        """The test projects that are importable."""
        [packages] = (self.folder / "venv" / "lib").glob("python*/site-packages")
        return {name for name in PROJECTS if (packages / f"{name}.py").exists()}


@pytest.fixture(scope="module")
def template(mirror: HostileMirror, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine that trusts the index, has installed `other` once, and remembers its metadata."""
    machine = Machine(tmp_path_factory.mktemp("template")).make()
    trusted = machine.indexsite("trust", mirror.url, "--fingerprint", mirror.index.fingerprint(), "--development")
    assert trusted.returncode == 0, trusted.stderr
    return machine.folder


@pytest.fixture
def machine(mirror: HostileMirror, template: Path, tmp_path: Path) -> Iterator[Machine]:
    shutil.copytree(template / "data", tmp_path / "data")
    yield Machine(tmp_path).make()
    mirror.be_honest()


def flip(body: bytes) -> bytes:
    """One bit in the middle."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


FLIPPED = ["timestamp", "snapshot", "targets", "claimed", "recently-claimed", "unclaimed", "bin-", "page", "file"]


def is_of(kind: str, path: str) -> bool:
    if kind == "page":
        return path.endswith(".index.json")
    if kind == "file":
        return path.endswith(".whl")
    name = path.rpartition("/")[2]
    return path.startswith(BASE) and (name.removesuffix(".json").partition(".")[2] or "timestamp").startswith(kind)


@pytest.mark.parametrize("kind", FLIPPED)
def test_a_flipped_bit_is_refused_and_the_honest_mirror_works_afterwards(
    mirror: HostileMirror, machine: Machine, kind: str
) -> None:
    flipped: list[str] = []

    def alter(path: str, body: bytes) -> bytes:
        if not is_of(kind, path):
            return body
        flipped.append(path)
        return flip(body)

    mirror.overlay, mirror.alter = Forgery(mirror.index).overlay(), alter  # a publication that is new to the client
    done = machine.install("demo")
    assert flipped, "the attack was not played"
    assert done.returncode != 0
    assert "indexsite" in done.stderr
    assert machine.installed() == set()
    mirror.alter = lambda path, body: body
    assert machine.install("demo").returncode == 0
    assert machine.installed() == {"demo"}


@pytest.mark.parametrize("kind", ["timestamp", "snapshot", "bin-", "page", "file"])
def test_endless_data_is_refused(mirror: HostileMirror, machine: Machine, kind: str) -> None:
    asked: list[str] = []
    mirror.overlay = Forgery(mirror.index).overlay()  # a publication that is new to the client

    def is_endless(path: str) -> bool:
        if is_of(kind, path):
            asked.append(path)
        return is_of(kind, path)

    mirror.endless = is_endless
    assert machine.install("demo").returncode != 0
    assert asked, "the attack was not played"
    assert machine.installed() == set()


def test_an_old_timestamp_is_refused_by_a_client_that_remembers_a_newer_one(
    mirror: HostileMirror, machine: Machine
) -> None:
    old = mirror.index.get(f"{BASE}timestamp.json").body
    assert mirror.index.post_upload(*wheel("newer", "1.0"), token=mirror.index.token()).status == 200
    mirror.index.wait_until_settled()
    assert machine.install("other").returncode == 0
    mirror.overlay = {f"{BASE}timestamp.json": old}
    done = machine.install("demo")
    assert done.returncode != 0
    assert machine.installed() == {"other"}


def test_expired_metadata_is_refused(mirror: HostileMirror, machine: Machine) -> None:
    mirror.overlay = Forgery(mirror.index).overlay(valid=timedelta(seconds=-1))
    done = machine.install("demo")
    assert done.returncode != 0
    assert "expired" in done.stderr
    assert machine.installed() == set()


def test_what_the_online_key_alone_signs_is_accepted_so_the_other_refusals_mean_something(
    mirror: HostileMirror, machine: Machine
) -> None:
    mirror.overlay = Forgery(mirror.index).overlay()
    assert machine.install("demo").returncode == 0


def claimed_demo(index: RunningIndex) -> Forgery:
    """A publication in which the developers of `demo` have claimed it, by the offline keys, and vouch for nothing."""
    forgery, developer = Forgery(index), new_signer()
    for role, child, path, terminating, keys, names in [
        ("claimed", "claimed-d", "d*/*", False, None, ["offline/claimed-1", "offline/claimed-2"]),
        ("claimed-d", "project-demo", "demo/*", True, keys_of(developer), ["offline/claimed-1", "offline/claimed-2"]),
    ]:
        signers = [signer_of(index, name) for name in names]
        delegations = delegation_to([(child, keys or keys_of(*signers))], path=path, terminating=terminating)
        forgery.add(targets_signed(forgery.header(role), targets={}, delegations=delegations), *signers)
    return forgery


def add_theft(forgery: Forgery, files: dict[str, bytes]) -> None:
    """A thief of the online key delegates `project-demo` to himself in recently-claimed, and signs a file there."""
    thief, online = new_signer(), signer_of(forgery.index, "online")
    delegations = delegation_to([("project-demo", keys_of(thief))], path="demo/*", terminating=True)
    forgery.add(targets_signed(forgery.header("recently-claimed"), targets={}, delegations=delegations), online)
    targets = {}
    for path, body in files.items():
        targets[path] = target_entry(sha256=hashlib.sha256(body).hexdigest(), length=len(body))
    forgery.add(targets_signed(forgery.header("project-demo"), targets=targets), thief)


ORDERS: dict[str, tuple[str, ...]] = {"the claimed project first": ("demo",), "another first": ("other", "demo")}


@pytest.mark.parametrize("order", ORDERS.values(), ids=list(ORDERS))
def test_a_thiefs_delegation_of_a_claimed_role_name_is_refused_in_both_orders(
    mirror: HostileMirror, machine: Machine, order: tuple[str, ...]
) -> None:
    filename, evil = wheel("demo", "9.0")
    forgery = claimed_demo(mirror.index)
    add_theft(forgery, {f"demo/{filename}": evil, **thiefs_page(filename, evil)})
    mirror.overlay = forgery.overlay() | thiefs_files(filename, evil)
    assert any("project-demo" in delegated_roles(json_of(each.content)) for each in forgery.documents)
    done = machine.install(*order, installer="pip")
    assert done.returncode != 0
    assert machine.installed() == set()


def test_a_delegation_of_another_projects_paths_is_refused(mirror: HostileMirror, machine: Machine) -> None:
    forgery, thief = Forgery(mirror.index), new_signer()
    delegations = delegation_to([("project-other", keys_of(thief))], path="demo/*", terminating=True)
    online = signer_of(mirror.index, "online")
    forgery.add(targets_signed(forgery.header("recently-claimed"), targets={}, delegations=delegations), online)
    forgery.add(targets_signed(forgery.header("project-other"), targets={}), thief)
    mirror.overlay = forgery.overlay()
    done = machine.install("demo")
    assert done.returncode != 0
    assert "recently-claimed" in done.stderr
    assert machine.installed() == set()


def thiefs_page(filename: str, body: bytes) -> dict[str, bytes]:
    file = PageFile(filename, hashlib.sha256(body).hexdigest(), len(body), "2026-01-01T00:00:00.000000Z")
    return {"demo/index.json": page_bytes(ProjectPage(normalize_name("demo"), (file,)))}


def thiefs_files(filename: str, body: bytes) -> dict[str, bytes]:
    [(_, page)] = thiefs_page(filename, body).items()
    base = "/tuf/targets/demo/"
    return {
        f"{base}{hashlib.sha256(page).hexdigest()}.index.json": page,
        f"{base}{hashlib.sha256(body).hexdigest()}.{filename}": body,
    }


def json_of(content: bytes) -> dict[str, object]:
    signed: dict[str, object] = json.loads(content)["signed"]
    return signed


@pytest.mark.parametrize("line", ["--extra-index-url {url}/simple/", "--find-links {url}/files/", "demo @ {url}/d.whl"])
@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_a_requirements_file_never_leads_to_another_source(
    mirror: HostileMirror, machine: Machine, tmp_path: Path, line: str, installer: str
) -> None:
    asked: list[str] = []

    def note(path: str, body: bytes) -> bytes:
        asked.append(path)
        return body

    with HostileMirror(mirror.index) as elsewhere:
        elsewhere.alter = note
        requirements = tmp_path / "requirements.txt"
        requirements.write_text(f"other\n{line.format(url=elsewhere.url)}\n")
        done = machine.install("-r", str(requirements), installer=installer)
    assert done.returncode != 0
    assert asked == []
    assert machine.installed() == set()
