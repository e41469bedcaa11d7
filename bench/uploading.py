"""Uploads as twine sends them: the form of `file_upload`, over one kept-alive connection."""

import http.client
import secrets
from base64 import b64encode
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from bench.distributions import REQUIRES_PYTHON, SUMMARY, Wheel
from bench.errors import UploadFailedError

TIMEOUT_SECONDS = 120


def upload_wheels(url: str, wheels: Iterable[Wheel], headers: dict[str, str]) -> None:
    """Upload one after the other; raises UploadFailedError at the first that is not answered 200."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=TIMEOUT_SECONDS)
    try:
        for wheel in wheels:
            boundary = secrets.token_hex(16)
            sent = {**headers, "Content-Type": f"multipart/form-data; boundary={boundary}"}
            connection.request("POST", address.path, body=encode_form(wheel, boundary), headers=sent)
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise UploadFailedError(wheel.filename, response.status, body.decode(errors="replace"))
    finally:
        connection.close()


def upload_wheels_at_once(url: str, wheels: Sequence[Wheel], headers: dict[str, str], *, clients: int) -> None:
    """Upload by several clients, each over a connection of its own."""
    with ThreadPoolExecutor(clients) as pool:
        shares = [wheels[number::clients] for number in range(clients)]
        for done in [pool.submit(upload_wheels, url, share, headers) for share in shares]:
            done.result()


def encode_form(wheel: Wheel, boundary: str) -> bytes:
    """The multipart form of one upload."""
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": wheel.project,
        "version": wheel.version,
        "summary": SUMMARY,
        "requires_python": REQUIRES_PYTHON,
        "filetype": "bdist_wheel",
        "pyversion": wheel.python,
        "sha256_digest": wheel.sha256,
    }
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in [*fields.items(), *(("requires_dist", needed) for needed in wheel.requires)]
    ]
    head = f'Content-Disposition: form-data; name="content"; filename="{wheel.filename}"'
    parts.append(f"--{boundary}\r\n{head}\r\nContent-Type: application/octet-stream\r\n\r\n".encode())
    parts.append(wheel.content)
    parts.append(f"\r\n--{boundary}--\r\n".encode())
    return b"".join(parts)


def basic_authorization(user: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
