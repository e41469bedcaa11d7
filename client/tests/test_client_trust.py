"""`indexsite trust`: which roots get pinned, and which never."""

import base64
import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from client.tests.homes import Home
from client.tests.hostile_mirror import HostileMirror, MirrorHandler
from client.tests.index_simulator import IndexSimulator, new_signer
from indexsite_client.credentials import Token, check_may_send, split_index_url
from indexsite_client.errors import ClientError, DevelopmentRootError, TrustConflictError, UsageError
from indexsite_client.fetcher import Downloads
from indexsite_client.pinning import Pin, normalize_fingerprint, pin_index
from indexsite_client.session import VerifiedSession
from indexsite_client.trusted import TrustedIndex, choose_index, replace_pin, trusted_indexes


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def pin(
    simulator: IndexSimulator, mirror: HostileMirror, *, development: bool = False, replace: bool = False
) -> TrustedIndex:
    asked = Pin(mirror.url, fingerprint=simulator.fingerprint, development=development, replace=replace)
    return pin_index(asked, token=None, environment_token=None)


def refresh(index: TrustedIndex) -> None:
    downloads = Downloads()
    session = VerifiedSession(index, downloads, cache=index.folder / "cache")
    try:
        session.refresh()
    finally:
        session.close()
        downloads.close()


def renew_root(simulator: IndexSimulator, *, development: bool | None = None) -> None:
    simulator.root.version += 1
    if development is not None:
        simulator.development = development
        simulator.extend(simulator.root, "root")
    simulator.publish_root()


