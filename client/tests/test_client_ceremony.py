"""The ceremony by its command line, without network: what it makes, python-tuf takes, year after year."""

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Root, Targets

from client.tests.ceremonies import HOLDERS, Desk
from client.tests.index_simulator import new_signer
from indexsite_client import protocol
from indexsite_client.ceremony.documents import Document
from indexsite_client.ceremony.errors import DraftError, KeyRefusedError
from indexsite_client.protocol import RoleHeader, RoleKeys, check_shape

FIRST = {"1.root.json", "1.targets.json", "1.claimed.json", "1.unclaimed.json"}


def check_as_clients(desk: Desk, *, roots: range, **versions: int) -> None:
    """Python-tuf's own verification of a chain of roots, and of the offline roles below the newest."""
    trusted: Root | None = None
    for number in roots:
        metadata = Metadata[Root].from_file(str(desk.folder / f"metadata/{number}.root.json"))
        for signer in filter(None, (trusted, metadata.signed)):
            signer.verify_delegate("root", metadata.signed_bytes, metadata.signatures)
        trusted = metadata.signed
    delegator: Root | Targets | None = trusted
    for role in ("targets", "claimed", "unclaimed"):
        document = Metadata[Targets].from_file(str(desk.folder / f"metadata/{versions.get(role, 1)}.{role}.json"))
        assert delegator
        delegator.verify_delegate(role, document.signed_bytes, document.signatures)
        check_shape(role, document.signed.to_dict(), index_id=desk.read("ceremony.json")["index"])
        delegator = document.signed if role == "targets" else delegator


def test_a_whole_ceremony_makes_what_python_tuf_verifies(drafted: Desk) -> None:
    assert drafted.names("drafts") == FIRST
    alice = drafted.sign("alice")
    assert "root: version 1, the first." in alice
    assert "root: 2 of 3 must sign: alice " in alice
    assert "in 365 days." in alice
    assert "the bins: 1 of 1 must sign: online " in alice
    assert "256 succinct bins" in alice
    assert drafted.names("metadata") == set()
    bob = drafted.sign("bob")

    assert (drafted.names("metadata"), drafted.names("drafts")) == (FIRST, set())
    assert bob.count("Complete: metadata/") == 4
    check_as_clients(drafted, roots=range(1, 2))
    root = Metadata[Root].from_file(str(drafted.folder / "metadata/1.root.json")).signed
    assert root.unrecognized_fields["x-indexsite"]["development"] is False
    assert {name: role.threshold for name, role in root.roles.items()} == {
        "root": 2, "targets": 2, "timestamp": 1, "snapshot": 1
    }  # fmt: skip
    assert [len(root.roles[name].keyids) for name in ("root", "targets", "timestamp")] == [3, 2, 1]


def test_a_document_needs_its_whole_threshold(drafted: Desk) -> None:
    drafted.sign("carol", "alice")  # carol holds root and claimed only
    assert drafted.names("metadata") == {"1.root.json"}  # claimed waits for targets, which names its keys
    drafted.sign("bob")
    assert drafted.names("metadata") == FIRST


def test_nothing_private_is_in_the_folder_and_key_files_are_their_owners(finished: Desk) -> None:
    files = [path for path in finished.folder.rglob("*") if path.is_file() and path.name != ".lock"]
    assert not [path for path in files if b"PRIVATE" in path.read_bytes() or b"ciphertext" in path.read_bytes()]
    keys = list(Path(os.environ["XDG_DATA_HOME"], "indexsite/ceremony-keys").iterdir())
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}
    assert min(json.loads(path.read_bytes())["kdf"]["memory"] for path in keys) >= 64 * 1024


def test_a_lost_key_is_replaced_and_clients_follow(finished: Desk) -> None:
    said = finished.run("key", "--holder", "bob", "--replace", passphrase=True)
    assert "Key of bob" in said
    assert "2.root.json, 2.targets.json, 2.unclaimed.json, 2.claimed.json should come next" in said
    drafted = finished.run("draft")
    assert {"2.root.json", "2.targets.json", "2.unclaimed.json"} <= finished.names("drafts")
    assert "Drafted 2.root.json" in drafted
    alice = finished.sign("alice")
    assert "root: new key, bob " in alice
    assert "root: no more, bob (former key) " in alice
    assert finished.names("metadata") == FIRST
    assert "2 signatures needed by the keys of 1.root.json" in finished.run("status")
    finished.sign("carol")  # alice and carol are two of the old and of the new keys
    finished.sign("bob")
    check_as_clients(finished, roots=range(1, 3), targets=2, claimed=2, unclaimed=2)
    assert finished.names("drafts") == set()


def test_a_former_key_that_is_at_hand_counts_for_the_old_threshold(finished: Desk) -> None:
    for name in ("bob", "carol"):
        finished.run("key", "--holder", name, "--replace", passphrase=True)
    finished.run("draft")
    finished.sign("bob", "carol")  # with their old keys, two of three, and their new ones
    assert "2.root.json" in finished.names("metadata")
    assert len(finished.read("metadata/2.root.json")["signatures"]) == 4


