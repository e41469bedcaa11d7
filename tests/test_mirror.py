"""`indexsite mirror` of a real private index, behind nginx as deployed: pip, python-tuf and our client work from it."""

import hashlib
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from indexsite_client.protocol import SIMPLE_JSON
from tests.distributions import sdist, wheel
from tests.proxying import DEPLOYED, find_nginx
from tests.running import BIN, RunningIndex, ask, eventually, free_port
from tests.watching import new_updater, verified_files

_MAIN = """\
daemon off;
user {user};
worker_processes 1;
pid nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path other;
    fastcgi_temp_path other;
    uwsgi_temp_path other;
    scgi_temp_path other;
    {site}
}}
"""


@dataclass
class User:
    """Somebody with a home of his own, who has a token of the private index or none."""

    folder: Path
    token: str = ""

    def indexsite(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "INDEXSITE_", "XDG_"))}
        own = {"XDG_DATA_HOME": f"{self.folder}/data", "XDG_CACHE_HOME": f"{self.folder}/cache"}
        environment = {**kept, **own, "INDEXSITE_TOKEN": self.token}
        command = [str(BIN / "indexsite"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


@dataclass
class Made:
    """A mirror, the index that it is of, and the user who made it."""

    index: RunningIndex
    folder: Path
    user: User
    fingerprint: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("mirror")
    index = RunningIndex(folder / "data", free_port(), {"INDEXSITE_PRIVATE": "1", "INDEXSITE_BINS": "16"}).start()
    token = index.token()
    for filename, content in (wheel("mirrored", "1.0"), sdist("mirrored", "1.0"), wheel("other-one", "1.0")):
        assert index.post_upload(filename, content, token=token).status == 200
    index.wait_until_settled()
    reader = index.token("--scope", "read")
    user = User(folder / "user", reader)
    root = ask(f"{index.url}/tuf/metadata/1.root.json", headers={"Authorization": f"Bearer {reader}"})
    fingerprint = hashlib.sha256(root.body).hexdigest()
    trusted = user.indexsite("trust", index.url, "--fingerprint", fingerprint, "--development")
    assert trusted.returncode == 0, trusted.stderr
    done = user.indexsite("mirror", str(folder / "served"))
    assert done.returncode == 0, done.stderr
    yield Made(index, folder / "served", user, fingerprint)
    index.stop()


@contextmanager
def nginx_over(folder: Path, work: Path) -> Iterator[RunningIndex]:
    """nginx over a mirror, with the deployed configuration and only its places changed."""
    nginx, port = find_nginx(), free_port()
    site = (DEPLOYED / "mirror.conf").read_text()
    site = site.replace("/srv/indexsite-mirror", str(folder)).replace("listen 80;", f"listen 127.0.0.1:{port};")
    work.mkdir()
    main = work / "nginx.conf"
    main.write_text(_MAIN.format(user=pwd.getpwuid(os.geteuid()).pw_name, site=site))
    command = [nginx.path, "-p", str(work), "-e", str(work / "error.log"), "-c", str(main)]
    process = subprocess.Popen(command, env=nginx.environment())
    front = RunningIndex(work, port)

    def answers() -> bool:
        assert process.poll() is None, (work / "error.log").read_text()
        with suppress(OSError):
            return front.get("/simple/").status == 200
        return False

    try:
        eventually(answers, what="nginx")
        yield front
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def front(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    with nginx_over(made.folder, tmp_path_factory.mktemp("nginx") / "work") as front:
        yield front


def test_the_mirror_of_a_real_index_is_as_signed(made: Made) -> None:
    done = made.user.indexsite("verify", "--mirror", str(made.folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 projects" in done.stdout

    again = made.user.indexsite("mirror", str(made.folder))
    assert "nothing is new" in again.stdout
    assert not [
        path for path in made.folder.rglob("*") if path.is_file() and made.user.token.encode() in path.read_bytes()
    ]


def test_python_tuf_verifies_everything_through_nginx(front: RunningIndex, tmp_path: Path) -> None:
    found = verified_files(new_updater(front, tmp_path / "memory", front.root()), "mirrored")
    assert len(found) == 2


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_plain_installers_work_through_nginx(front: RunningIndex, tmp_path: Path, installer: str) -> None:
    source = {"pip": ["--no-cache-dir", "--index-url"], "uv": ["--no-cache", "--default-index"]}[installer]
    start = {"pip": [sys.executable, "-m", "pip"], "uv": [str(BIN / "uv"), "pip"]}[installer]
    command = [*start, "install", "--target", str(tmp_path / "into"), *source, f"{front.url}/simple/", "mirrored"]
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "into" / "mirrored.py").exists()


def test_our_client_installs_verified_from_the_mirror_by_the_same_root(
    made: Made, front: RunningIndex, tmp_path: Path
) -> None:
    user = User(tmp_path / "user")
    trusted = user.indexsite("trust", front.url, "--fingerprint", made.fingerprint, "--development")
    assert trusted.returncode == 0, trusted.stderr
    command = [sys.executable, "-m", "pip", "install", "--target", str(tmp_path / "into"), "mirrored"]
    done = user.indexsite("run", "--", *command)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "into" / "mirrored.py").exists()


def test_nginx_serves_what_a_mirror_has_and_nothing_else(made: Made, front: RunningIndex) -> None:
    assert front.get("/simple/mirrored/").headers["content-type"] == "text/html"
    assert front.get("/simple/mirrored/", Accept=SIMPLE_JSON).headers["content-type"] == SIMPLE_JSON
    assert front.get("/simple/", Accept=SIMPLE_JSON).json()["projects"] == [{"name": "mirrored"}, {"name": "other-one"}]
    assert front.get("/simple/mirrored").status == 301
    missing = front.get("/tuf/metadata/2.root.json")
    assert (missing.status, missing.headers.get("cache-control")) == (404, None)
    assert front.get("/tuf/metadata/timestamp.json").headers["cache-control"] == "no-cache"
    assert (made.folder / ".indexsite-mirror" / "record.json").exists()
    assert front.get("/.indexsite-mirror/record.json").status == 404


def test_files_and_environments_are_compared_with_a_real_index(made: Made, tmp_path: Path) -> None:
    filename, content = wheel("mirrored", "1.0")
    (tmp_path / filename).write_bytes(content)
    told = made.user.indexsite("verify", str(tmp_path / filename))
    assert told.returncode == 0, told.stdout + told.stderr

    environment = tmp_path / "venv"
    subprocess.run([BIN / "uv", "venv", "--quiet", "--python", sys.executable, environment], check=True)
    python = str(environment / "bin" / "python")
    done = made.user.indexsite(
        "run", "--", str(BIN / "uv"), "pip", "install", "--python", python, "mirrored", "other-one"
    )
    assert done.returncode == 0, done.stderr
    fine = made.user.indexsite("verify", "--environment", str(environment))
    assert fine.returncode == 0, fine.stdout + fine.stderr
    [module] = environment.glob("lib/python3*/site-packages/mirrored.py")
    module.write_text("import os\n")
    assert made.user.indexsite("verify", "--environment", str(environment)).returncode == 1


def test_the_tree_that_the_index_exports_verifies_as_its_mirror_does(made: Made, tmp_path: Path) -> None:
    exported = tmp_path / "exported"
    made.index.manage("tuf_export", str(exported))
    done = made.user.indexsite("verify", "--mirror", str(exported))
    assert done.returncode == 0, done.stdout + done.stderr

    [page] = exported.glob("simple/mirrored/index.html.gz")
    page.write_bytes(b"")
    told = made.user.indexsite("verify", "--mirror", str(exported))
    assert (told.returncode, "changed  simple/mirrored/index.html.gz" in told.stdout) == (1, True)
    assert made.user.indexsite("mirror", str(exported)).returncode == 1
