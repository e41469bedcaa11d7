"""Each offline key is replaced, or its holders and threshold change: clients look after each write of a file."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from tuf.api.exceptions import UnsignedMetadataError

from indexsite_client.protocol import CLAIMED, OFFLINE_ROLES, ROOT, TARGETS, UNCLAIMED
from tests.ceremonies import Ceremony, new_signer, sign_elsewhere, write_online_key
from tests.rotations import Index, WatchedStorage, keyids, online_signers
from tests.rotations import index as index  # a fixture
from tufsigning.core.documents import Document, read_signed
from tufsigning.core.offline import read_documents
from tufsigning.importing import check_import, finish_import, import_documents
from tufsigning.library import Library
from tufsigning.publisher import Publisher
from tufsigning.replacing import begin

pytestmark = pytest.mark.django_db


def take(index: Index, documents: Iterable[Document]) -> None:
    """As tuf_import does."""
    new = read_documents(each.content for each in documents)
    check_import(new, current=Library().current(), begins_chain=False, now=index.clock())
    import_documents(new, begins_chain=False, clock=index.clock, wait=index.wait)
    index.clients.known_root = Library().current().root_version


@pytest.mark.parametrize("role", OFFLINE_ROLES)
def test_no_client_fails_at_any_write_while_a_role_s_keys_are_replaced(index: Index, role: str) -> None:
    old = index.ceremony.holders
    after = index.ceremony.with_new_keys(role)
    changed = {ROOT: [ROOT], TARGETS: [ROOT, TARGETS], CLAIMED: [TARGETS, CLAIMED], UNCLAIMED: [TARGETS, UNCLAIMED]}
    also_by = {each: old[each] if each == role and each in {ROOT, TARGETS} else () for each in changed[role]}
    take(index, [after.document(each, 3, also_by=also_by[each]) for each in changed[role]])
    current = Library().current()
    assert all(read_signed(current.upper[each])["version"] == 3 for each in changed[role] if each != ROOT)
    index.upload("after")
    looks = index.clients.looks
    index.clients.path = "after/index.json"
    index.clients.look()
    assert looks > 5


def test_a_targets_that_its_old_holders_did_not_sign_comes_with_its_root(index: Index) -> None:
    """Their key is lost: there is nothing that clients could take between the two writes."""
    after = index.ceremony.with_new_keys(TARGETS)
    with pytest.raises(UnsignedMetadataError):
        take(index, [after.document(each, 3) for each in (ROOT, TARGETS)])
    WatchedStorage.look = None
    assert finish_import(Publisher(Library()), index.clock)  # a worker goes on
    index.clients.known_root = 3
    index.clients.look()
    assert Library().current().root_version == 3


def test_a_holder_more_and_another_threshold_are_followed(index: Index) -> None:
    holders = {**index.ceremony.holders, ROOT: (*index.ceremony.holders[ROOT], new_signer())}
    signed = replace(index.ceremony, holders=holders).signed(ROOT, 3)
    signed["roles"][ROOT]["threshold"] = 3
    take(index, [sign_elsewhere(signed, holders[ROOT])])
    assert read_signed(Library().current().roots[-1])["roles"][ROOT]["threshold"] == 3
    index.upload("after")


def test_online_and_targets_keys_at_once_and_no_client_fails(index: Index, tmp_path: Path) -> None:
    path = tmp_path / "new.pem"
    before: Ceremony = index.ceremony
    after = replace(before.with_new_keys(TARGETS), online=(write_online_key(path).public_key,))
    index.use_keys(index.old_key, path)
    documents = [
        after.document(role, 3, also_by=before.holders[TARGETS] if role == TARGETS else ())
        for role in (ROOT, TARGETS, UNCLAIMED)
    ]
    new = read_documents(each.content for each in documents)
    rotation = begin(new, current=Library().current(), now=index.clock())
    index.replacement().sign_with_both(rotation)
    index.replacement().name_new_key(new, rotation)
    assert Library().current().root_version == 3
    assert online_signers() == {keyids(before, after)}
