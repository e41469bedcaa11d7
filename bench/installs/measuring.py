"""The install benchmark: from nginx, from ours, and verified with a cold and a warm client, in turns."""

import hashlib
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.asks import Ask, fetch
from bench.figures import Findings, say
from bench.installs.installing import Home, Installer, install_plain, install_verified
from bench.installs.packages import TOP, copy_pages_and_files, packages_to_install
from bench.names import COLD, INSTALLS, NGINX, OURS, PLAIN, WARM
from bench.nginx import count_in_front, serve_folder
from bench.ours import create_token, launch_index
from bench.processes import Running, running
from bench.reading import FAILURES
from bench.uploading import basic_authorization, upload_wheels
from bench.uploads.watching import Pages

FAULTS = (*FAILURES, subprocess.TimeoutExpired)


def measure_installs(findings: Findings, *, rounds: int) -> None:
    """Add the seconds of each install and the bytes that the client fetched; a failure ends this section only."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-installs-")))
        try:
            say("starting ours and nginx for installs")
            ours = stack.enter_context(running(launch_index(folder / "data")))
            fill_with_packages(ours.base, folder / "data")
            home = Home(folder / "home")
            home.folder.mkdir()
            home.trust(ours.base, fingerprint(ours.base))
            copy_pages_and_files(ours.base, folder / "copies")
            nginx = stack.enter_context(running(serve_folder(NGINX, folder / "copies", ready=f"/simple/{TOP}/")))
            for number in range(rounds):
                say(f"installs, round {number + 1} of {rounds}")
                for installer in Installer:
                    _measure_round(installer, home, folder / "target", ours.base, nginx.base, findings)
            say("installs: what the client fetches")
            _count_fetched(folder, ours, stack, findings)
        except FAULTS as error:
            findings.note_failure("installs", error)


def _measure_round(installer: Installer, home: Home, target: Path, ours: str, nginx: str, findings: Findings) -> None:
    """Cold before warm, so that what the cold one has fetched is what the warm one knows."""

    def cold() -> float:
        home.forget_fetched()
        return install_verified(installer, home, target, base=ours)

    acts: dict[str, Callable[[], float]] = {
        NGINX: lambda: install_plain(installer, home, target, base=nginx),
        PLAIN: lambda: install_plain(installer, home, target, base=ours),
        COLD: cold,
        WARM: lambda: install_verified(installer, home, target, base=ours),
    }
    for who, act in acts.items():
        findings.add(INSTALLS, installer.value, who, unit="s", value=act())


def _count_fetched(folder: Path, ours: Running, stack: ExitStack, findings: Findings) -> None:
    """Once more through a counting nginx, which is another address, so it is trusted by another home."""
    log = folder / "fetched.log"
    front = stack.enter_context(running(count_in_front("nginx-counting", log, behind=OURS), behind=ours))
    home = Home(folder / "counted")
    home.folder.mkdir()
    home.trust(front.base, fingerprint(front.base))
    home.forget_fetched()
    for who in (COLD, WARM):
        log.write_text("")  # nginx appends to it
        install_verified(Installer.PIP, home, folder / "target", base=front.base)
        lines = [line.rsplit(" ", 1) for line in log.read_text().splitlines()]
        sizes = [(path, int(size)) for path, size in lines]
        metadata = sum(size for path, size in sizes if path.startswith("/tuf/metadata/"))
        findings.add(INSTALLS, "metadata", who, unit="kB", value=metadata / 1000)
        findings.add(INSTALLS, "everything", who, unit="kB", value=sum(size for _, size in sizes) / 1000)


def fingerprint(base: str) -> str:
    """The SHA-256 of the newest root of the index at `base`."""
    version = 1
    while fetch(Ask(f"{base}/tuf/metadata/{version + 1}.root.json")).status == 200:
        version += 1
    return hashlib.sha256(fetch(Ask(f"{base}/tuf/metadata/{version}.root.json")).body).hexdigest()


def fill_with_packages(base: str, data: Path) -> None:
    """Upload the packages to the index at `base` and wait until they are listed."""
    wheels = packages_to_install()
    upload_wheels(f"{base}/legacy/", wheels, basic_authorization("__token__", create_token(data)))
    pages = Pages(f"{base}/simple/")
    try:
        for wheel in wheels:
            pages.await_listed(wheel.project, [wheel.filename])
    finally:
        pages.close()
