"""Where the keys lie: files of the data folder for the development ceremony, signer URIs for the rest."""

import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings
from securesystemslib.signer import CryptoSigner, Key, Signer

from tufsigning.errors import OfflineKeysMissingError, OnlineKeyError
from tufsigning.signers import load_file, load_from_uri


def key_folder() -> Path:
    """The folder of the keys of the development ceremony; left out of backups and exports."""
    return Path(settings.DATA) / "keys"


def load_key(name: str) -> CryptoSigner:
    """The key of this name; raises OfflineKeysMissingError. Renewal never makes keys: nobody would trust them."""
    try:
        return _load(key_folder() / f"{name}.pem")
    except (OSError, ValueError) as error:
        raise OfflineKeysMissingError(name) from error


def ceremony_online_key() -> Key:
    """The public key that a development ceremony trusts for the online roles: INDEXSITE_ONLINE_KEY's, or a new one's.

    Raises OnlineKeyError for other URIs than file:, which need a real ceremony.
    """
    scheme, _, path = settings.ONLINE_KEY.get_secret_value().partition(":")
    if not scheme:
        return make_key("online").public_key
    if scheme != "file":
        raise OnlineKeyError("A development ceremony takes an online key from file:PATH only.")
    return load_file(Path(path), _secret).public_key


def make_key(name: str) -> CryptoSigner:
    """The Ed25519 key of this name in the key folder, made where there is none, readable by its owner only."""
    path = key_folder() / f"{name}.pem"
    if not path.exists():
        for folder in (key_folder(), path.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write_private(path, pem)
    return _load(path)


def load_online_signers(needed: Sequence[Sequence[Key]], *, beside: Sequence[Key] = ()) -> tuple[Signer, ...]:
    """The signers of the online roles that we have: of the keys that documents name, and of those `beside` them.

    `needed` has, for each online role, the keys of which one must sign. Raises OnlineKeyError where a role would be
    without a signer. They come from INDEXSITE_ONLINE_KEY, or the key file of the development ceremony.
    """
    wanted = {key.keyid: key for keys in (*needed, beside) for key in keys}
    uri = settings.ONLINE_KEY.get_secret_value() or f"file:{key_folder() / 'online.pem'}"
    scheme, _, rest = uri.partition(":")
    if scheme == "file":
        signer: Signer | None = load_file(Path(rest), _secret)
    else:
        signer = load_from_uri(uri, list(wanted.values()), _secret)
    signers = [each for each in (signer,) if each and each.public_key.keyid in wanted]
    held = {each.public_key.keyid for each in signers}
    if not all(held & {key.keyid for key in keys} for keys in needed):
        named = (
            ", ".join(dict.fromkeys(key.keyid[:8] for keys in needed for key in keys)) or "none for all online roles"
        )
        raise OnlineKeyError(
            f"The online key ({scheme}:…) is not the one that root names ({named}); set INDEXSITE_ONLINE_KEY to the"
            " right one."
        )
    return tuple(signers)


def development_key_files() -> list[Path]:
    """The key files that a development ceremony left and that nothing signs with any more after a real one.

    The online key is among them only if it is not the one that is in use.
    """
    uri = settings.ONLINE_KEY.get_secret_value()
    online = key_folder() / "online.pem"
    kept = {Path(uri.removeprefix("file:")).resolve()} if uri.startswith("file:") else set()
    if not uri:
        kept = {online.resolve()}
    files = [*sorted((key_folder() / "offline").glob("*.pem")), online]
    return [path for path in files if path.exists() and path.resolve() not in kept]


def _secret(name: str) -> str:
    """The passphrase of an encrypted key file, or the PIN of a token: what INDEXSITE_ONLINE_KEY_PASSPHRASE says."""
    passphrase: str = settings.ONLINE_KEY_PASSPHRASE.get_secret_value()
    if not passphrase:
        raise OnlineKeyError(f"The online key asks for its {name}: set INDEXSITE_ONLINE_KEY_PASSPHRASE_FILE.")
    return passphrase


def _load(path: Path) -> CryptoSigner:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("it is not an Ed25519 key")
    return CryptoSigner(key)


def _write_private(path: Path, content: bytes) -> None:
    """Write a secret that exists whole or not at all, whatever happens meanwhile."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
