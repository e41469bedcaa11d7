"""Where the keys lie: files of the data folder for the development ceremony, signer URIs for the rest."""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings
from pydantic import SecretStr
from securesystemslib.signer import CryptoSigner, Key, Signer

from tufsigning.errors import OfflineKeysMissingError, OnlineKeyError
from tufsigning.signers import load_file, load_from_uri

log = logging.getLogger(__name__)


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
    without a signer. They come from INDEXSITE_ONLINE_KEY, or the key file of the development ceremony, and from
    INDEXSITE_ONLINE_KEY_NEXT: two at the most, whichever of the two is set to which.
    """
    wanted = {key.keyid: key for keys in (*needed, beside) for key in keys}
    signers, faults = _held(list(wanted.values()))
    held = {each.public_key.keyid for each in signers}
    if all(held & {key.keyid for key in keys} for keys in needed):
        for fault in faults:
            log.warning("%s Publications go on with the other key.", fault)
        return signers
    if faults:
        raise faults[0]
    if held:
        raise OnlineKeyError(_early_or_late(held, needed))
    named = ", ".join(dict.fromkeys(key.keyid[:8] for keys in needed for key in keys)) or "none for all online roles"
    schemes = " and ".join(f"{scheme}:…" for scheme, _, _ in _places())
    raise OnlineKeyError(
        f"The online key ({schemes}) is not the one that root names ({named}); set INDEXSITE_ONLINE_KEY to the right"
        " one."
    )


def holds_key(key: Key) -> bool:
    """Whether one of the settings gives this key."""
    return bool(_held([key])[0])


def _held(wanted: Sequence[Key]) -> tuple[tuple[Signer, ...], list[OnlineKeyError]]:
    """The signers that the settings give of these keys, each once, and why others could not be loaded."""
    signers: dict[str, Signer] = {}
    faults: list[OnlineKeyError] = []
    for scheme, rest, secrets in _places():
        try:
            if scheme == "file":
                signer: Signer | None = load_file(Path(rest), secrets)
            else:
                signer = load_from_uri(f"{scheme}:{rest}", wanted, secrets)
        except OnlineKeyError as error:
            faults.append(error)
            continue
        if signer is not None and signer.public_key.keyid in {key.keyid for key in wanted}:
            signers.setdefault(signer.public_key.keyid, signer)
    return tuple(signers.values()), faults


def _places() -> list[tuple[str, str, Callable[[str], str]]]:
    """Where the online keys lie: scheme and rest of each URI, and what opens it."""
    uri = settings.ONLINE_KEY.get_secret_value() or f"file:{key_folder() / 'online.pem'}"
    places = [(uri, _secret)]
    if following := settings.ONLINE_KEY_NEXT.get_secret_value():
        places.append((following, _next_secret))
    return [(each.partition(":")[0], each.partition(":")[2], secrets) for each, secrets in places]


def _early_or_late(held: set[str], needed: Sequence[Sequence[Key]]) -> str:
    """Some online role has no signer, though we have a key that belongs to this index."""
    missing = next(key.keyid[:8] for keys in needed for key in keys if key.keyid not in held)
    return (
        f"The online key {min(held)[:8]} alone cannot sign for every role yet: documents still ask for {missing}. Set"
        " INDEXSITE_ONLINE_KEY to the old key and INDEXSITE_ONLINE_KEY_NEXT to the new one until tuf_rotate says that"
        " the old one is needed no more; where the old one is lost, run 'manage.py tuf_rotate --compromised FOLDER'."
    )


def development_key_files() -> list[Path]:
    """The key files that a development ceremony left and that nothing signs with any more after a real one.

    The online key is among them only if it is not one that is in use.
    """
    online = key_folder() / "online.pem"
    kept = {Path(rest).resolve() for scheme, rest, _ in _places() if scheme == "file"}
    files = [*sorted((key_folder() / "offline").glob("*.pem")), online]
    return [path for path in files if path.exists() and path.resolve() not in kept]


def _secret(name: str) -> str:
    """The passphrase of an encrypted key file, or the PIN of a token: what INDEXSITE_ONLINE_KEY_PASSPHRASE says."""
    return _passphrase(settings.ONLINE_KEY_PASSPHRASE, name, "INDEXSITE_ONLINE_KEY_PASSPHRASE_FILE")


def _next_secret(name: str) -> str:
    """The same of INDEXSITE_ONLINE_KEY_NEXT."""
    return _passphrase(settings.ONLINE_KEY_NEXT_PASSPHRASE, name, "INDEXSITE_ONLINE_KEY_NEXT_PASSPHRASE_FILE")


def _passphrase(setting: SecretStr, name: str, variable: str) -> str:
    if not setting.get_secret_value():
        raise OnlineKeyError(f"The online key asks for its {name}: set {variable}.")
    return setting.get_secret_value()


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
