"""What the ceremony refuses, by name, and that a refusal leaves the folder as it was."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from client.tests.ceremonies import Desk
from indexsite_client.ceremony.errors import (
    CeremonyFolderError,
    CeremonyPlanError,
    DraftError,
    MissingKeysError,
    NotExpectedError,
)
from indexsite_client.ceremony.folder import Folder
from indexsite_client.ceremony.plan import Plan, RolePlan
from indexsite_client.ceremony.telling import describe_status
from indexsite_client.cli import commands
from indexsite_client.errors import UsageError
from indexsite_client.protocol import OFFLINE_ROLES

BAD_BEGINNINGS = {
    ("--holders", "alice"): "threshold of 2 with 1",
    ("--holders", "alice,alice,bob"): "named twice",
    ("--holders", "alice,Bob!"): "no name for a key holder",
    ("--holders", "alice,../bob"): "no name for a key holder",
    ("--holders", "alice,online"): "no name for a key holder",
    ("--holders", "alice,bob", "--bins", "100"): "cannot be 100 bins",
    ("--holders", "alice,bob", "--bins", "32768"): "cannot be 32768 bins",
    ("--holders", "alice,bob", "--bins", "1"): "cannot be 1 bins",
    ("--holders", "alice,bob", "--threshold", "root=0"): "threshold of 0",
    ("--holders", "alice,bob", "--threshold", "root=3"): "threshold of 3 with 2",
    ("--holders", "alice,bob", "--days", "root=0"): "last 0 days",
    ("--holders", "alice,bob", "--days", "root=1827"): "last 1827 days",
    ("--holders", ",".join(f"holder{number}" for number in range(51))): "51 key holders",
}
BAD_USAGE = {
    ("--threshold", "root=two"): "no number",
    ("--threshold", "snapshot=1"): "not ROLE=VALUE",
    ("--days", "root=-1"): "no number",
    ("--role", "root"): "not ROLE=VALUE",
}


@pytest.mark.parametrize(("options", "says"), BAD_BEGINNINGS.items(), ids=lambda each: str(each)[:50])
def test_a_plan_that_no_ceremony_can_have_is_refused(desk: Desk, options: tuple[str, ...], says: str) -> None:
    with pytest.raises(CeremonyPlanError, match=says):
        desk.run("init", *options)
    assert not (desk.folder / "ceremony.json").exists()


@pytest.mark.parametrize(("options", "says"), BAD_USAGE.items(), ids=str)
def test_an_option_that_is_none_is_a_wrong_usage(desk: Desk, options: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        desk.run("init", "--holders", "alice,bob", *options)


def test_root_keys_cannot_be_discarded(desk: Desk) -> None:
    done = CliRunner().invoke(commands, ["ceremony", "init", str(desk.folder), "--discard", "root"])
    assert done.exit_code == 2


@given(st.integers(-2, 6), st.integers(0, 4), st.integers(-5, 2000))
def test_a_threshold_has_as_many_holders_or_more(threshold: int, holders: int, days: int) -> None:
    names = tuple(f"holder-{number}" for number in range(holders))
    role = RolePlan(threshold, days, names)
    if 1 <= threshold <= holders and 1 <= days <= 1826:
        assert Plan("an-index", dict.fromkeys(OFFLINE_ROLES, role)).holders == names
    else:
        with pytest.raises(CeremonyPlanError):
            Plan("an-index", dict.fromkeys(OFFLINE_ROLES, role))


def test_a_ceremony_begins_once(finished: Desk) -> None:
    with pytest.raises(CeremonyFolderError, match="has begun"):
        finished.begin()


def test_a_real_ceremony_goes_on_in_its_own_folder_only(finished: Desk) -> None:
    (finished.folder / "ceremony.json").unlink()
    with pytest.raises(CeremonyFolderError, match="comes from a real ceremony"):
        finished.begin()
    (finished.folder / "metadata/1.claimed.json").unlink()
    with pytest.raises(CeremonyFolderError, match="lacks claimed"):
        finished.begin()


# --- drafts and signatures ---


def test_drafting_names_whose_key_is_missing(desk: Desk) -> None:
    desk.begin()
    with pytest.raises(MissingKeysError, match="online, alice, bob, carol"):
        desk.run("draft")
    with pytest.raises(UsageError, match="no offline role"):
        desk.run("draft", "snapshot")


def test_nothing_is_signed_blindly(drafted: Desk) -> None:
    waiting = drafted.waiting("alice")
    assert len(waiting) == 4
    with pytest.raises(UsageError, match="blindly"):
        drafted.run("sign", "--as", "alice", "--yes", passphrase=True)
    with pytest.raises(NotExpectedError, match=r"--expect does not name 1\.unclaimed\.json"):
        drafted.run("sign", "--as", "alice", "--yes", *expecting(waiting[:3]), passphrase=True)
    with pytest.raises(NotExpectedError, match="no draft that waits"):
        drafted.run("sign", "--as", "alice", "--yes", *expecting([*waiting, "0" * 64]), passphrase=True)
    assert not any(drafted.read(f"drafts/{name}")["signatures"] for name in drafted.names("drafts"))

    drafted.run("sign", "--as", "alice", "--yes", *expecting(waiting), passphrase=True)
    assert all(len(drafted.read(f"drafts/{name}")["signatures"]) == 1 for name in drafted.names("drafts"))


def expecting(hashes: list[str]) -> list[str]:
    return [argument for each in hashes for argument in ("--expect", each)]


def test_no_is_no(drafted: Desk) -> None:
    drafted.run("sign", "--as", "alice", stdin="n\ny\nn\nn\n", passphrase=True)
    signed = {name for name in drafted.names("drafts") if drafted.read(f"drafts/{name}")["signatures"]}
    assert signed == {"1.targets.json"}


def test_a_holder_signs_once_and_only_what_they_hold(drafted: Desk) -> None:
    drafted.sign("carol")
    signed = {name for name in drafted.names("drafts") if drafted.read(f"drafts/{name}")["signatures"]}
    assert signed == {"1.root.json", "1.claimed.json"}
    assert "Nothing waits for carol" in drafted.sign("carol")
    with pytest.raises(CeremonyPlanError, match="'mallory' has no key here"):
        drafted.sign("mallory")


@pytest.mark.parametrize(
    ("field", "value"), [("delegations", {"keys": {}, "roles": []}), ("targets", {"demo/x": {}}), ("version", 7)]
)
def test_a_draft_that_clients_would_refuse_is_never_signed(drafted: Desk, field: str, value: object) -> None:
    path = drafted.folder / "drafts/1.targets.json"
    said = json.loads(path.read_bytes())
    said["signed"][field] = value
    path.write_text(json.dumps(said))
    with pytest.raises(DraftError, match=r"1\.targets\.json"):
        drafted.sign("alice")


def test_a_signature_over_something_else_does_not_count(drafted: Desk) -> None:
    drafted.sign("alice")
    path = drafted.folder / "drafts/1.root.json"
    said = json.loads(path.read_bytes())
    said["signed"]["expires"] = "2031-01-01T00:00:00Z"
    path.write_text(json.dumps(said))
    drafted.sign("bob")
    assert drafted.names("metadata") == set()
    assert "1 of 2 signatures needed" in drafted.run("status")


# --- the folder ---


def test_a_document_of_another_index_is_refused(finished: Desk) -> None:
    path = finished.folder / "metadata/1.claimed.json"
    said = json.loads(path.read_bytes())
    said["signed"]["x-indexsite"]["index"] = "another"
    path.write_text(json.dumps(said))
    with pytest.raises(CeremonyFolderError, match=r"1\.claimed\.json belongs to another index"):
        finished.run("status")


def test_a_draft_follows_the_newest_version(finished: Desk) -> None:
    finished.run("draft", "claimed")
    draft = finished.folder / "drafts/2.claimed.json"
    said = json.loads(draft.read_bytes())
    said["signed"]["version"] = 3
    draft.with_name("3.claimed.json").write_text(json.dumps(said))
    draft.unlink()
    with pytest.raises(CeremonyFolderError, match="does not follow the newest version"):
        finished.sign("alice")


def test_a_folder_that_is_none_is_named(desk: Desk) -> None:
    with pytest.raises(CeremonyFolderError, match="begin one with"):
        desk.run("status")


def test_what_lies_in_the_folder_is_bounded_and_regular(finished: Desk) -> None:
    root = finished.folder / "metadata/1.root.json"
    content = root.read_bytes()
    root.unlink()
    root.symlink_to("/dev/zero")
    with pytest.raises(CeremonyFolderError, match="no regular file"):
        finished.run("status")
    root.unlink()
    with open(root, "wb") as file:
        file.truncate(5_000_001)
    with pytest.raises(CeremonyFolderError, match="longer than any"):
        finished.run("status")
    for nonsense in (
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"signed": 1}',
        content[:-9],
        b'{"signed":{},"signatures":[]}',
    ):
        root.write_bytes(nonsense)
        with pytest.raises(DraftError, match=r"1\.root\.json"):
            finished.run("status")


def test_the_status_says_what_expires_and_what_is_not_signed(finished: Desk) -> None:
    ceremony = Folder(finished.folder).load()
    later = datetime.now(UTC) + timedelta(days=80)
    assert any("10 days left, SOON" in line for line in describe_status(ceremony, now=later))
    assert "2.claimed.json should come next" in describe_status(ceremony, now=later)[-1]
    assert any("EXPIRED" in line for line in describe_status(ceremony, now=later + timedelta(days=20)))
    path = finished.folder / "metadata/1.claimed.json"
    said = json.loads(path.read_bytes())
    path.write_text(json.dumps({**said, "signatures": said["signatures"][:1]}))
    assert "NOT SIGNED" in finished.run("status")


def test_a_refusal_is_one_sentence_and_exit_code_1(desk: Desk) -> None:
    command = [sys.executable, "-m", "indexsite_client", "ceremony", "status", str(desk.folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("indexsite: There is no ceremony in ")
