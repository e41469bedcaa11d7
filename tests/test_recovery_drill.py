"""The drill of docs/recovery.md: a thief with the online key and the server, and what clients see until it is over."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.desks import Desk
from tests.distributions import wheel
from tests.running import RunningIndex, free_port
from tests.test_ceremony_journey import upload_and_see
from tests.test_tuf_init import Home, manage
from tests.thieves import FAR, rob
from tests.tuf_clients import NotListedError, TufClient, new_clients

Clients = dict[str, TufClient]
VICTIM, HONEST, LOST = (f"{name}/{name}-1.0-py3-none-any.whl" for name in ("victim", "honest", "lost"))


@dataclass
class Drill:
    """What was recovered, what the commands said, and the clients: by what they had seen before."""

    index: RunningIndex
    desk: Desk
    first_root: bytes
    clients: dict[str, Clients]
    forged: str
    said: dict[str, str]
    folder: Path


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    folder = tmp_path_factory.mktemp("drill")
    index = RunningIndex(folder / "data", free_port(), {"INDEXSITE_BINS": "4"}).start()
    try:
        yield _play(index, folder)
    finally:
        index.stop()


def _play(index: RunningIndex, folder: Path) -> Drill:
    token = index.token()
    for name in ("victim", "lost"):
        assert index.post_upload(*wheel(name, "1.0"), token=token).status == 200
    desk = Desk(folder / "desk", folder / "ceremony")
    desk.move(index)
    index.wait_until_listed("victim", "victim-1.0-py3-none-any.whl")
    index.wait_until_listed("lost", "lost-1.0-py3-none-any.whl")
    root, fingerprint = index.get("/tuf/metadata/2.root.json").body, index.fingerprint()
    user = Home(folder / "user")
    for arguments in (("trust", f"{index.url}/", "--fingerprint", fingerprint), ("mirror", str(folder / "mirror"))):
        done = user.indexsite(*arguments)
        assert done.returncode == 0, done.stderr
    clients = {when: new_clients(index.url, root, folder / when) for when in ("before", "robbed")}
    for client in [*clients["before"].values(), *clients["robbed"].values()]:
        client.download(VICTIM)
    upload_and_see(index, "honest")

    forged, sha256 = rob(index, "victim", "2.0", removing="lost")
    for client in clients["robbed"].values():
        assert hashlib.sha256(client.download(forged)).hexdigest() == sha256  # nothing tells them
    timestamp = index.get("/tuf/metadata/timestamp.json").json()["signed"]
    assert timestamp["version"] > FAR

    said = {
        "begun": index.manage(
            "tuf_recover", "online-keys", "--reference", str(folder / "mirror"), "--fingerprint", fingerprint
        )
    }
    refused = index.post_upload(*wheel("late", "1.0"), token=token)
    said["refused"] = f"{refused.status} {refused.text}"
    said["status"] = index.manage("tuf_recover", "--status")
    [work] = (index.data / "recovery").iterdir()
    decisions = (work / "decisions.txt").read_text()
    said["decisions"] = decisions
    (work / "decisions.txt").write_text(decisions.replace(f"restore  added  {HONEST}", f"keep  added  {HONEST}"))
    second = desk.make_key("online", "--replace")
    desk.ceremony("draft")
    desk.sign("alice", "bob")
    desk.use_online_key(index, second)
    done = manage(index, "tuf_recover", "online-keys", "--ceremony", desk.folder)
    assert done.returncode == 0, done.stderr
    said["published"] = done.stdout
    index.stop()
    index.start()
    return Drill(index, desk, root, clients, forged, said, folder)


def test_what_changed_since_the_copy_is_told(drill: Drill) -> None:
    said = drill.said["begun"]
    assert re.search(rf"added: {drill.forged}: .*; no entry of the journal explains it", said)
    assert re.search(rf"removed: {LOST}: .*; no entry of the journal explains it", said)
    assert re.search(rf"added: {HONEST}: .*; entry \d+ of .*: file.added by admin, token \d+", said)
    assert "indexsite ceremony key FOLDER --online --replace" in drill.said["status"]


def test_nothing_is_taken_while_a_recovery_is_under_way(drill: Drill) -> None:
    assert drill.said["refused"].startswith("503 ")
    assert "read-only at the moment: its keys are replaced after a break-in" in drill.said["refused"]


@pytest.mark.parametrize("kind", ["python-tuf", "tuf-js", "indexsite"])
@pytest.mark.parametrize("when", ["before", "robbed", "new"])
def test_every_client_follows_without_being_reinstalled(drill: Drill, when: str, kind: str) -> None:
    clients = drill.clients.get(when) or new_clients(drill.index.url, drill.first_root, drill.folder / f"new-{kind}")
    client = clients[kind]
    client.refresh()
    assert client.download(VICTIM) == wheel("victim", "1.0")[1]
    assert client.download(HONEST) == wheel("honest", "1.0")[1]
    assert client.download(LOST) == wheel("lost", "1.0")[1]
    with pytest.raises(NotListedError):
        client.download(drill.forged)
    assert [file.filename for file in client.page("victim").files] == ["victim-1.0-py3-none-any.whl"]


def test_versions_are_those_of_the_time_again_and_the_index_goes_on(drill: Drill) -> None:
    timestamp = drill.index.get("/tuf/metadata/timestamp.json").json()["signed"]
    assert timestamp["version"] < 2**31
    remembered = drill.folder / "robbed" / "indexsite" / "state" / "timestamp.json"
    drill.clients["robbed"]["indexsite"].refresh()
    assert json.loads(remembered.read_bytes())["signed"]["version"] < 2**31  # ours, so that we notice a rollback
    upload_and_see(drill.index, "afterwards")
    drill.clients["robbed"]["indexsite"].download("afterwards/afterwards-1.0-py3-none-any.whl")
    audit = manage(drill.index, "tuf_audit")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert "No recovery is under way. The last one: online-keys" in drill.index.manage("tuf_recover", "--status")


def test_the_forged_name_is_never_free_again_and_its_bytes_are_kept_as_evidence(drill: Drill) -> None:
    filename, content = wheel("victim", "2.0")
    reply = drill.index.post_upload(filename, content, token=drill.index.token())
    assert reply.status == 400, reply.text
    [work] = (drill.index.data / "recovery").iterdir()
    assert (work / "evidence" / hashlib.sha256(content).hexdigest()).read_bytes() == content
    assert str(FAR)[:10] in (work / "evidence" / "timestamp.json").read_text()
