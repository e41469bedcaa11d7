"""A ceremony on other media: a plain copy, or one sealed file under a passphrase; with the online key or without."""

import base64
import binascii
import json
import re
from pathlib import Path

from indexsite_client.ceremony.errors import CeremonyFolderError, KeyRefusedError
from indexsite_client.ceremony.folder import DRAFTS, KEYS, METADATA, PLAN, Ceremony, Folder
from indexsite_client.ceremony.sealing import MOST_ARCHIVED, Secrets, open_archive, seal_archive
from indexsite_client.ceremony.signers import write_private
from indexsite_client.ceremony.telling import describe_hashes
from indexsite_client.protocol.envelope import MAX_LENGTH, is_envelope

ONLINE_KEY, HASHES = "online.key", "hashes.txt"
_NAME = re.compile(rf"{re.escape(PLAN)}|{ONLINE_KEY}|{HASHES}|({KEYS}|{METADATA}|{DRAFTS})/[A-Za-z0-9.-]{{1,80}}\.json")


def export(folder: Folder, out: Path, *, online_key: Path | None, sealed: bool, secrets: Secrets) -> list[str]:
    """Write a copy to a new folder, or to a new sealed file; returns the hashes to keep on paper, which it has too."""
    ceremony = folder.load()
    paper = describe_hashes(ceremony)
    files = {**folder.files(), HASHES: "\n".join(paper).encode() + b"\n"}
    if online_key is not None:
        files[ONLINE_KEY] = _read_sealed_key(online_key)
    if sealed:
        said = {name: base64.b64encode(content).decode() for name, content in files.items()}
        write_private(out, seal_archive(json.dumps(said).encode(), secrets("passphrase of the archive")))
    else:
        _write_all(out, files)
    return paper


def open_export(archive: Path, out: Path, *, secrets: Secrets) -> Ceremony:
    """Write what a sealed file holds to a new folder, and read it as a ceremony."""
    try:
        with open(archive, "rb") as file:
            data = file.read(MOST_ARCHIVED + 1)
    except OSError as error:
        raise CeremonyFolderError(f"{archive} cannot be read: {error.strerror}.") from error
    content = open_archive(data, secrets("passphrase of the archive"))
    try:
        said = json.loads(content)
        files = {name: base64.b64decode(text, validate=True) for name, text in said.items()}
        if PLAN not in files or not all(_NAME.fullmatch(name) for name in files):
            raise ValueError("names")
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise CeremonyFolderError(f"The archive holds no ceremony ({error}).") from error
    _write_all(out, files)
    return Folder(out).load()


def _write_all(out: Path, files: dict[str, bytes]) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CeremonyFolderError(f"{out} is not empty; name a new folder.")
    for name, content in files.items():
        write_private(out / name, content)


def _read_sealed_key(path: Path) -> bytes:
    """The online key's file, which leaves this machine only sealed."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_LENGTH + 1)
    except OSError as error:
        raise CeremonyFolderError(f"{path} cannot be read: {error.strerror}.") from error
    if not is_envelope(data):
        raise KeyRefusedError(f"{path} is no key file under a passphrase; a bare key is never exported.")
    return data
