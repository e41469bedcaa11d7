"""Names of key holders in root: said to whoever signs, wished away by an option, bounded wherever they are read."""

import json
from pathlib import Path
from typing import Any

import pytest

from client.tests.ceremonies import HOLDERS, Desk
from indexsite_client import protocol
from indexsite_client.ceremony.errors import CopiesDifferError, DraftError
from indexsite_client.protocol import HoldersError, Json

CASES: dict[str, Any] = json.loads((Path(__file__).with_name("golden") / "holders.json").read_bytes())  # Any: documents


def ids_of(desk: Desk) -> dict[str, str]:
    return {desk.read(f"keys/{holder}.json")["keyid"]: holder for holder in HOLDERS}


def named(desk: Desk, file: str) -> Json:
    return dict(protocol.holders_named(desk.read(file)["signed"]))


def test_root_names_the_holder_of_each_key_and_says_so_before_it_is_signed(desk: Desk) -> None:
    desk.begin().make_keys("online", *HOLDERS).run("draft")
    said = desk.sign("alice", "bob")
    assert named(desk, "metadata/1.root.json") == ids_of(desk)
    for keyid, holder in ids_of(desk).items():
        assert f'The key of {holder} {keyid[:8]} is named in public as that of "{holder}".' in said


def test_nobody_is_named_where_the_ceremony_began_so_or_is_older(desk: Desk) -> None:
    desk.begin("--no-names").make_keys("online", *HOLDERS).run("draft")
    assert "in public" not in desk.sign("alice", "bob")
    assert "holders" not in desk.read("metadata/1.root.json")["signed"]["x-indexsite"]
    assert "Nothing new to draft." in desk.run("draft")


def test_names_come_and_go_with_the_next_root(desk: Desk) -> None:
    desk.complete("--no-names")
    assert "Drafted 2.root.json" in desk.run("draft", "--names")
    assert '"alice"' in desk.sign("alice", "bob")
    assert named(desk, "metadata/2.root.json") == ids_of(desk)
    assert "Nothing new to draft." in desk.run("draft")
    before = ids_of(desk)
    desk.run("key", "--holder", "carol", "--replace", passphrase=True)
    desk.run("draft")
    said = desk.sign("alice", "bob")
    assert named(desk, "metadata/3.root.json") == ids_of(desk) != before
    [gone] = before.keys() - ids_of(desk).keys()
    assert f"The key of carol (former key) {gone[:8]} is named in public no more." in said
    desk.run("draft", "--no-names")
    assert desk.sign("alice", "bob").count("is named in public no more.") == 2 * len(HOLDERS)
    assert named(desk, "metadata/4.root.json") == {}


def test_who_signs_sees_a_name_that_is_not_the_folders(drafted: Desk) -> None:
    file = drafted.folder / "drafts" / "1.root.json"
    root = json.loads(file.read_bytes())
    [keyid] = [keyid for keyid, holder in ids_of(drafted).items() if holder == "bob"]
    root["signed"]["x-indexsite"]["holders"][keyid] = "mallory"
    file.write_text(json.dumps(root))
    said = drafted.run("sign", "--as", "alice", stdin="n\n" * 9)
    assert f'The key of bob {keyid[:8]} is named in public as that of "mallory".' in said


def test_copies_that_answer_otherwise_are_not_merged(desk: Desk) -> None:
    copy = desk.begin().copy("carol")
    plan = copy.read("ceremony.json")
    del plan["names"]
    (copy.folder / "ceremony.json").write_text(json.dumps(plan))
    with pytest.raises(CopiesDifferError, match="whether root names"):
        desk.run("merge", copy.folder)


@pytest.mark.parametrize("case", CASES["allowed"], ids=lambda case: case["says"])
def test_a_root_may_name(case: Json) -> None:
    assert protocol.holders_named(case["signed"]) == case["signed"]["x-indexsite"].get("holders", {})


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["says"])
def test_a_root_may_not_name(case: Json) -> None:
    with pytest.raises(HoldersError):
        protocol.holders_named(case["signed"])


def test_a_root_names_a_bounded_number() -> None:
    most = {f"{number:064x}": "x" * 80 for number in range(200)}
    signed: Json = {"x-indexsite": {"holders": most}}
    assert len(protocol.holders_named(signed)) == 200
    most["f" * 64] = "one more"
    with pytest.raises(HoldersError, match="at most 200"):
        protocol.holders_named(signed)


def test_a_draft_with_names_out_of_bounds_is_refused(drafted: Desk) -> None:
    file = drafted.folder / "drafts" / "1.root.json"
    root = json.loads(file.read_bytes())
    root["signed"]["x-indexsite"]["holders"] = {"0" * 64: "x" * 81}
    file.write_text(json.dumps(root))
    with pytest.raises(DraftError, match="no name of 1 to 80"):
        drafted.run("status")
