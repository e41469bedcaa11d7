"""Clients that have the first root only, after fifty ceremonies of which each replaced an online and an offline key."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.utils import timezone
from pydantic import SecretStr
from pytest_django import Settings
from securesystemslib.signer import CryptoSigner

from indexsite_client.ceremony.beginning import Choices, begin
from indexsite_client.ceremony.drafting import Drafting, Wish
from indexsite_client.ceremony.folder import Folder
from indexsite_client.ceremony.holding import add_key
from indexsite_client.ceremony.keys import PublicKey
from indexsite_client.ceremony.plan import ONLINE
from indexsite_client.ceremony.signers import one_time_signer, sign_payload
from indexsite_client.ceremony.signing import publish_complete, requirements
from storage.contract import blob_name
from tests.signing import FILES, add_file
from tests.tuf_clients import KINDS
from tufsigning.ceremony_folder import read_ceremony, read_newer
from tufsigning.importing import check_import, finish_import, import_documents, take_documents
from tufsigning.library import Library
from tufsigning.publisher import Publisher

pytestmark = pytest.mark.django_db
HOLDERS = ("alice", "bob", "carol")
ROTATIONS = 50


@dataclass
class Desk:
    """The code of `indexsite ceremony` without its commands, and with keys in memory."""

    folder: Folder
    private: dict[str, Ed25519PrivateKey] = field(default_factory=dict)

    def make_key(self, name: str, *, replaces: bool = True) -> None:
        def make(index_id: str) -> tuple[PublicKey, None]:
            key = Ed25519PrivateKey.generate()
            public = PublicKey(CryptoSigner(key).public_key.to_dict(), "file:nowhere")
            self.private[public.keyid] = key
            return public, None

        add_key(self.folder, name, make, replaces=replaces)

    def hold(self) -> None:
        """Draft, and sign with every key that is asked for."""
        for document in (
            Drafting(self.folder.load(), Wish(datetime.now(UTC)), one_time_signer, sign_payload).run().drafts
        ):
            self.folder.write_draft(document)
        ceremony = self.folder.load()
        for document in ceremony.drafts.values():
            signed = document
            for keyid in {each for asked in requirements(ceremony, document) for each in asked.keys.keys}:
                signed = signed.with_signature(sign_payload(CryptoSigner(self.private[keyid]), document.payload))
            self.folder.write_draft(signed)
        publish_complete(self.folder)
        assert not self.folder.load().drafts

    def write_online_key(self, path: Path) -> None:
        """As a PEM file for the server."""
        key = self.private[self.folder.load().records[ONLINE].current.keyid]
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


class _Store(BaseHTTPRequestHandler):
    """A store's folder, as a web server in front of an export gives it out."""

    def __init__(self, store: Path, *args: object) -> None:
        self._store = store
        super().__init__(*args)  # type: ignore[arg-type]  # what a server gives its handlers

    def do_GET(self) -> None:
        place, _, name = self.path.removeprefix("/tuf/").partition("/")
        blob = name.rpartition("/")[2].partition(".")[0]
        path = self._store / (f"metadata/{name}" if place == "metadata" else blob_name(blob))
        self.send_response(200 if path.is_file() else 404)
        self.end_headers()
        self.wfile.write(path.read_bytes() if path.is_file() else b"")

    def log_message(self, *args: object) -> None:
        """Nothing."""


@contextmanager
def served(store: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Store, store)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_clients_with_the_first_root_follow_fifty_rotations(settings: Settings, tmp_path: Path) -> None:
    backend = {"BACKEND": FILES, "OPTIONS": {"location": tmp_path / "store"}}
    settings.DATA, settings.STORAGES = tmp_path, {**settings.STORAGES, "default": backend}
    settings.ONLINE_KEY = SecretStr(f"file:{tmp_path / 'online.pem'}")
    desk = Desk(Folder(tmp_path / "ceremony"))
    begin(desk.folder, HOLDERS, Choices({}, {}, {}, bins=4))
    for name in (ONLINE, *HOLDERS):
        desk.make_key(name, replaces=False)
    desk.hold()
    desk.write_online_key(tmp_path / "online.pem")
    take_documents(read_ceremony(desk.folder.path, current=None), begins_chain=True, now=timezone.now())
    assert finish_import(Publisher(Library()), timezone.now)
    add_file("demo")
    assert Publisher(Library()).publish_waiting(timezone.now) == 1
    root = (tmp_path / "store/metadata/1.root.json").read_bytes()
    with served(tmp_path / "store") as url:
        clients = {name: kind(url, root, tmp_path / name) for name, kind in KINDS.items()}
        returning = KINDS["python-tuf"](url, root, tmp_path / "returning")
        assert returning.download("demo/demo-1.0.tar.gz") == b"demo 1.0"

        for number in range(ROTATIONS):
            desk.make_key(ONLINE)
            desk.make_key(HOLDERS[number % len(HOLDERS)])
            desk.hold()
        desk.write_online_key(tmp_path / "online.pem")
        new = read_newer(desk.folder.path, Library().current())
        check_import(new, current=Library().current(), begins_chain=False, now=timezone.now())
        import_documents(new, begins_chain=False, clock=timezone.now, wait=lambda seconds: None)

        assert Library().current().root_version == 1 + ROTATIONS
        for name, client in {**clients, "returning": returning}.items():
            assert client.download("demo/demo-1.0.tar.gz") == b"demo 1.0", name
            assert [file.filename for file in client.page("demo").files] == ["demo-1.0.tar.gz"], name
