"""The parts of an index each started by hand, so that a test decides which one dies and when it comes back."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.running import CHECKOUT, RunningIndex, eventually


@dataclass
class Parts:
    """`manage.py web` and `manage.py worker` on a data folder that `serve` has made."""

    index: RunningIndex
    web: subprocess.Popen[bytes] | None = None
    worker: subprocess.Popen[bytes] | None = None
    extra: dict[str, str] = field(default_factory=dict)

    def start_web(self, **variables: str) -> None:
        """Start the web part and wait until it answers."""
        self.web = self._start("web", "--host", "127.0.0.1", "--port", str(self.index.port), variables=variables)
        eventually(self._answers, within=60, what="the web part")

    def start_worker(self, **variables: str) -> None:
        """Start a worker; it need not have begun to work when this returns."""
        self.worker = self._start("worker", variables=variables)

    def stop_worker(self) -> None:
        """End the worker as a supervisor would."""
        assert self.worker is not None
        self.worker.terminate()
        assert self.worker.wait(25) in {0, -signal.SIGTERM}  # the latter where it had not begun yet

    def await_death(self, part: subprocess.Popen[bytes] | None) -> None:
        """Until a part is gone, and all of its processes with it."""
        assert part is not None
        eventually(lambda: part.poll() is not None, within=60, what="the crash")
        eventually(lambda: not _group(part.pid), within=30, what="the end of the part's processes")

    def end(self) -> None:
        """Kill what is left."""
        for part in (self.web, self.worker):
            for process in _group(part.pid) if part is not None else []:
                process.kill()
            if part is not None:
                part.wait(10)

    def _start(self, *command: str, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with open(self.index.log, "ab") as log:
            return subprocess.Popen(
                [sys.executable, CHECKOUT / "manage.py", *command, "--supervised"],  # ends when the tests end
                env={**self.index.environment, **self.extra, **variables},
                cwd=CHECKOUT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        assert self.web is not None
        assert self.web.poll() is None, self.index.log.read_text()[-3000:]
        try:
            return self.index.get("/health/live").status == 200
        except OSError:
            return False


def _group(leader: int) -> list[psutil.Process]:
    """The living processes of a session."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def rows(data: Path, query: str, *values: object) -> list[tuple[Any, ...]]:  # Any: what SQLite holds
    """The rows that a query finds in the database of a data folder."""
    with closing(sqlite3.connect(f"file:{data / 'indexsite.sqlite3'}?mode=ro", uri=True, timeout=30)) as database:
        return database.execute(query, values).fetchall()


def change(data: Path, statement: str) -> int:
    """Run one statement on the database of a data folder; returns the number of rows it changed."""
    with closing(sqlite3.connect(data / "indexsite.sqlite3", timeout=30)) as database:
        changed = database.execute(statement).rowcount
        database.commit()
        return changed


def part_of(index: RunningIndex, name: str) -> psutil.Process:
    """The process of a part that `serve` supervises; for web the first of its two."""
    assert index.process is not None

    def find() -> psutil.Process | None:
        assert index.process is not None
        for process in psutil.Process(index.process.pid).children():
            try:
                if name in process.cmdline():
                    return process
            except psutil.NoSuchProcess:
                continue
        return None

    part = eventually(find, what=f"a part {name}")
    assert part is not None
    return part
