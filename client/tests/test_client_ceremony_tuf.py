"""A python-tuf client over the documents of a ceremony, and over those that an index puts beside them."""

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import DownloadHTTPError, RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Snapshot, Targets, Timestamp
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from client.tests.ceremonies import Desk

Signed = TypeVar("Signed", Snapshot, Targets, Timestamp)
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
BASE = "memory://metadata/"


class Shelf(FetcherInterface):
    """Serves from memory: the ceremony's tests open no socket."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            return iter([self.files[url.removeprefix(BASE)]])
        except KeyError:
            raise DownloadHTTPError("not there", 404) from None


def published(desk: Desk, number: int, signer: CryptoSigner | None = None) -> Shelf:
    """The ceremony's documents, and an online part of an index beside them."""
    files = {path.name: path.read_bytes() for path in (desk.folder / "metadata").iterdir()}
    newest = {name.split(".")[1]: int(name.split(".")[0]) for name in sorted(files, key=lambda n: int(n.split(".")[0]))}
    unclaimed = Metadata[Targets].from_bytes(files[f"{newest['unclaimed']}.unclaimed.json"]).signed
    assert unclaimed.delegations
    assert unclaimed.delegations.succinct_roles
    key = signer or desk.private_key("online")

    def sign(signed: Signed) -> bytes:
        metadata = Metadata(signed)
        metadata.sign(key)
        data: bytes = metadata.to_bytes()
        return data

    for role in ["recently-claimed", *unclaimed.delegations.succinct_roles.get_roles()]:
        files[f"{number}.{role}.json"] = sign(Targets(version=number, expires=LATER))
        newest[role] = number
    meta = {f"{role}.json": MetaFile(version) for role, version in newest.items() if role != "root"}
    files[f"{number}.snapshot.json"] = sign(Snapshot(version=number, expires=LATER, meta=meta))
    files["timestamp.json"] = sign(Timestamp(version=number, expires=LATER, snapshot_meta=MetaFile(number)))
    return Shelf(files)


def client(shelf: Shelf, folder: Path, *, bootstrap: bytes) -> Updater:
    folder.mkdir(exist_ok=True)
    config = UpdaterConfig(max_delegations=32)
    return Updater(str(folder), BASE, fetcher=shelf, config=config, bootstrap=bootstrap)


def test_a_client_goes_from_root_to_a_bin_and_follows_two_later_ceremonies(finished: Desk, tmp_path: Path) -> None:
    first = (finished.folder / "metadata/1.root.json").read_bytes()
    path = f"demo/{secrets.token_hex(8)}.whl"  # in whatever bin
    returning = tmp_path / "returning"
    assert client(published(finished, 1), returning, bootstrap=first).get_targetinfo(path) is None

    finished.run("key", "--holder", "bob", "--replace", passphrase=True)
    finished.run("draft")
    finished.sign("alice", "bob", "carol")
    finished.run("key", "--online", "--replace", passphrase=True)
    finished.run("draft")
    finished.sign("alice", "bob", "carol")
    assert "3.root.json" in finished.names("metadata")
    for folder in (returning, tmp_path / "new"):
        updater = client(published(finished, 2), folder, bootstrap=first)
        assert updater.get_targetinfo(path) is None
        assert json.loads((folder / "root.json").read_bytes())["signed"]["version"] == 3


def test_the_replaced_online_key_is_worth_nothing(finished: Desk, tmp_path: Path) -> None:
    first, old = (finished.folder / "metadata/1.root.json").read_bytes(), finished.private_key("online")
    finished.run("key", "--online", "--replace", passphrase=True)
    finished.run("draft")
    finished.sign("alice", "bob")
    with pytest.raises(RepositoryError, match="was signed by 0/1"):
        client(published(finished, 1, old), tmp_path / "client", bootstrap=first).refresh()


def test_old_keys_that_are_at_hand_sign_the_targets_of_a_new_root_too(finished: Desk) -> None:
    before = finished.read("metadata/1.root.json")["signed"]["roles"]["targets"]["keyids"]
    finished.run("key", "--holder", "bob", "--replace", passphrase=True)
    finished.run("draft")
    finished.sign("alice", "bob")
    after = finished.read("metadata/2.root.json")["signed"]["roles"]["targets"]["keyids"]
    assert set(after) != set(before)
    targets = finished.read("metadata/2.targets.json")
    assert {each["keyid"] for each in targets["signatures"]} == {*before, *after}
    finished.run("draft", "targets")
    finished.sign("alice", "bob")
    assert {each["keyid"] for each in finished.read("metadata/3.targets.json")["signatures"]} == set(after)
