"""Indexsite itself, as `python manage.py serve` runs it: open to read, private, and behind nginx."""

import http.client
import shutil
import sys
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from bench.asks import Ask, fetch
from bench.cases import CASES, Case, ask_by_page, check_answer
from bench.distributions import Collection
from bench.errors import CommandFailedError, NotReadyError, WrongAnswerError
from bench.names import FRONTED, OURS, PRIVATE
from bench.nginx import cache_in_front
from bench.pages import keep_page
from bench.peers import page_url
from bench.places import CHECKOUT, WORK
from bench.processes import Launch, run_command, running
from bench.servers import Kind
from bench.uploading import basic_authorization, upload_wheels_at_once

PUBLISHED_SECONDS = 300
UPLOADERS = 8
MANAGE = (sys.executable, str(CHECKOUT / "manage.py"))


@dataclass(slots=True)
class Indexsite:
    """Our index. The private one runs over a copy of the open one's data folder, so that both can run at once."""

    temporary: Path
    private: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return PRIVATE if self.private else OURS

    @property
    def kind(self) -> Kind:
        return Kind.PRIVATE if self.private else Kind.OURS

    @property
    def requirements(self) -> tuple[str, ...]:
        return tuple(f"{name}=={version(name)}" for name in ("granian", "django"))

    def prepare(self, collection: Collection) -> Launch:
        if not (CHECKOUT / "manage.py").is_file():
            raise CommandFailedError("manage.py serve", "There is no manage.py in this checkout.")
        data = self.temporary / collection.name
        if not data.exists():
            fill(launch_index(data), data, collection)
        if self.private:
            copied = self.temporary / f"{collection.name}-private"
            shutil.copytree(data, copied, symlinks=True)
            data = copied
            self.headers = basic_authorization("__token__", create_token(data, "--scope", "read"))
        return launch_index(data, private=self.private)

    def ask(self, case: Case, base: str) -> Ask | None:
        return ask_by_page(case, lambda project: page_url(base, project), self.headers)


@dataclass(frozen=True, slots=True)
class Fronted:
    """A caching nginx in front of the open index, which must be part of the run."""

    name: str = FRONTED
    kind: Kind = Kind.FRONTED
    requirements: tuple[str, ...] = ("nginx",)

    def prepare(self, collection: Collection) -> Launch:
        shutil.rmtree(WORK / "nginx" / self.name, ignore_errors=True)  # an old cache may hold what is gone
        return cache_in_front(self.name, behind=OURS)

    def ask(self, case: Case, base: str) -> Ask | None:
        return ask_by_page(case, lambda project: page_url(base, project))


def launch_index(data: Path, *, private: bool = False, **variables: str) -> Launch:
    """`serve` over a data folder; `variables` of the environment beside."""
    command = (*MANAGE, "serve", "--host", "127.0.0.1", "--port", "{port}")
    environment = {"INDEXSITE_DATA": str(data), **({"INDEXSITE_PRIVATE": "1"} if private else {}), **variables}
    name = PRIVATE if private else OURS
    return Launch(name, command, ready="/health/ready", environment=environment, folder=CHECKOUT)


def create_token(data: Path, *options: str) -> str:
    """A token of `admin`, of scope upload unless the options say otherwise."""
    command = (*MANAGE, "create_token", "--user", "admin", *options)
    printed = run_command("manage.py create_token", command, {"INDEXSITE_DATA": str(data)})
    return printed.splitlines()[-1]


def fill(launch: Launch, data: Path, collection: Collection) -> None:
    """Upload everything, wait until it is published, and keep the pages for the bounds."""
    with running(launch) as server:
        headers = basic_authorization("__token__", create_token(data))
        upload_wheels_at_once(f"{server.base}/legacy/", collection.wheels, headers, clients=UPLOADERS)
        deadline = time.monotonic() + PUBLISHED_SECONDS
        for case in CASES:
            if case.collection == collection.name:
                keep_page(case, _await_right_page(launch, case, server.base, deadline))


def _await_right_page(launch: Launch, case: Case, base: str, deadline: float) -> bytes:
    fault = "was never asked"
    while time.monotonic() < deadline:
        try:
            ask = ask_by_page(case, lambda project: page_url(base, project))
            answer = fetch(ask)
            check_answer(case, ask, answer)
            return answer.body
        except (WrongAnswerError, OSError, http.client.HTTPException) as error:
            fault = str(error)
        time.sleep(0.5)
    raise NotReadyError(launch.name, f"did not publish {case.title} within {PUBLISHED_SECONDS} s ({fault})", launch.log)