def test_the_command_pins_and_chooses_the_only_index(
    home: Home, simulator: IndexSimulator, mirror: HostileMirror
) -> None:
    typed = ":".join(simulator.fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()

    done = home.indexsite("trust", mirror.url + "/", "--fingerprint", typed)

    assert (done.returncode, done.stderr) == (0, "")
    assert mirror.url in done.stdout
    assert home.run(*home.uv, "list", "--python", home.python).returncode == 0


def test_the_command_refuses_another_fingerprint_and_pins_nothing(
    home: Home, simulator: IndexSimulator, mirror: HostileMirror
) -> None:
    done = home.indexsite("trust", mirror.url, "--fingerprint", "0" * 64)

    assert done.returncode == 1
    assert simulator.fingerprint in done.stderr
    assert home.run(*home.pip, "--version").returncode == 1


def test_the_fingerprint_is_that_of_the_newest_root(simulator: IndexSimulator, mirror: HostileMirror) -> None:
    first = simulator.fingerprint
    renew_root(simulator)

    with pytest.raises(TrustConflictError):
        pin_index(Pin(mirror.url, fingerprint=first), token=None, environment_token=None)
    assert pin(simulator, mirror).index_id == "test-index"


def test_a_root_that_begins_a_chain_of_its_own_is_pinned_by_its_fingerprint_and_followed_by_nobody(
    simulator: IndexSimulator, mirror: HostileMirror
) -> None:
    before = pin(simulator, mirror)
    simulator.signers["root"] = [new_signer()]
    simulator.root.roles["root"].keyids = []
    simulator.root.add_key(simulator.signers["root"][0].public_key, "root")
    renew_root(simulator)

    with pytest.raises(ClientError, match="signatures"):
        refresh(before)
    with pytest.raises(ClientError, match="--replace"):
        pin(simulator, mirror)
    assert pin(simulator, mirror, replace=True).root_bytes() == simulator.served["/tuf/metadata/2.root.json"]


def test_a_root_file_is_pinned_without_a_fingerprint(simulator: IndexSimulator, mirror: HostileMirror) -> None:
    data = simulator.served["/tuf/metadata/1.root.json"]
    renew_root(simulator)

    index = pin_index(Pin(mirror.url, root=data), token=None, environment_token=None)

    assert index.root_bytes() == data
    assert (index.state / "root_history" / "2.root.json").exists()


def test_a_development_root_needs_the_option() -> None:
    simulator = IndexSimulator(development=True)
    with HostileMirror(simulator.served) as mirror:
        with pytest.raises(DevelopmentRootError, match="--development"):
            pin(simulator, mirror)
        assert pin(simulator, mirror, development=True).development


def test_the_option_does_not_pin_a_real_root(simulator: IndexSimulator, mirror: HostileMirror) -> None:
    with pytest.raises(DevelopmentRootError, match="omit"):
        pin(simulator, mirror, development=True)


@pytest.mark.parametrize("pinned", [True, False])
def test_a_client_never_crosses_between_development_and_real_roots(pinned: bool) -> None:
    simulator = IndexSimulator(development=pinned)
    with HostileMirror(simulator.served) as mirror:
        index = pin(simulator, mirror, development=pinned)
        renew_root(simulator, development=not pinned)

        with pytest.raises(DevelopmentRootError, match="new fingerprint"):
            refresh(index)


def test_another_root_replaces_a_pinned_one_only_when_asked(simulator: IndexSimulator, mirror: HostileMirror) -> None:
    pin(simulator, mirror)
    other = IndexSimulator(index_id="other-index")
    mirror.served = other.served

    with pytest.raises(TrustConflictError, match="--replace"):
        pin(other, mirror)
    assert choose_index(None).index_id == "test-index"

    pin(other, mirror, replace=True)
    assert [index.index_id for index in trusted_indexes()] == ["other-index"]


def test_trusting_again_keeps_what_is_remembered(simulator: IndexSimulator, mirror: HostileMirror) -> None:
    old = simulator.served["/tuf/metadata/timestamp.json"]
    simulator.publish()
    pin(simulator, mirror)
    simulator.served["/tuf/metadata/timestamp.json"] = old

    with pytest.raises(ClientError, match="version never goes back"):
        pin(simulator, mirror)


def test_trusting_again_keeps_what_another_process_has_remembered_meanwhile(
    simulator: IndexSimulator, mirror: HostileMirror
) -> None:
    index = pin(simulator, mirror)
    older = simulator.served["/tuf/metadata/timestamp.json"]
    simulator.version = 999
    simulator.publish()
    newer = simulator.served["/tuf/metadata/timestamp.json"]

    def remember(handler: MirrorHandler) -> None:
        (index.state / "timestamp.json").write_bytes(newer)
        handler.answer(200, older)

    mirror.behaviours["/tuf/metadata/timestamp.json"] = remember
    pin(simulator, mirror)

    assert json.loads((index.state / "timestamp.json").read_bytes())["signed"]["version"] == 1000


def test_a_crash_in_the_middle_of_a_replacement_leaves_the_old_pin(
    simulator: IndexSimulator, mirror: HostileMirror
) -> None:
    folder = pin(simulator, mirror).folder
    with pytest.raises(FileNotFoundError):
        replace_pin(folder.with_name("never-made"), folder)
    assert not folder.exists()

    assert choose_index(mirror.url).root_bytes() == simulator.served["/tuf/metadata/1.root.json"]


def test_a_crash_after_a_replacement_leaves_the_new_pin(simulator: IndexSimulator, mirror: HostileMirror) -> None:
    folder = pin(simulator, mirror).folder
    shutil.copytree(folder, folder.with_name(f".replaced-{folder.name}"))
    (folder / "root.json").write_bytes(b"new")

    assert choose_index(mirror.url).root_bytes() == b"new"
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == [folder.name]


def test_an_index_that_does_not_verify_is_not_pinned(simulator: IndexSimulator, mirror: HostileMirror) -> None:
    simulator.publish(timestamp_life=timedelta(hours=-1))

    with pytest.raises(ClientError, match="expired"):
        pin(simulator, mirror)
    assert trusted_indexes() == []


def test_one_of_several_indexes_must_be_chosen(simulator: IndexSimulator, mirror: HostileMirror) -> None:
    pin(simulator, mirror)
    with HostileMirror(simulator.served) as second:
        pin(simulator, second)

        with pytest.raises(ClientError, match="--index URL"):
            choose_index(None)
        assert choose_index(second.url + "/").url == second.url


def test_a_token_of_the_url_is_kept_for_the_user_alone_and_never_handed_to_the_installer(
    home: Home, simulator: IndexSimulator, mirror: HostileMirror
) -> None:
    mirror.credentials = "Basic " + base64.b64encode(b"__token__:se-cret").decode()
    url = mirror.url.replace("//", "//__token__:se-cret@")

    done = home.indexsite("trust", url, "--fingerprint", simulator.fingerprint)
    assert done.returncode == 0, done.stderr
    spy = home.folder / "pip"
    spy.write_text("#!/bin/sh\nenv\n")
    spy.chmod(0o755)
    shown = home.run(str(spy), "install", "demo-lib")
    installed = home.run(*home.installer("uv", "demo-lib"))

    assert installed.returncode == 0, installed.stderr
    assert "se-cret" not in done.stdout + done.stderr + shown.stdout + shown.stderr + installed.stderr
    stored = [path for path in (home.folder / "data").rglob("*") if path.is_file() and b"se-cret" in path.read_bytes()]
    assert [path.stat().st_mode & 0o777 for path in stored] == [0o600]
    assert not [p for p in (home.folder / "cache").rglob("*") if p.is_file() and b"se-cret" in p.read_bytes()]


def test_a_token_of_the_environment_is_sent_and_not_inherited(
    home: Home, simulator: IndexSimulator, mirror: HostileMirror
) -> None:
    mirror.credentials = "Basic " + base64.b64encode(b"__token__:se-cret").decode()
    refused = home.indexsite("trust", mirror.url, "--fingerprint", simulator.fingerprint)
    assert refused.returncode == 1
    assert "INDEXSITE_TOKEN" in refused.stderr

    home.environment["INDEXSITE_TOKEN"] = "se-cret"
    home.trust(simulator, mirror)
    spy = home.folder / "pip"
    spy.write_text("#!/bin/sh\nenv\n")
    spy.chmod(0o755)
    assert "se-cret" not in home.run(str(spy), "list").stdout
    assert not [p for p in home.folder.rglob("*") if p.is_file() and b"se-cret" in p.read_bytes()]


def test_a_token_never_crosses_a_network_in_the_clear() -> None:
    url, token = split_index_url("http://__token__:abc@packages.example.org/")

    assert url == "http://packages.example.org"
    with pytest.raises(UsageError, match="https"):
        check_may_send(token, url)
    check_may_send(token, "https://packages.example.org")
    assert "abc" not in repr(token)
    assert isinstance(token, Token)


@pytest.mark.parametrize("url", ["ftp://x/", "https://", "https://user:pw@x/", "https://x/?a=b", "https://x:port/"])
def test_an_unreadable_url_is_a_wrong_usage_that_shows_no_password(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        split_index_url(url)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("typed", ["ab", "g" * 64, "0" * 63, "0" * 65])
def test_a_short_or_odd_fingerprint_is_a_wrong_usage(typed: str) -> None:
    with pytest.raises(UsageError):
        normalize_fingerprint(typed)


def test_a_damaged_record_is_named(simulator: IndexSimulator, mirror: HostileMirror) -> None:
    index = pin(simulator, mirror)
    (index.folder / "index.json").write_text(json.dumps({"url": index.url}))

    with pytest.raises(ClientError, match="damaged"):
        choose_index(None)
