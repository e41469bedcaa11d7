"""The indexes that people run instead of ours, each set up as its own documentation recommends for real use.

Each gets one process, as our index has one web process, and runs once more with two where it can use several; none
writes an access log unless it cannot be told not to.
"""

import json
import secrets
import shutil
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from bench.asks import Ask, send
from bench.cases import ACCEPT_JSON, Case, ask_by_page
from bench.distributions import Collection, fingerprint
from bench.errors import CommandFailedError
from bench.places import WORK
from bench.processes import Launch, run_command, running
from bench.servers import Kind
from bench.uploading import basic_authorization, upload_wheels
from bench.venvs import make_venv


@dataclass(frozen=True, slots=True)
class Pypiserver:
    """pypiserver under gunicorn, as its README shows. It has HTML pages only.

    gunicorn's default worker closes each connection; the ones that keep it alive were slower here, and so was waitress.
    """

    processes: int = 1
    kind: Kind = Kind.PEER
    # Later releases of watchdog report reads as changes, which empties its cache at each request.
    requirements: tuple[str, ...] = ("pypiserver[passlib]==2.4.2", "watchdog==2.2.1", "gunicorn==27.0.1")

    @property
    def name(self) -> str:
        return _name("pypiserver", self.processes)

    def prepare(self, collection: Collection) -> Launch:
        programs = make_venv("pypiserver", self.requirements)
        gunicorn = (str(programs / "gunicorn"), "--bind", "127.0.0.1:{port}", "--workers", str(self.processes))
        application = f"pypiserver:app(roots=[{str(collection.folder)!r}], authenticate=[], password_file='.')"
        return Launch(self.name, (*gunicorn, application), ready="/simple/")

    def ask(self, case: Case, base: str) -> Ask | None:
        if case.accept == ACCEPT_JSON or case.connections < self.processes:
            return None
        return ask_by_page(case, lambda project: page_url(base, project))


@dataclass(frozen=True, slots=True)
class SimpleRepositoryServer:
    """simple-repository-server over a folder; its own command is uvicorn with one process and an access log."""

    processes: int = 1
    kind: Kind = Kind.PEER
    requirements: tuple[str, ...] = ("simple-repository-server==0.10.0", "uvicorn[standard]==0.54.0")

    @property
    def name(self) -> str:
        return _name("simple-repository-server", self.processes)

    def prepare(self, collection: Collection) -> Launch:
        programs = make_venv("simple-repository-server", self.requirements)
        folder = WORK / "simple-repository-server" / collection.name
        folder.mkdir(parents=True, exist_ok=True)
        made = f"app = create_app([{str(collection.folder)!r}])"
        imported = "from simple_repository_server.__main__ import create_app"
        (folder / "bench_application.py").write_text(f"{imported}\n\n{made}\n")
        uvicorn = (str(programs / "uvicorn"), "--host", "127.0.0.1", "--port", "{port}", "--no-access-log")
        several = ("--workers", str(self.processes), "--app-dir", str(folder))
        return Launch(self.name, (*uvicorn, *several, "bench_application:app"), ready="/simple/")

    def ask(self, case: Case, base: str) -> Ask | None:
        if case.connections < self.processes:  # it is the same as with fewer
            return None
        return ask_by_page(case, lambda project: page_url(base, project))


@dataclass(frozen=True, slots=True)
class Devpi:
    """devpi-server with a user and an index of its own, filled by uploads; no mirror, one process."""

    name: str = "devpi"
    kind: Kind = Kind.PEER
    requirements: tuple[str, ...] = ("devpi-server==6.20.3",)

    def prepare(self, collection: Collection) -> Launch:
        programs = make_venv(self.name, self.requirements)
        folder = WORK / "devpi" / collection.name
        state = folder / "server"
        launch = launch_devpi(programs, state)
        filled = folder / "filled-with.txt"
        wanted = f"{self.requirements} {fingerprint(collection)}\n"
        if not filled.is_file() or filled.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            make_devpi(programs, state)
            with running(launch) as server:
                upload_wheels(f"{server.base}/bench/files/", collection.wheels, create_index(server.base).session)
            filled.write_text(wanted)
        return launch

    def ask(self, case: Case, base: str) -> Ask | None:
        return ask_by_page(case, lambda project: page_url(f"{base}/bench/files", project, root="+simple"))


def make_devpi(programs: Path, state: Path) -> None:
    """Make a new devpi without the mirror of PyPI."""
    initial = (str(programs / "devpi-init"), "--serverdir", str(state), "--no-root-pypi")
    run_command("devpi-init", (*initial, "--root-passwd", secrets.token_hex()))


def launch_devpi(programs: Path, state: Path) -> Launch:
    """devpi-server over the folder of its state."""
    command = (str(programs / "devpi-server"), "--serverdir", str(state), "--offline-mode")
    return Launch("devpi", (*command, "--host", "127.0.0.1", "--port", "{port}"), ready="/+api")


@dataclass(frozen=True, slots=True)
class DevpiHeaders:
    """How to sign in to devpi: with a session token as its own client does, or with the password as twine does."""

    session: dict[str, str]
    password: dict[str, str]


def create_index(base: str) -> DevpiHeaders:
    """Make the user `bench` with the index `files` in a new devpi."""
    password = secrets.token_hex()
    _call("PUT", f"{base}/bench", {"password": password}, {})
    session = _call("POST", f"{base}/+login", {"user": "bench", "password": password}, {})
    signed_in = b64encode(f"bench:{session['password']}".encode()).decode()
    headers = {"X-Devpi-Auth": signed_in}
    _call("PUT", f"{base}/bench/files", {"bases": [], "volatile": True}, headers)
    return DevpiHeaders(headers, basic_authorization("bench", password))


def _call(method: str, url: str, body: dict[str, object], headers: dict[str, str]) -> dict[str, object]:
    sent = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    answer = send(method, Ask(url, sent), json.dumps(body).encode())
    if answer.status not in (200, 201):
        raise CommandFailedError(f"devpi's {method} of {url}", answer.body.decode(errors="replace"))
    result: dict[str, object] = json.loads(answer.body)["result"]
    return result


def _name(name: str, processes: int) -> str:
    return name if processes == 1 else f"{name}-{processes}"


def page_url(base: str, project: str, *, root: str = "simple") -> str:
    """The URL of a project's page, or of the project list where the project is empty."""
    return f"{base}/{root}/{project}/" if project else f"{base}/{root}/"
