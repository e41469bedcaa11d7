"""An index as on several machines: two web and three worker processes, each with a data folder of its own."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from indexsite.addresses import read_object_store
from tests.databases import PostgresServer
from tests.objects import ObjectServer
from tests.redis_server import RedisServer
from tests.running import CHECKOUT, Reply, RunningIndex, eventually, free_port

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Servers:
    """What the processes of a scaled index share."""

    postgres: PostgresServer
    redis: RedisServer
    objects: ObjectServer

    def variables(self, folder: Path) -> dict[str, str]:
        """The settings of a new index on them, all that its machines have in common."""
        name, number = f"scaled{next(_numbers)}-{os.getpid()}", next(_numbers)
        key = folder / "online.pem"
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        folder.mkdir(parents=True, exist_ok=True)
        key.write_bytes(pem)
        return {
            "INDEXSITE_DATABASE_URL": self.postgres.new_database(name.replace("-", "_")),
            "INDEXSITE_BROKER_URL": f"{self.redis.url}/{number % 16}",
            "INDEXSITE_STORAGE_URL": self.objects.new_bucket(name),
            "INDEXSITE_SECRET_KEY": "one secret key for all of them, which nobody guesses",
            "INDEXSITE_ONLINE_KEY": f"file:{key}",
            "INDEXSITE_BINS": "16",
        }


@dataclass
class ScaledIndex(RunningIndex):
    """The face of a RunningIndex over processes that were started apart. `data` holds a folder for each of them."""

    webs: int = 2
    workers: int = 3
    ports: list[int] = field(default_factory=list)
    parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ports = [self.port, *(free_port() for _ in range(self.webs - 1))]
        self._turns = itertools.cycle(self.ports)

    @property
    def environment(self) -> dict[str, str]:
        """That of an administrator's machine."""
        return self.environment_of("prepare")

    def environment_of(self, name: str) -> dict[str, str]:
        """That of one process: the settings in common, and a data folder of its own."""
        return {**super().environment, "INDEXSITE_DATA": str(self.data / name)}

    def start(self, *, wait: bool = True) -> "ScaledIndex":
        """Prepare it once, then start every process."""
        self.manage("prepare")
        for number in range(self.webs):
            self.start_web(number)
        for number in range(self.workers):
            self.start_worker(number)
        if wait:
            self.wait_until_ready()
        return self

    def start_web(self, number: int, **variables: str) -> None:
        command = ["web", "--host", "127.0.0.1", "--port", str(self.ports[number])]
        self._start(f"web{number}", command, variables)

    def start_worker(self, number: int, **variables: str) -> None:
        self._start(f"worker{number}", ["worker"], variables)

    def is_ready(self) -> bool:
        for name, part in self.parts.items():
            assert part.poll() is None, f"{name} ended: {self.log.read_text()[-3000:]}"
        try:
            return all(self.at(port).get("/health/ready").status == 200 for port in self.ports)
        except OSError:
            return False

    def stop(self) -> int:
        """End every process as a service manager would; returns the worst exit code."""
        running = [part for part in self.parts.values() if part.poll() is None]
        for part in running:
            part.send_signal(signal.SIGCONT)
            part.terminate()
        return max([abs(part.wait(25)) for part in running], default=0)

    def at(self, port: int) -> RunningIndex:
        """The same index through one of its web processes."""
        return RunningIndex(self.data, port, self.variables)

    def post_upload(self, filename: str, content: bytes, *, token: str, **fields: str) -> Reply:
        """Upload to the next web process."""
        return self.at(next(self._turns)).post_upload(filename, content, token=token, **fields)

    def twine_upload(self, files: Sequence[Path], *, token: str) -> subprocess.CompletedProcess[str]:
        """Upload with twine to the next web process."""
        return self.at(next(self._turns)).twine_upload(files, token=token)

    def wait_until_listed(self, project: str, *filenames: str, within: float = 30.0) -> None:
        """Until every web process lists these files."""
        for port in self.ports:
            self.at(port).wait_until_listed(project, *filenames, within=within)

    def wait_until_settled(self) -> None:
        """Until nothing waits to be published."""
        waiting = "SELECT count(*) FROM packages_outboxentry WHERE settled_at IS NULL"
        eventually(lambda: self.rows(waiting) == [(0,)], within=60, what="everything published")

    def stored_blobs(self) -> set[str]:
        """Every blob of the bucket, and half received uploads on each machine."""
        place = read_object_store(self.variables["INDEXSITE_STORAGE_URL"])
        client = ObjectServer(int(place.endpoint.rpartition(":")[2])).client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=f"{place.prefix}/blobs/")
        found = {each["Key"].rpartition("/")[2] for page in pages for each in page.get("Contents", [])}
        return found | {path.name for path in self.data.glob("*/incoming/*")}

    def process_ids(self) -> list[int]:
        """The processes of all parts."""
        parts = [psutil.Process(part.pid) for part in self.parts.values()]
        return [each.pid for part in parts for each in (part, *part.children(recursive=True))]

    def end_worker(self, number: int) -> None:
        """End one worker as a service manager would."""
        part = self.parts.pop(f"worker{number}")
        part.terminate()
        part.wait(25)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:  # Any: what the database holds
        """What a statement finds or changes in the database."""
        address = self.variables["INDEXSITE_DATABASE_URL"]
        with psycopg.connect(address, autocommit=True) as connection:
            found = connection.execute(query, values)
            return found.fetchall() if found.description else []

    def _start(self, name: str, command: Sequence[str], variables: Mapping[str, str]) -> None:
        with open(self.log, "ab") as log:
            self.parts[name] = subprocess.Popen(
                [sys.executable, CHECKOUT / "manage.py", *command, "--supervised"],  # ends when the tests end
                env={**self.environment_of(name), **variables},
                cwd=CHECKOUT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
