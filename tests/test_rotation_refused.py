"""What a replacement of keys refuses, in words, and a compromised key, which signs nothing beside the new one."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from indexsite_client.protocol import CLAIMED, ROOT, TARGETS, UNCLAIMED
from tests.ceremonies import write_documents, write_online_key
from tests.rotations import Index, WatchedStorage, following, keyids, online_signers
from tests.rotations import index as index  # a fixture
from tests.signing import add_file, signed_index
from tufsigning.core.canonical import read_object
from tufsigning.core.documents import Document
from tufsigning.core.offline import read_documents
from tufsigning.errors import NextKeyMissingError, OnlineKeyError, RotationHinderedError, StillTrustedError
from tufsigning.library import Library
from tufsigning.models import KeyRotation
from tufsigning.publisher import Publisher
from tufsigning.replacing import Replacement, begin, object_if_unready, replace_at_once

pytestmark = pytest.mark.django_db


def test_a_compromised_key_signs_nothing_beside_the_new_one(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    begin(new.documents, current=Library().current(), now=index.clock())  # which was healthy then
    WatchedStorage.look = None
    replace_at_once(new.documents, current=Library().current(), clock=index.clock, wait=index.wait)
    current = Library().current()
    assert read_object(current.timestamp)["signatures"][0]["keyid"] in keyids(new.ceremony)
    assert online_signers() == {keyids(new.ceremony)}
    assert not KeyRotation.objects.exists()
    index.clients.known_root = 3
    index.clients.look()
    index.upload("after")  # by a worker that has both settings still
    assert online_signers() == {keyids(new.ceremony)}


def test_documents_that_still_name_the_compromised_key_are_refused(index: Index, tmp_path: Path) -> None:
    both = replace(index.ceremony, online=(write_online_key(tmp_path / "new.pem").public_key, *index.ceremony.online))
    documents = read_documents(both.document(role, 3).content for role in (ROOT, TARGETS, UNCLAIMED))
    index.use_keys(index.old_key, tmp_path / "new.pem")
    with pytest.raises(StillTrustedError, match="--online --replace"):
        replace_at_once(documents, current=Library().current(), clock=index.clock, wait=index.wait)
    assert Library().current().root_version == 2


def test_a_worker_without_the_new_key_holds_the_new_root_back_and_says_so(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    rotation = begin(new.documents, current=Library().current(), now=index.clock())
    index.replacement().sign_with_both(rotation)
    index.use_keys(index.old_key, None)

    def wait(seconds: float) -> None:
        index.wait(seconds)
        object_if_unready(now=index.now)  # what its schedule does each second

    with pytest.raises(RotationHinderedError, match="start every worker anew"):
        Replacement(index.clock, wait).name_new_key(new.documents, rotation)
    assert Library().current().root_version == 2
    index.upload("meanwhile")  # it goes on with the old key alone
    index.use_keys(index.old_key, new.path)
    index.replacement().sign_with_both(rotation)
    index.replacement().name_new_key(new.documents, rotation)
    assert Library().current().root_version == 3


def test_each_order_of_mistakes_is_said_in_words_and_ends_well(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    with pytest.raises(NextKeyMissingError, match="set INDEXSITE_ONLINE_KEY_NEXT"):
        begin(new.documents, current=Library().current(), now=index.clock())
    index.use_keys(new.path, None)  # moved too early
    add_file("early")
    with pytest.raises(OnlineKeyError, match="not the one that root names"):
        Publisher(Library()).publish_waiting(index.clock)
    index.use_keys(new.path, index.old_key)  # the other way round
    rotation = begin(new.documents, current=Library().current(), now=index.clock())
    assert rotation.old.keyid in keyids(index.ceremony)
    assert Publisher(Library()).publish_waiting(index.clock) == 1
    index.use_keys(new.path, None)
    add_file("moved")
    with pytest.raises(OnlineKeyError, match="INDEXSITE_ONLINE_KEY to the old key and INDEXSITE_ONLINE_KEY_NEXT"):
        Publisher(Library()).publish_waiting(index.clock)
    index.use_keys(index.old_key, new.path)
    index.replacement().sign_with_both(rotation)
    index.replacement().name_new_key(new.documents, rotation)
    index.clients.known_root = 3
    index.use_keys(tmp_path / "gone.pem", new.path)  # the old one was deleted before the settings were changed
    index.upload("last")


def test_what_clients_would_refuse_is_refused_before_anything_begins(index: Index, tmp_path: Path) -> None:
    new = following(index, tmp_path / "new.pem")
    index.use_keys(index.old_key, new.path)
    thief = new.ceremony.with_new_keys(TARGETS)
    wrong = [new.ceremony.document(ROOT, 3), thief.document(TARGETS, 3), new.ceremony.document(UNCLAIMED, 3)]
    write_documents(tmp_path / "wrong", wrong)
    for options in ({}, {"check": True}, {"compromised": True}):
        with pytest.raises(CommandError, match="targets document lacks signatures"):
            call_command("tuf_rotate", tmp_path / "wrong", **options)
    with pytest.raises(CommandError, match="Give the FOLDER"):
        call_command("tuf_rotate", compromised=True)
    with pytest.raises(CommandError, match="nothing to cancel"):
        call_command("tuf_rotate", cancel=True)
    assert not KeyRotation.objects.exists()
    assert Library().current().root_version == 2


def test_the_command_replaces_a_compromised_key(
    index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = following(index, tmp_path / "new.pem")
    write_documents(tmp_path / "ceremony", new.documents.all())
    index.use_keys(new.path, None)
    WatchedStorage.look = None
    for _ in range(2):  # again it changes nothing
        call_command("tuf_rotate", tmp_path / "ceremony", compromised=True)
        assert "no replacement is under way" in capsys.readouterr().out
    assert online_signers() == {keyids(new.ceremony)}
    assert Library().current().root_version == 3


def test_documents_that_are_in_force_are_skipped_with_a_word(
    index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    current = Library().current()
    known = [Document(ROOT, 2, current.roots[-1]), Document(TARGETS, 2, current.upper[TARGETS])]
    files = write_documents(tmp_path / "known", known)
    call_command("tuf_import", *files)
    assert capsys.readouterr().out.count("in force already") == 2
    claimed = write_documents(tmp_path / "new", [index.ceremony.document(CLAIMED, 3)])
    call_command("tuf_import", *files, *claimed)
    assert "published: claimed 3" in capsys.readouterr().out
    later = index.ceremony.document(TARGETS, 2, expires=index.clock() + timedelta(days=99))
    other = write_documents(tmp_path / "other", [later])
    with pytest.raises(CommandError, match="clients have seen 2"):
        call_command("tuf_import", *other)  # other bytes of a version that is in force


def test_a_development_ceremony_is_told_to_become_a_real_one(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_index(settings, tmp_path)
    call_command("tuf_rotate", check=True)
    said = capsys.readouterr().out
    assert "tuf_init FOLDER" in said
    assert "--online --replace" not in said
