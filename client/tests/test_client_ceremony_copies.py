"""Copies of a ceremony on other media: merged, exported, opened; what contradicts or is changed is refused by name."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from client.tests.ceremonies import HOLDERS, PASSPHRASE, Desk
from indexsite_client.ceremony.errors import CeremonyFolderError, CopiesDifferError, KeyRefusedError, PassphraseError
from indexsite_client.ceremony.sealing import seal_archive


def change(path: Path, what: Callable[[dict[str, object]], object]) -> None:
    said = json.loads(path.read_bytes())
    what(said)
    path.write_text(json.dumps(said, sort_keys=True, separators=(",", ":")))


def test_keys_and_signatures_that_were_made_apart_come_together(desk: Desk) -> None:
    desk.begin()
    copies = [desk.copy(name).make_keys(name) for name in HOLDERS]
    desk.make_keys("online").run("merge", *(copy.folder for copy in copies))
    assert desk.names("keys") == {"alice.json", "bob.json", "carol.json", "online.json"}
    desk.run("draft")
    copies = [desk.copy(f"{name}-again") for name in ("alice", "bob")]
    copies[0].sign("alice")
    copies[1].sign("bob")
    said = desk.run("merge", *(copy.folder for copy in copies))
    assert said.count("Complete: metadata/") == 4
    assert "nothing new" in desk.run("merge", copies[0].folder)
    back = copies[0].run("merge", desk.folder)
    assert back.count("Complete: metadata/") == 4
    assert (copies[0].folder / "metadata/1.root.json").read_bytes() == (
        desk.folder / "metadata/1.root.json"
    ).read_bytes()


def test_two_copies_that_were_completed_by_others_are_told_apart(drafted: Desk) -> None:
    other = drafted.copy("other")
    drafted.sign("alice", "bob")
    other.sign("alice", "carol")
    assert "is complete in both copies, with other signatures" in drafted.run("merge", other.folder)


def other_expiry(copy: Desk) -> None:
    path = copy.folder / "drafts/1.root.json"
    change(path, lambda said: said["signed"].update(expires="2031-01-01T00:00:00Z"))  # type: ignore[attr-defined]  # JSON


def other_threshold(copy: Desk) -> None:
    change(copy.folder / "ceremony.json", lambda said: said["roles"]["root"].update(days=9))  # type: ignore[index]  # JSON


def other_index(copy: Desk) -> None:
    for name in copy.names("drafts"):
        (copy.folder / "drafts" / name).unlink()
    change(copy.folder / "ceremony.json", lambda said: said.update(index="f" * 32))


def other_key(copy: Desk) -> None:
    (copy.folder / "keys/alice.json").unlink()
    copy.make_keys("alice")


def bad_signature(copy: Desk) -> None:
    signature = {"keyid": copy.read("keys/alice.json")["keyid"], "sig": "00" * 64}
    change(copy.folder / "drafts/1.root.json", lambda said: said.update(signatures=[signature]))


def strange_signature(copy: Desk) -> None:
    signature = {"keyid": "0" * 64, "sig": "00" * 64}
    change(copy.folder / "drafts/1.root.json", lambda said: said.update(signatures=[signature]))


DIFFERENCES = {
    other_expiry: "1.root.json says something else",
    other_threshold: "other holders, threshold or days for root",
    other_index: "has the index f",
    other_key: "another key of alice",
    bad_signature: "1.root.json bears a signature by alice .* that is not good",
    strange_signature: "1.root.json bears a signature by a key of nobody here",
}


@pytest.mark.parametrize(("differ", "says"), DIFFERENCES.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_a_copy_that_differs_is_refused_by_name_and_changes_nothing(
    drafted: Desk, differ: Callable[[Desk], None], says: str
) -> None:
    copy = drafted.copy("other")
    differ(copy)
    before = {path: path.read_bytes() for path in drafted.folder.rglob("*.json")}
    with pytest.raises(CopiesDifferError, match=says):
        drafted.run("merge", copy.folder)
    assert {path: path.read_bytes() for path in drafted.folder.rglob("*.json")} == before


def test_a_copy_that_is_further_is_not_merged_into_an_older_one(finished: Desk) -> None:
    copy = finished.copy("other")
    for _ in range(2):
        copy.run("draft", "claimed")
        copy.sign("alice", "bob")
    with pytest.raises(CopiesDifferError, match="go on in the copy that is further"):
        finished.run("merge", copy.folder)


# --- exports ---


def test_a_plain_export_is_a_ceremony_with_its_hashes(finished: Desk) -> None:
    out = finished.folder.parent / "stick"
    said = finished.run("export", out)
    assert (out / "hashes.txt").read_text() == said
    assert Desk(out).run("paper") == said
    assert not (out / "online.key").exists()
    with pytest.raises(CeremonyFolderError, match="not empty"):
        finished.run("export", out)


@pytest.fixture
def online_key(finished: Desk) -> Path:
    uri = finished.read("keys/online.json")["uri"]
    return Path(os.environ["XDG_DATA_HOME"], "indexsite/ceremony-keys", uri.removeprefix("file:"))


def test_a_sealed_export_opens_under_its_passphrase_only(finished: Desk, online_key: Path) -> None:
    archive, opened = finished.folder.parent / "archive", Desk(finished.folder.parent / "opened")
    finished.run("export", archive, "--sealed", "--with-online-key", online_key, passphrase=True)
    assert archive.stat().st_mode & 0o777 == 0o600
    assert b"alice" not in archive.read_bytes()
    assert finished.read("ceremony.json")["index"].encode() not in archive.read_bytes()

    def unseal(desk: Desk, passphrase_file: Path) -> str:
        return Desk(archive).run("open", desk.folder, "--passphrase-file", passphrase_file)

    other = finished.folder.parent / "other-passphrase"
    other.write_text("another passphrase\n")
    with pytest.raises(PassphraseError):
        unseal(opened, other)
    unseal(opened, finished.passphrase_file)
    assert opened.run("paper") == finished.run("paper")
    assert (opened.folder / "online.key").read_bytes() == online_key.read_bytes()
    assert (opened.folder / "online.key").stat().st_mode & 0o777 == 0o600

    whole = archive.read_bytes()
    for damaged in (whole[:-1], whole[:-20] + b"x" * 20, b"x" + whole, whole[:100]):
        archive.write_bytes(damaged)
        with pytest.raises((CeremonyFolderError, PassphraseError)):
            unseal(Desk(opened.folder.with_name("never")), finished.passphrase_file)
    assert not opened.folder.with_name("never").exists()


@pytest.mark.parametrize("name", ["../evil", "keys/../../evil.json", "/tmp/evil", "evil.json", "keys/.ssh/x.json"])
def test_archive_names_are_those_of_a_ceremony(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "archive"
    files = {"ceremony.json": "", name: base64.b64encode(b"evil").decode()}
    archive.write_bytes(seal_archive(json.dumps(files).encode(), PASSPHRASE))
    with pytest.raises(CeremonyFolderError, match="holds no ceremony"):
        Desk(archive).run("open", tmp_path / "out", passphrase=True)
    assert {path.name for path in tmp_path.iterdir()} == {"archive", "passphrase"}


def test_a_bare_key_is_never_exported(finished: Desk, tmp_path: Path) -> None:
    bare = tmp_path / "bare.pem"
    bare.write_text("-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(KeyRefusedError, match="under a passphrase"):
        finished.run("export", tmp_path / "out", "--with-online-key", bare)
    assert not (tmp_path / "out").exists()
