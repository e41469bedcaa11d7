"""The indexes that people run instead of ours, each set up as its own documentation recommends for real use.

Each gets one process, as our index has one web process, or `--processes` where it can use several; and none writes
an access log unless it cannot be told not to.
"""

import json
import secrets
import shutil
from base64 import b64encode
from dataclasses import dataclass

from bench.asks import Ask, send
from bench.cases import ACCEPT_JSON, Case, ask_by_page
from bench.distributions import Wheel, fingerprint
from bench.errors import CommandFailedError
from bench.places import WORK
from bench.processes import Launch, run_command, running
from bench.servers import Kind, wheels_folder
from bench.uploading import upload_wheels
from bench.venvs import make_venv


@dataclass(frozen=True, slots=True)
class Pypiserver:
    """pypiserver under gunicorn, as its README shows. It has HTML pages only.

    gunicorn's default worker closes each connection; the ones that keep it alive were slower here, and so was waitress.
    """

    processes: int
    name: str = "pypiserver"
    kind: Kind = Kind.PEER
    # Later releases of watchdog report reads as changes, which empties its cache at each request.
    requirements: tuple[str, ...] = ("pypiserver==2.4.2", "watchdog==2.2.1", "gunicorn==27.0.1")

    def prepare(self, wheels: tuple[Wheel, ...]) -> Launch:
        programs = make_venv(self.name, self.requirements)
        gunicorn = (str(programs / "gunicorn"), "--bind", "127.0.0.1:{port}", "--workers", str(self.processes))
        application = f"pypiserver:app(roots=[{str(wheels_folder())!r}], authenticate=[], password_file='.')"
        return Launch(self.name, (*gunicorn, application), ready="/simple/")

    def ask(self, case: Case, base: str) -> Ask | None:
        return None if case.accept == ACCEPT_JSON else ask_by_page(case, lambda project: page_url(base, project))


@dataclass(frozen=True, slots=True)
class SimpleRepositoryServer:
    """simple-repository-server over a folder; its own command is uvicorn with one process and an access log."""

    processes: int
    name: str = "simple-repository-server"
    kind: Kind = Kind.PEER
    requirements: tuple[str, ...] = ("simple-repository-server==0.10.0", "uvicorn[standard]==0.54.0")

    def prepare(self, wheels: tuple[Wheel, ...]) -> Launch:
        programs = make_venv(self.name, self.requirements)
        folder = WORK / self.name
        folder.mkdir(parents=True, exist_ok=True)
        made = (
            f"from simple_repository_server.__main__ import create_app\n\napp = create_app([{str(wheels_folder())!r}])"
        )
        (folder / "bench_application.py").write_text(f"{made}\n")
        uvicorn = (str(programs / "uvicorn"), "--host", "127.0.0.1", "--port", "{port}", "--no-access-log")
        several = ("--workers", str(self.processes), "--app-dir", str(folder))
        return Launch(self.name, (*uvicorn, *several, "bench_application:app"), ready="/simple/")

    def ask(self, case: Case, base: str) -> Ask | None:
        return ask_by_page(case, lambda project: page_url(base, project))


@dataclass(frozen=True, slots=True)
class Devpi:
    """devpi-server with a user and an index of its own, filled by uploads; no mirror, one process."""

    name: str = "devpi"
    kind: Kind = Kind.PEER
    requirements: tuple[str, ...] = ("devpi-server==6.20.3",)

    def prepare(self, wheels: tuple[Wheel, ...]) -> Launch:
        programs = make_venv(self.name, self.requirements)
        folder = WORK / "devpi"
        state = folder / "server"
        command = (str(programs / "devpi-server"), "--serverdir", str(state), "--offline-mode")
        launch = Launch(self.name, (*command, "--host", "127.0.0.1", "--port", "{port}"), ready="/+api")
        filled = folder / "filled-with.txt"
        wanted = f"{self.requirements} {fingerprint(wheels)}\n"
        if not filled.is_file() or filled.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            initial = (str(programs / "devpi-init"), "--serverdir", str(state), "--no-root-pypi")
            run_command("devpi-init", (*initial, "--root-passwd", secrets.token_hex()))
            with running(launch) as server:
                self._fill(server.base, wheels)
            filled.write_text(wanted)
        return launch

    def _fill(self, base: str, wheels: tuple[Wheel, ...]) -> None:
        password = secrets.token_hex()
        self._call("PUT", f"{base}/bench", {"password": password}, {})
        session = self._call("POST", f"{base}/+login", {"user": "bench", "password": password}, {})
        signed_in = b64encode(f"bench:{session['password']}".encode()).decode()
        headers = {"X-Devpi-Auth": signed_in}
        self._call("PUT", f"{base}/bench/files", {"bases": [], "volatile": True}, headers)
        upload_wheels(f"{base}/bench/files/", wheels, headers)

    def _call(self, method: str, url: str, body: dict[str, object], headers: dict[str, str]) -> dict[str, object]:
        sent = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        answer = send(method, Ask(url, sent), json.dumps(body).encode())
        if answer.status not in (200, 201):
            raise CommandFailedError(f"devpi's {method} of {url}", answer.body.decode(errors="replace"))
        result: dict[str, object] = json.loads(answer.body)["result"]
        return result

    def ask(self, case: Case, base: str) -> Ask | None:
        return ask_by_page(case, lambda project: page_url(f"{base}/bench/files", project, root="+simple"))


def page_url(base: str, project: str, *, root: str = "simple") -> str:
    """The URL of a project's page, or of the project list where the project is empty."""
    return f"{base}/{root}/{project}/" if project else f"{base}/{root}/"
