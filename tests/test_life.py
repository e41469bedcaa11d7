"""Acts on a running index, as installers see them: plain pip, the verifying client, python-tuf, and uploaders."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.distributions import wheel
from tests.running import BIN, RunningIndex, eventually
from tests.watching import new_updater, readable_files, verified_files

ACT = """
from django.utils import timezone
from accounts.actors import signed_in_actor
from accounts.models import User
from packages.life import projects, releases
admin, now = signed_in_actor(User.objects.get(username="admin")), timezone.now()
"""


@pytest.fixture(scope="module")
def token(any_index: RunningIndex) -> str:
    return any_index.token()


def fill(index: RunningIndex, token: str, name: str, *versions: str) -> dict[str, bytes]:
    """Upload wheels and wait until they are listed; their bytes by name."""
    files = dict(wheel(name, version) for version in versions)
    for filename, content in files.items():
        assert index.post_upload(filename, content, token=token).status == 200
    index.wait_until_listed(name, *files)
    return files


def act(index: RunningIndex, *lines: str) -> None:
    """Do acts as the administrator, who owns what the tests upload."""
    index.manage("shell", "--verbosity", "0", "-c", ACT + "\n".join(lines))


def status_of(index: RunningIndex, name: str) -> dict[str, str]:
    page = index.page(name)
    found: dict[str, str] = page["project-status"] if page else {}
    return found


def environ(tmp_path: Path) -> dict[str, str]:
    """Without anybody's pip configuration; the client's state in the test's folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "INDEXSITE_"))}
    folders = {"HOME": tmp_path, "XDG_DATA_HOME": tmp_path / "data", "XDG_CACHE_HOME": tmp_path / "cache"}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, **{name: str(path) for name, path in folders.items()}}


