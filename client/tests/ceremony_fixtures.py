"""Fixtures of the ceremony's tests: no socket opens, and a first ceremony is held once and copied."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from client.tests.ceremonies import Desk


@pytest.fixture(scope="module")
def no_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the ceremony opened a socket")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "socket", refuse)
        patch.setattr(socket, "create_connection", refuse)
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="module")
def first_ceremony(no_network: None, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Root, targets, claimed and unclaimed, signed by alice and bob."""
    return Desk(tmp_path_factory.mktemp("first") / "ceremony").complete()


@pytest.fixture
def finished(first_ceremony: Desk, tmp_path: Path) -> Desk:
    """A copy of the first ceremony, to change."""
    shutil.copytree(first_ceremony.folder, tmp_path / "ceremony")
    return Desk(tmp_path / "ceremony")


@pytest.fixture(scope="module")
def first_drafts(first_ceremony: Desk, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The same holders with drafts that nobody has signed."""
    desk = Desk(tmp_path_factory.mktemp("drafts") / "ceremony")
    for name in ("ceremony.json", "keys"):
        source, target = first_ceremony.folder / name, desk.folder / name
        desk.folder.mkdir(exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    desk.run("draft")
    return desk


@pytest.fixture
def drafted(first_drafts: Desk, tmp_path: Path) -> Desk:
    """A copy of the drafts, to sign."""
    shutil.copytree(first_drafts.folder, tmp_path / "ceremony")
    return Desk(tmp_path / "ceremony")


@pytest.fixture
def desk(no_network: None, tmp_path: Path) -> Desk:
    """An empty desk."""
    return Desk(tmp_path / "ceremony")
