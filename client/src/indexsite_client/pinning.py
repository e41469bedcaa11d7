"""`indexsite trust`: fetch an index's root history, compare it with what the user was told, and pin it."""

import hashlib
import hmac
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tuf.api.exceptions import DownloadHTTPError
from tuf.api.metadata import Metadata, Root

from indexsite_client import protocol, remembered
from indexsite_client.boundary import speaking
from indexsite_client.credentials import Token, check_may_send, store_token
from indexsite_client.errors import DevelopmentRootError, NotTrustedError, TrustConflictError, UsageError
from indexsite_client.fetcher import Downloads
from indexsite_client.session import VerifiedSession
from indexsite_client.trusted import (
    TrustedIndex,
    cache_folder,
    folder_of,
    load_index,
    locked,
    make_private,
    replace_pin,
    write_atomically,
)

_MAX_ROOTS = 256
_MAX_ROOT_LENGTH = 512_000


@dataclass(frozen=True, slots=True)
class Pin:
    """What the user asks to trust: `fingerprint` or `root` came by a way that the index does not control."""

    url: str
    fingerprint: str = ""
    root: bytes = b""
    development: bool = False
    replace: bool = False


@dataclass(frozen=True, slots=True)
class _CheckedRoot:
    data: bytes
    index_id: str
    development: bool


def normalize_fingerprint(typed: str) -> str:
    """The 64 hexadecimal digits of a typed fingerprint; case, colons, dashes and white space do not matter."""
    digits = re.sub(r"[\s:-]", "", typed).lower().removeprefix("sha256")
    if not protocol.SHA256.fullmatch(digits):
        raise UsageError("A fingerprint has 64 hexadecimal digits; copy it from a source other than the index itself.")
    return digits


def pin_index(pin: Pin, *, token: Token | None, environment_token: Token | None) -> TrustedIndex:
    """Pin the root, or raise and leave what was pinned before as it was.

    The whole way from root to targets is verified once before the record is written, so that a pinned index has worked.
    """
    check_may_send(token or environment_token, pin.url)
    downloads = Downloads(token=environment_token or token)
    try:
        root = _check_root(pin.root) if pin.root else _find_by_fingerprint(downloads, pin)
        _check_development(root, pin)
        _check_replacement(root, pin)
        return _write(pin, root, downloads, token)
    finally:
        downloads.close()


def _find_by_fingerprint(downloads: Downloads, pin: Pin) -> _CheckedRoot:
    """The newest root, if its bytes have the fingerprint.

    The roots before it need not lead there: a real ceremony after a development one begins anew, and it is the newest
    root that is pinned.
    """
    expected = normalize_fingerprint(pin.fingerprint)
    newest = b""
    for number, data in _root_history(downloads, pin.url):
        with speaking(f"Root {number} of {pin.url}"):
            metadata = Metadata[Root].from_bytes(data)
            if metadata.signed.version != number:
                raise ValueError("wrong version")
        newest = data
    if not newest:
        raise NotTrustedError(f"{pin.url} has no root metadata; check that the address is that of an index.")
    actual = hashlib.sha256(newest).hexdigest()
    if not hmac.compare_digest(actual, expected):
        raise TrustConflictError(
            f"The newest root of {pin.url} does not have the fingerprint that you gave, but {actual}. Either the root "
            "was renewed since, or this is not the index that you mean: ask its administrator, not the index."
        )
    return _check_root(newest)


def _root_history(downloads: Downloads, url: str) -> Iterator[tuple[int, bytes]]:
    for number in range(1, _MAX_ROOTS + 1):
        with speaking(f"Root {number} of {url}"):
            try:
                data = downloads.read(f"{url}/tuf/metadata/{number}.root.json", _MAX_ROOT_LENGTH)
            except DownloadHTTPError as error:
                if error.status_code == 404:
                    return
                raise
        yield number, data
    raise TrustConflictError(f"{url} shows more than {_MAX_ROOTS} roots; give the newest one as a file with --root.")


def _check_root(data: bytes) -> _CheckedRoot:
    """A root that satisfies its own threshold and is of the kind that an index of ours has."""
    with speaking("The root"):
        metadata = Metadata[Root].from_bytes(data)
        root = metadata.signed
        root.verify_delegate(Root.type, metadata.signed_bytes, metadata.signatures)
        said = root.unrecognized_fields[protocol.EXTENSION]
        if said["role"] != Root.type or not root.consistent_snapshot or not isinstance(said["index"], str):
            raise ValueError("no root of an index")
        return _CheckedRoot(data, said["index"], said["development"] is True)


def _check_development(root: _CheckedRoot, pin: Pin) -> None:
    if root.development and not pin.development:
        raise DevelopmentRootError(
            f"{pin.url} has the root of a development ceremony: its offline keys lie on its own server, so who breaks "
            "in there can sign anything. For a trial add --development; for real use ask for the real ceremony first."
        )
    if pin.development and not root.development:
        raise DevelopmentRootError(f"{pin.url} has a real root, not one of a development ceremony; omit --development.")


def _check_replacement(root: _CheckedRoot, pin: Pin) -> None:
    folder = folder_of(pin.url)
    if pin.replace or not (folder / "index.json").exists():
        return
    known = [folder / "root.json", *(folder / "state" / "root_history").glob("*.root.json")]
    if all(path.read_bytes() != root.data for path in known):
        raise TrustConflictError(
            f"{pin.url} is trusted already with another root, and newer roots signed by that one need no new pin. To "
            "forget the old root and all that is remembered of the index, repeat the command with --replace."
        )


def _write(pin: Pin, root: _CheckedRoot, downloads: Downloads, token: Token | None) -> TrustedIndex:
    final = folder_of(pin.url)
    make_private(final.parent)
    is_renewed = not pin.replace and (final / "index.json").exists()
    with tempfile.TemporaryDirectory(dir=final.parent, prefix=".trial-") as trial_name:
        trial = Path(trial_name, final.name)
        trial.mkdir(mode=0o700)
        index = TrustedIndex(pin.url, root.index_id, root.development, trial)
        if is_renewed:
            shutil.copytree(final, trial, dirs_exist_ok=True)
        _fill(index, root, token)
        session = VerifiedSession(index, downloads, cache=cache_folder())
        session.refresh()
        session.close()
        with locked(final.parent):
            if is_renewed:  # file by file: what another process has remembered there in the meantime must stay
                remembered.give_back(index.state, final / "state")
                _fill(replace(index, folder=final), root, token)
            else:
                replace_pin(trial, final)
    return load_index(final)


def _fill(index: TrustedIndex, root: _CheckedRoot, token: Token | None) -> None:
    write_atomically(index.folder / "root.json", root.data)
    if token:
        store_token(index.folder / "token", token)
    record = {"url": index.url, "index": index.index_id, "development": index.development}
    write_atomically(index.folder / "index.json", json.dumps(record, indent=2).encode())


def read_root_file(path: Path) -> bytes:
    """The bytes of a root file; raises UsageError where it is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"The root file {path} cannot be read: {error.strerror}.") from error
    if len(data) > _MAX_ROOT_LENGTH:
        raise UsageError(f"The root file {path} is too large to be a root.")
    return data