def test_new_keys_alone_do_not_make_the_next_root(finished: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bob", "carol"):
        finished.run("key", "--holder", name, "--replace", "--file", f"{finished.folder}.{name}", passphrase=True)
    finished.run("draft")
    monkeypatch.setenv("XDG_DATA_HOME", str(finished.folder))  # where no old key lies
    for name in ("bob", "carol"):
        finished.run("sign", "--as", name, "--key", f"{finished.folder}.{name}", stdin="y\n" * 9, passphrase=True)
    assert "2.root.json" not in finished.names("metadata")
    assert "0 of 2 signatures needed by the keys of 1.root.json" in finished.run("status")


def test_a_role_is_renewed_by_name_and_nothing_else(finished: Desk) -> None:
    assert "Nothing new to draft" in finished.run("draft")
    assert finished.names("drafts") == set()
    finished.run("draft", "claimed")
    assert finished.names("drafts") == {"2.claimed.json"}
    said = finished.sign("bob", "carol")
    assert "claimed: version 2 after 1." in said
    check_as_clients(finished, roots=range(1, 2), claimed=2)


def test_a_threshold_is_changed_by_the_old_holders(finished: Desk) -> None:
    finished.run("draft", "--threshold", "root=3", "--days", "root=100")
    said = finished.sign("alice", "bob")
    assert "root: the threshold becomes 3, from 2." in said
    assert finished.names("drafts") == {"2.root.json"}
    finished.sign("carol")
    check_as_clients(finished, roots=range(1, 3))
    assert finished.read("ceremony.json")["roles"]["root"]["threshold"] == 3


def test_a_holder_leaves_for_another(finished: Desk) -> None:
    with pytest.raises(Exception, match=r"Keys are missing: dora"):
        finished.run("draft", "--role", "root=alice,bob,dora", "--role", "claimed=alice,bob,dora")
    finished.make_keys("dora").run("draft")
    assert "carol" not in finished.read("ceremony.json")["roles"]["root"]["holders"]
    finished.sign("alice", "carol")
    assert "2.root.json" in finished.names("drafts")
    finished.sign("dora")
    assert "2.root.json" in finished.names("metadata")


def test_the_hashes_for_paper_are_those_of_the_files(finished: Desk) -> None:
    said = finished.run("paper")
    data = (finished.folder / "metadata/1.root.json").read_bytes()
    assert hashlib.sha256(data).hexdigest() in said.replace(" ", "").replace("\n", " ")
    assert finished.read("keys/alice.json")["keyid"] in said


def test_what_is_signed_already_stays_when_it_is_drafted_again(drafted: Desk) -> None:
    drafted.sign("alice")
    before = (drafted.folder / "drafts/1.root.json").read_bytes()
    assert "Nothing new to draft" in drafted.run("draft")
    assert (drafted.folder / "drafts/1.root.json").read_bytes() == before
    with pytest.raises(DraftError, match="people have signed"):
        drafted.run("draft", "--threshold", "root=3")
    drafted.run("draft", "--anew")
    assert not json.loads((drafted.folder / "drafts/1.root.json").read_bytes())["signatures"]


def test_discarded_keys_sign_once_and_cost_a_root_ceremony(desk: Desk) -> None:
    said = desk.run("init", "--holders", "alice,bob", "--discard", "targets", "--discard", "unclaimed")
    assert "becomes a root ceremony" in said
    desk.make_keys("online", "alice", "bob")
    assert "becomes a root ceremony" in desk.run("draft")
    desk.sign("alice", "bob")
    assert desk.names("metadata") == FIRST
    check_as_clients(desk, roots=range(1, 2))

    assert "Nothing new" in desk.run("draft")
    desk.run("draft", "unclaimed")
    assert desk.names("drafts") == {"2.root.json", "2.targets.json", "2.unclaimed.json"}
    assert "Nothing new" in desk.run("draft")
    desk.sign("alice", "bob")
    check_as_clients(desk, roots=range(1, 3), targets=2, unclaimed=2)


# --- after a development ceremony ---


@pytest.fixture
def exported(desk: Desk) -> Desk:
    """What the server exports of a development ceremony: root 5, targets 3, claimed 7, unclaimed 2; 16 bins."""
    signer = new_signer()
    keys = RoleKeys({signer.public_key.keyid: signer.public_key.to_dict()}, 1)
    by_role = dict.fromkeys([*protocol.TOP_LEVEL, *protocol.TARGETS_DELEGATIONS, protocol.BIN_PREFIX], keys)
    (desk.folder / "metadata").mkdir(parents=True)
    for role, version in {"root": 5, "targets": 3, "claimed": 7, "unclaimed": 2}.items():
        header = RoleHeader(role, version, datetime.now(UTC) + timedelta(days=300), "the-index")
        signed = protocol.offline_signed(header, by_role, bins=protocol.Bins(16), development=True)
        document = Document(signed)
        document = document.with_signature(signer.sign(document.payload).to_dict())
        (desk.folder / "metadata" / document.filename).write_bytes(document.content)
    return desk


def test_a_real_ceremony_goes_on_from_a_development_one(exported: Desk) -> None:
    exported.begin().make_keys("online", *HOLDERS).run("draft")
    assert exported.names("drafts") == {"6.root.json", "4.targets.json", "8.claimed.json", "3.unclaimed.json"}
    said = exported.sign("alice", "bob")
    assert "A new chain of trust begins" in said

    plan = exported.read("ceremony.json")
    assert (plan["index"], plan["bins"]) == ("the-index", 16)
    check_as_clients(exported, roots=range(6, 7), targets=4, claimed=8, unclaimed=3)
    old = Metadata[Root].from_file(str(exported.folder / "metadata/5.root.json")).signed
    new = Metadata[Root].from_file(str(exported.folder / "metadata/6.root.json"))
    with pytest.raises(Exception, match="was signed by 0/1 keys"):
        old.verify_delegate("root", new.signed_bytes, new.signatures)


def test_the_bins_of_an_index_may_change_in_its_first_real_ceremony(exported: Desk) -> None:
    exported.begin("--bins", "32")
    assert exported.read("ceremony.json")["bins"] == 32


def test_another_number_and_style_of_bins_is_drafted_and_told_to_its_signers(finished: Desk) -> None:
    assert "Drafted 2.unclaimed.json" in finished.run("draft", "--bins", "1024", "--bin-style", "explicit")
    assert finished.names("drafts") == {"2.unclaimed.json"}
    assert "The bins: 1024 explicit bins, from 256 succinct bins." in finished.sign("alice", "bob")
    check_as_clients(finished, roots=range(1, 2), unclaimed=2)
    plan = finished.read("ceremony.json")
    assert (plan["bins"], plan["bin_style"]) == (1024, "explicit")
    assert "1024 explicit bins" in finished.run("status")
    with pytest.raises(Exception, match="power of two from 2 to 16384"):
        finished.run("draft", "--bins", "1000")


def test_a_crash_between_two_files_is_mended_by_the_next_command(finished: Desk) -> None:
    document = (finished.folder / "metadata/1.targets.json").read_bytes()
    (finished.folder / "drafts").mkdir(exist_ok=True)
    (finished.folder / "drafts/1.targets.json").write_bytes(document)  # published, but not taken away yet
    assert "Nothing. Give metadata/" in finished.run("status")


def test_another_ones_key_file_signs_nothing(drafted: Desk) -> None:
    keyid = drafted.read("keys/bob.json")["keyid"]
    [bob] = Path(os.environ["XDG_DATA_HOME"], "indexsite/ceremony-keys").glob(f"*-bob-{keyid[:8]}.key")
    with pytest.raises(KeyRefusedError, match="name the right file"):
        drafted.run("sign", "--as", "alice", "--key", bob, stdin="y\n", passphrase=True)


# --- claimed projects ---


@pytest.fixture
def claiming(finished: Desk) -> Desk:
    """A ceremony whose claimed delegates already: version 2, signed by alice and bob."""
    before = finished.read("metadata/1.claimed.json")["signed"]
    by = finished.read("metadata/1.targets.json")["signed"]["delegations"]
    [entry] = [each for each in by["roles"] if each["name"] == "claimed"]
    keys = RoleKeys({keyid: by["keys"][keyid] for keyid in entry["keyids"]}, entry["threshold"])
    delegations = protocol.delegation_to([("claimed-d", keys)], path="d*/*", terminating=False)
    document = Document({**before, "version": 2, "delegations": delegations})
    for name in ("alice", "bob"):
        document = document.with_signature(finished.private_key(name).sign(document.payload).to_dict())
    (finished.folder / "metadata/2.claimed.json").write_bytes(document.content)
    return finished


def test_claimed_projects_stay_when_claimed_is_renewed(claiming: Desk) -> None:
    claiming.run("draft", "claimed")
    said = claiming.sign("alice", "carol")
    assert "claimed: version 3 after 2." in said
    kept = [claiming.read(f"metadata/{version}.claimed.json")["signed"]["delegations"] for version in (2, 3)]
    assert kept[0] == kept[1]


def test_the_keys_of_claimed_stay_while_roles_below_it_have_them(claiming: Desk) -> None:
    said = claiming.run("key", "--holder", "carol", "--replace", passphrase=True)
    assert "keep the holders and keys of claimed" in said
    with pytest.raises(DraftError, match="keep the holders and keys of claimed"):
        claiming.run("draft")
    assert claiming.names("drafts") == set()
