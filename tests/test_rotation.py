"""A healthy online key is replaced: clients look after each write of a file, and none of them ever fails."""

from pathlib import Path

import pytest

from tests.rotations import Index, WatchedStorage, following, keyids, online_signers
from tests.rotations import index as index  # a fixture
from tests.signing import add_file
from tufsigning import records
from tufsigning.guiding import Standing, steps
from tufsigning.importing import finish_import, import_documents, take_documents
from tufsigning.library import Library
from tufsigning.models import KeyRotation, KeyUse
from tufsigning.publisher import Publisher
from tufsigning.replacing import Replacement, begin, replaces_online_key

pytestmark = pytest.mark.django_db


def test_no_client_fails_at_any_write_of_a_whole_rotation_while_uploads_go_on(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    current = Library().current()
    assert replaces_online_key(new.documents, current=current)

    rotation = begin(new.documents, current=current, now=index.clock())
    index.upload("between")
    assert index.replacement().sign_with_both(rotation) > 0
    assert online_signers() == {keyids(index.ceremony, new.ceremony)}
    index.upload("both")
    index.replacement().name_new_key(new.documents, rotation)
    index.clients.known_root = 3
    assert Library().current().root_version == 3
    index.upload("named")
    assert online_signers() == {keyids(index.ceremony, new.ceremony)}
    index.use_keys(new.path, None)
    index.upload("alone")
    index.replacement().drop_old()
    assert online_signers() == {keyids(new.ceremony)}
    index.upload("after")
    index.clients.path = "both/index.json"
    index.clients.look()
    assert index.clients.looks > 40
    assert not KeyRotation.objects.exists()


def test_without_both_signatures_clients_do_fail_between_root_and_timestamp(index: Index, tmp_path: Path) -> None:
    """What all this is for: the same documents, taken at once."""
    new = following(index, tmp_path / "new.pem")
    index.use_keys(new.path, None)
    with pytest.raises(Exception, match="timestamp was signed by 0/1 keys"):
        import_documents(new.documents, begins_chain=False, clock=index.clock, wait=index.wait)


def test_each_key_s_use_is_a_record_of_its_own(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    begin(new.documents, current=Library().current(), now=index.clock())
    index.upload("both")
    one, other = KeyUse.objects.order_by("-number")[:2]
    assert one.publication == other.publication
    assert one.digest == other.digest
    assert {one.key_id, other.key_id} == keyids(index.ceremony, new.ceremony)


def test_a_rotation_goes_on_where_it_was_left_at_each_step(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    rotation = begin(new.documents, current=Library().current(), now=index.clock())
    index.upload("both")  # the bins of one project have both signatures
    standing = Standing.now(Library())
    assert 0 < standing.unsigned < 5
    again = begin(new.documents, current=Library().current(), now=index.clock())
    assert again.keys == rotation.keys
    assert KeyRotation.objects.get().began_at == rotation.began_at
    index.replacement().sign_with_both(again)
    assert Standing.now(Library()).unsigned == 0
    assert index.replacement().sign_with_both(again) == 0  # nothing is signed twice
    take_documents(new.documents, begins_chain=False, now=index.clock())  # and killed there: a worker goes on
    assert finish_import(Publisher(Library()), index.clock)
    assert Standing.now(Library()).names_new
    index.clients.known_root = 3
    index.use_keys(new.path, None)
    records.end_rotation()  # and killed there
    standing = Standing.now(Library())
    assert standing.may_drop_old
    assert standing.surplus > 0
    index.replacement().drop_old()
    standing = Standing.now(Library())
    assert (standing.surplus, standing.may_drop_old) == (0, False)


def test_many_bins_are_signed_in_slices_with_uploads_in_between(index: Index, tmp_path: Path) -> None:
    WatchedStorage.look = None
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    rotation = begin(new.documents, current=Library().current(), now=index.clock())
    add_file("waiting")
    told: list[int] = []
    assert Replacement(index.clock, index.wait, told.append, slice_size=2).sign_with_both(rotation) >= 3
    assert told[-1] == 0
    assert Library().page_files(Library().current(), "waiting")  # type: ignore[arg-type]  # a normalised name
    assert online_signers() == {keyids(index.ceremony, new.ceremony)}


def test_a_rotation_may_be_cancelled_while_root_names_the_old_key(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    rotation = begin(new.documents, current=Library().current(), now=index.clock())
    index.replacement().sign_with_both(rotation)
    Standing.now(Library()).check_may_cancel()
    index.replacement().drop_old()
    assert online_signers() == {keyids(index.ceremony)}


def test_the_guide_says_what_is_next_at_each_step(index: Index, tmp_path: Path) -> None:
    def said() -> str:
        return " ".join(steps(Standing.now(Library())))

    new = following(index, tmp_path / "new.pem")
    assert "--online --replace" in said()
    index.use_keys(index.old_key, new.path)
    rotation = begin(new.documents, current=Library().current(), now=index.clock())
    assert "7 documents are not signed with both keys yet" in said()
    index.replacement().sign_with_both(rotation)
    assert "run tuf_rotate FOLDER" in said()
    index.replacement().name_new_key(new.documents, rotation)
    assert "set INDEXSITE_ONLINE_KEY to what INDEXSITE_ONLINE_KEY_NEXT says" in said()
    index.clients.known_root = 3
    index.use_keys(new.path, None)
    assert "it drops the old signature" in said()
    index.replacement().drop_old()
    assert "no replacement is under way" in said()
