"""Who takes uploads: ours, its peers with the credentials that twine sends, and the bare view. Each starts empty."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.bounds import GRANIAN, LIKE_SERVE
from bench.names import BARE_VIEW, OURS
from bench.ours import create_token, launch_index
from bench.peers import Devpi, Pypiserver, create_index, launch_devpi, make_devpi, page_url
from bench.places import BENCH
from bench.processes import Launch
from bench.servers import Kind
from bench.uploading import basic_authorization
from bench.venvs import make_venv


@dataclass(frozen=True, slots=True)
class Door:
    """Where to send uploads, with which headers, and below which URL the pages are; empty where there are none."""

    url: str
    headers: dict[str, str]
    pages: str


class Taker(Protocol):
    """Made anew for each run."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def requirements(self) -> tuple[str, ...]: ...

    def launch(self, folder: Path) -> Launch:
        """An empty index in this folder; raises BenchError."""

    def open(self, base: str, folder: Path) -> Door:
        """Sign in to it once it runs; raises BenchError."""


@dataclass(frozen=True, slots=True)
class OurDoor:
    """Indexsite with an upload token."""

    name: str = OURS
    kind: Kind = Kind.OURS
    requirements: tuple[str, ...] = ()

    def launch(self, folder: Path) -> Launch:
        return launch_index(folder / "data")

    def open(self, base: str, folder: Path) -> Door:
        headers = basic_authorization("__token__", create_token(folder / "data"))
        return Door(f"{base}/legacy/", headers, page_url(base, ""))


@dataclass(frozen=True, slots=True)
class BareView:
    """The bare Django view in granian, as `serve` sets it up."""

    name: str = BARE_VIEW
    kind: Kind = Kind.BOUND
    requirements: tuple[str, ...] = ()

    def launch(self, folder: Path) -> Launch:
        where = ("--working-dir", str(BENCH / "uploads"), "bare_view:application")
        return Launch(self.name, (*GRANIAN, *LIKE_SERVE, *where), ready="/", environment={"BENCH_FOLDER": str(folder)})

    def open(self, base: str, folder: Path) -> Door:
        return Door(f"{base}/", {}, "")


@dataclass(frozen=True, slots=True)
class DevpiDoor:
    """devpi with a session token, as its own client signs in, or with the password in each request, as twine does."""

    password: bool
    kind: Kind = Kind.PEER
    requirements: tuple[str, ...] = Devpi().requirements

    @property
    def name(self) -> str:
        return "devpi-password" if self.password else "devpi-session-token"

    def launch(self, folder: Path) -> Launch:
        programs = make_venv("devpi", self.requirements)
        make_devpi(programs, folder / "server")
        return launch_devpi(programs, folder / "server")

    def open(self, base: str, folder: Path) -> Door:
        made = create_index(base)
        pages = page_url(f"{base}/bench/files", "", root="+simple")
        return Door(f"{base}/bench/files/", made.password if self.password else made.session, pages)


@dataclass(slots=True)
class PypiserverDoor:
    """pypiserver with a password file as its README makes one."""

    name: str = "pypiserver"
    kind: Kind = Kind.PEER
    requirements: tuple[str, ...] = Pypiserver().requirements
    password: str = field(default_factory=secrets.token_hex)

    def launch(self, folder: Path) -> Launch:
        digest = base64.b64encode(hashlib.sha1(self.password.encode(), usedforsecurity=False).digest()).decode()
        (folder / "passwords").write_text(f"bench:{{SHA}}{digest}\n")
        (folder / "files").mkdir()
        programs = make_venv("pypiserver", self.requirements)
        options = f"roots=[{str(folder / 'files')!r}], password_file={str(folder / 'passwords')!r}"
        gunicorn = (str(programs / "gunicorn"), "--bind", "127.0.0.1:{port}", "--workers", "1")
        return Launch(self.name, (*gunicorn, f"pypiserver:app({options}, authenticate=['update'])"), ready="/simple/")

    def open(self, base: str, folder: Path) -> Door:
        return Door(f"{base}/", basic_authorization("bench", self.password), page_url(base, ""))


def make_takers() -> tuple[Taker, ...]:
    """Everybody who takes uploads; simple-repository-server does not."""
    return (OurDoor(), BareView(), DevpiDoor(password=False), DevpiDoor(password=True), PypiserverDoor())
