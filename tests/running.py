"""A real index for tests: `manage.py serve` in a process of its own, and what a user would do with it."""

import hashlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

from tests.distributions import announced_metadata
from tests.migrated import give_tables

CHECKOUT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
Value = TypeVar("Value")


def eventually(ask: Callable[[], Value], *, within: float = 30.0, what: str = "it") -> Value:
    """The first true answer; fails after a deadline. The one place where tests wait."""
    deadline = time.monotonic() + within
    while True:
        if answer := ask():
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {within} s")
        time.sleep(0.02)


def free_port() -> int:
    """A port of the loopback address that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:  # Any: whatever JSON it is
        return json.loads(self.body)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def ask(url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Reply:
    """One request; redirects are not followed, errors are answers."""
    request = urllib.request.Request(url, method=method, headers=dict(headers or {}), data=body)
    try:
        with _opener.open(request, timeout=60) as response:
            return Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


@dataclass
class RunningIndex:
    """An index on a data folder. `variables` are INDEXSITE_* settings and the like beside the folder."""

    data: Path
    port: int
    variables: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.data.parent / f"{self.data.name}.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which this index's commands run."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("INDEXSITE_", "DJANGO_"))}
        return {**kept, "INDEXSITE_DATA": str(self.data), "PYTHONPATH": str(CHECKOUT), **self.variables}

    def start(self, *, wait: bool = True) -> "RunningIndex":
        """Start `serve`, and wait until it is ready."""
        if not self.data.exists() and "INDEXSITE_DATABASE_URL" not in self.variables:
            give_tables(self.data)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, CHECKOUT / "manage.py", "serve", "--port", str(self.port)],
                env=self.environment,
                cwd=CHECKOUT,
                stdout=log,
                stderr=log,
            )
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        eventually(self.is_ready, within=60, what=f"{self.url} ready")

    def is_ready(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"serve ended: {self.log.read_text()[-3000:]}")
        try:
            return self.get("/health/ready").status == 200
        except OSError:
            return False

    def stop(self) -> int:
        """End it as a service manager would; returns its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(25)

    def kill(self) -> None:
        """SIGKILL to the supervisor; its parts end by themselves."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        eventually(self._port_is_free, within=30, what="the parts' end")

    def _port_is_free(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) != 0

    def get(self, path: str, **headers: str) -> Reply:
        """GET a path; header names with underscores."""
        return ask(self.url + path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def manage(self, *arguments: str) -> str:
        """Run a management command; returns its stdout."""
        command = [sys.executable, str(CHECKOUT / "manage.py"), *arguments]
        done = subprocess.run(command, env=self.environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def token(self, *arguments: str) -> str:
        """A new token of the user admin."""
        return self.manage("create_token", "--user", "admin", *arguments).splitlines()[-1]

    def twine_upload(self, files: Sequence[Path], *, token: str) -> subprocess.CompletedProcess[str]:
        """Upload with the real twine."""
        command = [str(BIN / "twine"), "upload", "--non-interactive", "--disable-progress-bar", "--verbose"]
        command += ["--repository-url", f"{self.url}/legacy/", "-u", "__token__", "-p", token, *map(str, files)]
        environment = {**os.environ, "TWINE_USERNAME": "", "HOME": str(self.data.parent), "COLUMNS": "400"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)

    def post_upload(self, filename: str, content: bytes, *, token: str, accept: str = "*/*", **fields: str) -> Reply:
        """Upload by one plain HTTP request, with the form that twine fills in; `fields` override it."""
        body, kind = upload_form(filename, content, **fields)
        headers = {"Content-Type": kind, "Authorization": f"Bearer {token}", "Accept": accept}
        return ask(f"{self.url}/legacy/", method="POST", headers=headers, body=body)

    def page(self, project: str, **headers: str) -> Any:  # Any: PEP 691's JSON
        """The project's page, None where there is none."""
        reply = self.get(f"/simple/{project}/", Accept=SIMPLE_JSON, **headers)
        return reply.json() if reply.status == 200 else None

    def wait_until_listed(self, project: str, *filenames: str, within: float = 30.0) -> None:
        """Until the project's page lists these files."""

        def listed() -> bool:
            page = self.page(project)
            return page is not None and set(filenames) <= {file["filename"] for file in page["files"]}

        eventually(listed, within=within, what=f"{project} listed")

    def wait_until_settled(self) -> None:
        """Until nothing waits to be published (SQLite only)."""

        def settled() -> bool:
            with closing(sqlite3.connect(f"file:{self.data}/indexsite.sqlite3?mode=ro", uri=True)) as database:
                query = "SELECT count(*) FROM packages_outboxentry WHERE settled_at IS NULL"
                return bool(database.execute(query).fetchone() == (0,))

        eventually(settled, what="everything published")

    def stored_blobs(self) -> set[str]:
        """Every file of the store that is no metadata, half received uploads included."""
        files = (path for path in (self.data / "store").rglob("*") if path.is_file())
        return {path.name for path in files if "metadata" not in path.parts}

    def process_ids(self) -> list[int]:
        """The processes of all parts."""
        assert self.process is not None
        return [each.pid for each in psutil.Process(self.process.pid).children(recursive=True)]

    def fingerprint(self) -> str:
        """The SHA-256 of the newest root, as `serve` prints it."""
        version = 1
        while self.get(f"/tuf/metadata/{version + 1}.root.json").status == 200:
            version += 1
        return hashlib.sha256(self.get(f"/tuf/metadata/{version}.root.json").body).hexdigest()

    def root(self) -> bytes:
        """The bytes of 1.root.json."""
        return self.get("/tuf/metadata/1.root.json").body


def upload_form(filename: str, content: bytes, **fields: str) -> tuple[bytes, str]:
    """The form that twine fills in for a file, and its content type; `fields` override it."""
    name, version = filename.split("-")[:2]
    is_wheel = filename.endswith(".whl")
    if not is_wheel:
        name, version = filename.removesuffix(".tar.gz").removesuffix(".zip").rsplit("-", 1)
    form: dict[str, str | list[str]] = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": name,
        "version": version,
        "filetype": "bdist_wheel" if is_wheel else "sdist",
        "sha256_digest": hashlib.sha256(content).hexdigest(),
        **announced_metadata(content),
    }
    form.update({name: value for name, value in fields.items() if value})
    return multipart({name: value for name, value in form.items() if fields.get(name, "x")}, filename, content)


def multipart(fields: Mapping[str, str | list[str]], filename: str, content: bytes) -> tuple[bytes, str]:
    """A multipart/form-data body and its content type; a list becomes several fields of one name."""
    boundary = "indexsite-test-boundary"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, values in fields.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="{filename}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n".encode()
    )
    return b"".join([*parts, content, f"\r\n--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"
