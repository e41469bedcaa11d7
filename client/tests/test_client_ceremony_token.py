"""A holder whose key is on a PKCS#11 token, played with SoftHSM."""

import shutil
import subprocess
from pathlib import Path

import pytest

from client.tests.ceremonies import Desk
from indexsite_client.ceremony.errors import KeyRefusedError
from tests.databases import missing_part

PIN = "471100"


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A token `alice` with a P-256 key under number 7; returns the file of its PIN."""
    found = [path for place in ("/usr/lib", "/usr/local/lib", "/opt") for path in Path(place).glob("**/libsofthsm2.so")]
    if not found or not shutil.which("softhsm2-util"):
        missing_part("SoftHSM: Debian's softhsm2")
    try:
        import pkcs11
        from pkcs11.util import biginteger, ec
    except ImportError:
        missing_part("python-pkcs11")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    monkeypatch.setenv("PYKCS11LIB", str(found[0]))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    command = ["softhsm2-util", "--init-token", "--free", "--label", "alice", "--pin", PIN, "--so-pin", PIN]
    subprocess.run(command, check=True, capture_output=True)
    library = pkcs11.lib(str(found[0]))
    library.reinitialize()
    with library.get_token(token_label="alice").open(user_pin=PIN, rw=True) as session:
        parameters = session.create_domain_parameters(
            pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: ec.encode_named_curve_parameters("secp256r1")}, local=True
        )
        parameters.generate_keypair(id=biginteger(7), label="alice", store=True)
    (tmp_path / "pin").write_text(PIN + "\n")
    return tmp_path / "pin"


def test_a_token_signs_beside_key_files(token: Path, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "ceremony").begin(holders=("alice", "bob"))
    with pytest.raises(KeyRefusedError, match="cannot be used: ValueError: could not find"):
        desk.run("key", "--holder", "alice", "--uri", "hsm:8?label=alice", "--passphrase-file", token)
    said = desk.run("key", "--holder", "alice", "--uri", "hsm:7?label=alice", "--passphrase-file", token)
    assert "compiled extensions" in said
    assert desk.read("keys/alice.json")["uri"] == "hsm:7?label=alice"
    desk.make_keys("bob", "online").run("draft")
    desk.run("sign", "--as", "alice", "--passphrase-file", token, stdin="y\n" * 4)
    assert len(desk.read("drafts/1.root.json")["signatures"]) == 1
    desk.sign("bob")
    assert len(desk.names("metadata")) == 4

    wrong = tmp_path / "wrong"
    wrong.write_text("000000\n")
    desk.run("draft", "claimed")
    with pytest.raises(KeyRefusedError, match="cannot be used"):
        desk.run("sign", "--as", "alice", "--passphrase-file", wrong, stdin="y\n")
    assert desk.read("drafts/2.claimed.json")["signatures"] == []