def run(*command: object, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    arguments = [str(each) for each in command]
    return subprocess.run(arguments, env=environ(tmp_path), capture_output=True, text=True, timeout=300)


def pip_download(index: RunningIndex, tmp_path: Path, what: str) -> tuple[set[str], str]:
    """The files that plain pip downloads for a requirement, and what it says."""
    folder = tmp_path / f"plain-{len(list(tmp_path.iterdir()))}"
    done = run(
        sys.executable, "-m", "pip", "download", "--no-cache-dir", "--no-deps", "--dest", folder,
        "--index-url", f"{index.url}/simple/", what,
        tmp_path=tmp_path,
    )  # fmt: skip
    return {path.name for path in folder.iterdir()} if done.returncode == 0 else set(), done.stdout + done.stderr


def verified_download(index: RunningIndex, tmp_path: Path, what: str) -> tuple[set[str], str]:
    """The same through the verifying client."""
    if not (tmp_path / "data").exists():
        fingerprint = ["--fingerprint", index.fingerprint(), "--development"]
        trusted = run(BIN / "indexsite", "trust", index.url, *fingerprint, tmp_path=tmp_path)
        assert trusted.returncode == 0, trusted.stderr
    folder = tmp_path / f"verified-{len(list(tmp_path.iterdir()))}"
    done = run(
        BIN / "indexsite", "run", "--", BIN / "pip", "download", "--no-deps", "--dest", folder, what,
        tmp_path=tmp_path,
    )  # fmt: skip
    return {path.name for path in folder.iterdir()} if done.returncode == 0 else set(), done.stdout + done.stderr


def is_gone(index: RunningIndex, tmp_path: Path, name: str, filename: str, content: bytes) -> bool:
    """Whether a file is neither listed, nor a target, nor served under any address."""
    sha256 = hashlib.sha256(content).hexdigest()
    paths = [f"/files/{sha256}/{filename}", f"/files/{sha256}/{filename}.metadata"]
    paths.append(f"/tuf/targets/{name}/{sha256}.{filename}")
    target = new_updater(index, tmp_path / "updater", index.root()).get_targetinfo(f"{name}/{filename}")
    is_listed = filename in readable_files(index, name)
    return not is_listed and target is None and all(index.get(path).status == 404 for path in paths)


def test_pip_passes_over_a_yanked_release_unless_it_is_pinned(
    any_index: RunningIndex, token: str, tmp_path: Path
) -> None:
    old, new = fill(any_index, token, "yanked", "1.0", "2.0")
    act(any_index, "releases.yank_release(admin, 'yanked', '2.0', reason='<broken> & \"bad\"', now=now)")
    eventually(lambda: any_index.page("yanked")["files"][1]["yanked"])
    assert [file["yanked"] for file in any_index.page("yanked")["files"]] == [False, '<broken> & "bad"']
    html = any_index.get("/simple/yanked/").text
    assert html.count("data-yanked") == 1
    assert 'data-yanked="&lt;broken&gt; &amp; &quot;bad&quot;"' in html
    for download in (pip_download, verified_download):
        assert download(any_index, tmp_path, "yanked")[0] == {old}
        files, said = download(any_index, tmp_path, "yanked==2.0")
        assert files == {new}
        assert "broken" in said
    act(
        any_index,
        "releases.yank_file(admin, 'yanked', 'yanked-2.0-py3-none-any.whl', now=now)",
        "releases.unyank_release(admin, 'yanked', '2', now=now)",
    )
    eventually(lambda: any_index.page("yanked")["files"][1]["yanked"] is True)
    act(any_index, "releases.unyank_file(admin, 'yanked', 'yanked-2.0-py3-none-any.whl', now=now)")
    eventually(lambda: any_index.page("yanked")["files"][1]["yanked"] is False)


def test_a_deleted_file_is_gone_and_its_name_is_never_used_again(
    any_index: RunningIndex, token: str, tmp_path: Path
) -> None:
    files = fill(any_index, token, "deleted-file", "1.0", "2.0")
    gone, kept = files
    assert not is_gone(any_index, tmp_path, "deleted-file", gone, files[gone])
    act(any_index, f"releases.delete_file(admin, 'deleted-file', {gone!r}, now=now)")
    eventually(lambda: set(readable_files(any_index, "deleted-file")) == {kept})
    assert is_gone(any_index, tmp_path, "deleted-file", gone, files[gone])
    assert set(verified_files(new_updater(any_index, tmp_path / "new", any_index.root()), "deleted-file")) == {kept}
    other = wheel("deleted-file", "1.0", members={"other.py": b"OTHER = 1\n"})
    for content in (files[gone], other[1]):
        refused = any_index.post_upload(gone, content, token=token)
        assert refused.status == 400
        assert "was deleted here" in refused.text.splitlines()[0]
    assert set(readable_files(any_index, "deleted-file")) == {kept}


def test_a_deleted_project_has_no_page_and_its_name_is_kept(
    any_index: RunningIndex, token: str, tmp_path: Path
) -> None:
    [(filename, content)] = fill(any_index, token, "deleted-project", "1.0").items()
    page = any_index.get("/simple/").text
    assert ">deleted-project<" in page
    act(any_index, "projects.delete_project(admin, 'deleted-project', now=now)")
    eventually(lambda: any_index.page("deleted-project") is None)
    assert any_index.get("/simple/deleted-project/").status == 404
    assert any_index.get("/project/deleted-project/").status == 404
    assert ">deleted-project<" not in any_index.get("/simple/").text
    assert is_gone(any_index, tmp_path, "deleted-project", filename, content)
    assert verified_files(new_updater(any_index, tmp_path / "new", any_index.root()), "deleted-project") == {}
    later = wheel("deleted-project", "2.0")
    refused = any_index.post_upload(*later, token=token)
    assert refused.status == 400
    assert "is deleted: its name is kept" in refused.text
    act(any_index, "projects.restore_project(admin, 'deleted-project', now=now)")
    eventually(lambda: status_of(any_index, "deleted-project") == {"status": "active"})
    assert any_index.page("deleted-project")["files"] == []
    assert any_index.post_upload(filename, content, token=token).status == 400
    fill(any_index, token, "deleted-project", "2.0")


def test_a_quarantined_project_is_refused_by_every_client_and_comes_back_whole(
    any_index: RunningIndex, token: str, tmp_path: Path
) -> None:
    [(filename, content)] = fill(any_index, token, "quarantined", "1.0").items()
    for download in (pip_download, verified_download):
        assert download(any_index, tmp_path, "quarantined")[0] == {filename}
    act(any_index, "projects.quarantine_project(admin, 'quarantined', reason='malware', now=now)")
    eventually(lambda: status_of(any_index, "quarantined") == {"status": "quarantined", "reason": "malware"})
    page = any_index.page("quarantined")
    assert (page["files"], page["versions"]) == ([], [])
    html = any_index.get("/simple/quarantined/").text
    assert '<meta name="pypi:project-status" content="quarantined">' in html
    assert '<meta name="pypi:project-status-reason" content="malware">' in html
    assert "<a " not in html
    assert is_gone(any_index, tmp_path, "quarantined", filename, content)
    for what in ("quarantined", "quarantined==1.0"):
        for download in (pip_download, verified_download):
            files, said = download(any_index, tmp_path, what)
            assert files == set()
            assert "No matching distribution found" in said
    refused = any_index.post_upload(*wheel("quarantined", "2.0"), token=token)
    assert (refused.status, "is quarantined: an administrator" in refused.text) == (400, True)
    act(any_index, "projects.lift_quarantine(admin, 'quarantined', now=now)")
    eventually(lambda: set(readable_files(any_index, "quarantined")) == {filename})
    assert status_of(any_index, "quarantined") == {"status": "active"}
    for download in (pip_download, verified_download):
        assert download(any_index, tmp_path, "quarantined")[0] == {filename}


def test_an_archived_project_is_installed_and_takes_no_uploads(
    any_index: RunningIndex, token: str, tmp_path: Path
) -> None:
    [filename] = fill(any_index, token, "archived", "1.0")
    act(any_index, "projects.deprecate_project(admin, 'archived', reason='use other', now=now)")
    eventually(lambda: status_of(any_index, "archived") == {"status": "deprecated", "reason": "use other"})
    fill(any_index, token, "archived", "0.1")  # a deprecated one goes on
    act(any_index, "projects.archive_project(admin, 'archived', now=now)")
    eventually(lambda: status_of(any_index, "archived") == {"status": "archived"})
    assert pip_download(any_index, tmp_path, "archived")[0] == {filename}
    later = wheel("archived", "2.0")
    refused = any_index.post_upload(*later, token=token)
    assert (refused.status, "ask an owner to unarchive it" in refused.text) == (400, True)
    act(any_index, "projects.unarchive_project(admin, 'archived', now=now)")
    fill(any_index, token, "archived", "2.0")
