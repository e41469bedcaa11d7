"""Attested files in a running index: uploaded by twine and uv, named in the signed page, served, and gone with it."""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import ANY
from urllib.parse import urldefrag, urljoin

import pytest
from pypi_attestations import Provenance

from packages.attestations.verifier import AttestationVerifier
from tests.attesting import OwnSigstore, github
from tests.conftest import scaled_index
from tests.distributions import sdist, wheel
from tests.running import BIN, Reply, RunningIndex, ask, eventually, free_port
from tests.scaled import Servers
from tests.test_life import act, environ, pip_download, verified_download

ASSETS = Path(__file__).resolve().parent / "assets" / "attested"
INTEGRITY = "application/vnd.pypi.integrity.v1+json"
OURS = {"INDEXSITE_ATTESTATION_IDENTITIES": "github:acme/*"}
NAME_PUBLISHERS = "from packages.attestations.naming import name_publishers; name_publishers(admin, {}, {}, now=now)"


@pytest.fixture(scope="module")
def sigstore() -> OwnSigstore:
    return OwnSigstore()


@pytest.fixture(scope="module")
def settings(sigstore: OwnSigstore, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of an index that takes what workflows of acme attest, at the tests' own Sigstore."""
    root = sigstore.trusted_root(tmp_path_factory.mktemp("sigstore") / "trusted_root.json")
    return {**OURS, "INDEXSITE_SIGSTORE_ROOT": str(root)}


@pytest.fixture(scope="module", params=["embedded", "scaled"])
def index(
    request: pytest.FixtureRequest, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningIndex]:
    if request.param == "scaled":
        servers: Servers = request.getfixturevalue("servers")
        with scaled_index(servers, tmp_path_factory.mktemp("scaled"), **settings) as scaled:
            yield scaled
        return
    index = RunningIndex(tmp_path_factory.mktemp("index") / "data", free_port(), settings).start()
    yield index
    index.stop()


@pytest.fixture(scope="module")
def token(index: RunningIndex) -> str:
    return index.token()


def put(folder: Path, filename: str, content: bytes, attestation: object) -> Path:
    """A file with its attestation beside it, as tools that publish look for it."""
    path = folder / filename
    path.write_bytes(content)
    path.with_name(f"{filename}.publish.attestation").write_text(json.dumps(attestation))
    return path


def upload(index: RunningIndex, token: str, sigstore: OwnSigstore, made: tuple[str, bytes]) -> str:
    """Upload a file with an attestation, and wait until it is listed."""
    filename, content = made
    attestations = json.dumps([sigstore.attest(filename, content)])
    reply = index.post_upload(filename, content, token=token, attestations=attestations)
    assert reply.status == 200, reply.text
    index.wait_until_listed(filename.split("-")[0].replace("_", "-"), filename)
    return filename


def provenance_of(index: RunningIndex, name: str, filename: str) -> Reply:
    """What lies where the page says that the file's provenance is, if its hash is the page's too."""
    [entry] = [file for file in index.page(name)["files"] if file["filename"] == filename]
    address, fragment = urldefrag(urljoin(f"{index.url}/simple/{name}/", entry["provenance"]))
    reply = ask(address)
    assert fragment == f"sha256={hashlib.sha256(reply.body).hexdigest()}"
    return reply


def address_of(name: str, filename: str) -> str:
    return f"/integrity/{name}/1.0/{filename}/provenance"


def test_twine_uploads_attestations_that_verify_again_where_the_page_says(
    index: RunningIndex, token: str, sigstore: OwnSigstore, settings: dict[str, str], tmp_path: Path
) -> None:
    filename, content = wheel("attested", "1.0")
    attestation = sigstore.attest(filename, content)
    path = put(tmp_path, filename, content, attestation)
    done = index.twine_upload([path, Path(f"{path}.publish.attestation"), Path("--attestations")], token=token)
    assert done.returncode == 0, done.stdout + done.stderr
    index.wait_until_listed("attested", filename)

    reply = provenance_of(index, "attested", filename)
    assert (reply.status, reply.headers["content-type"]) == (200, INTEGRITY)
    assert ask(f"{index.url}{address_of('attested', filename)}").body == reply.body
    [bundle] = Provenance.model_validate_json(reply.body).attestation_bundles
    assert bundle.publisher.model_dump() == {
        "kind": "GitHub", "repository": "acme/demo", "workflow": "release.yml", "environment": None,
    }  # fmt: skip
    served = json.dumps([each.model_dump(mode="json") for each in bundle.attestations])
    verifier = AttestationVerifier(settings["INDEXSITE_SIGSTORE_ROOT"])
    try:
        sha256 = hashlib.sha256(content).hexdigest()
        assert (
            str(verifier.verify(served, filename=filename, sha256=sha256).publisher) == "github:acme/demo@release.yml"
        )
    finally:
        verifier.end()


def test_uv_sends_the_attestation_that_lies_beside_the_file(
    index: RunningIndex, token: str, sigstore: OwnSigstore, tmp_path: Path
) -> None:
    filename, content = sdist("attested-by-uv", "1.0")
    put(tmp_path, filename, content, sigstore.attest(filename, content))
    command = [
        str(BIN / "uv"),
        "publish",
        "--publish-url",
        f"{index.url}/legacy/",
        "--token",
        token,
        f"{tmp_path}/{filename}*",
    ]
    done = subprocess.run(command, env=environ(tmp_path), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    index.wait_until_listed("attested-by-uv", filename)
    assert provenance_of(index, "attested-by-uv", filename).status == 200


def test_installers_read_pages_that_name_provenance(
    index: RunningIndex, token: str, sigstore: OwnSigstore, tmp_path: Path
) -> None:
    filename = upload(index, token, sigstore, wheel("attested-installed", "1.0"))
    for download in (pip_download, verified_download):
        assert download(index, tmp_path, "attested-installed") == ({filename}, ANY)
    command = [str(BIN / "uv"), "pip", "compile", "--no-cache", "--index-url", f"{index.url}/simple/", "-"]
    done = subprocess.run(
        command, env=environ(tmp_path), input="attested-installed", capture_output=True, text=True, timeout=120
    )
    assert "attested-installed==1.0" in done.stdout, done.stderr
    html = index.get("/simple/attested-installed/").text
    assert f'data-provenance="../..{address_of("attested-installed", filename)}#sha256=' in html


def test_the_page_for_people_names_the_publisher(index: RunningIndex, token: str, sigstore: OwnSigstore) -> None:
    filename = upload(index, token, sigstore, wheel("attested-shown", "1.0"))
    eventually(lambda: filename in index.get("/project/attested-shown/").text, what="the file on the page for people")
    shown = index.get("/project/attested-shown/").text
    assert ">GitHub Actions, acme/demo @ release.yml</a>" in shown
    assert 'href="https://github.com/acme/demo"' in shown
    assert f'href="{address_of("attested-shown", filename)}"' in shown


def test_what_was_not_attested_is_as_before(index: RunningIndex, token: str) -> None:
    filename, content = wheel("plain", "1.0")
    assert index.post_upload(filename, content, token=token).status == 200
    index.wait_until_listed("plain", filename)
    assert "provenance" not in index.page("plain")["files"][0]
    assert "Attested" not in index.get("/project/plain/").text
    for path in (address_of("plain", filename), address_of("absent", filename), "/integrity/", "/integrity/plain/1.0"):
        reply = index.get(path)
        assert (reply.status, reply.text) == (404, "There is no provenance of such a file here.\n")


def test_provenance_lies_under_one_address(index: RunningIndex, token: str, sigstore: OwnSigstore) -> None:
    filename = upload(index, token, sigstore, wheel("attested-once", "1.0"))
    right = address_of("attested-once", filename)
    assert index.get(right).status == 200
    for wrong in (
        right.replace("/1.0/", "/1.1/"),
        right.replace("/attested-once/", "/plain/"),
        f"{right}/",
        right[:-11],
    ):
        assert index.get(wrong).status == 404
    etag = index.get(right).headers["etag"]
    assert index.get(right, If_None_Match=etag).status == 304


def test_provenance_goes_with_its_file(index: RunningIndex, token: str, sigstore: OwnSigstore) -> None:
    filename = upload(index, token, sigstore, wheel("attested-gone", "1.0"))
    path = address_of("attested-gone", filename)
    assert index.get(path).status == 200
    act(index, "projects.quarantine_project(admin, 'attested-gone', now=now)")
    eventually(lambda: index.get(path).status == 404)
    act(index, "projects.lift_quarantine(admin, 'attested-gone', now=now)")
    eventually(lambda: index.get(path).status == 200)
    act(index, f"releases.delete_file(admin, 'attested-gone', '{filename}', now=now)")
    eventually(lambda: index.get(path).status == 404)


def test_attestations_come_with_the_file_or_not_at_all(index: RunningIndex, token: str, sigstore: OwnSigstore) -> None:
    filename, content = wheel("attested-late", "1.0")
    assert index.post_upload(filename, content, token=token).status == 200
    attestations = json.dumps([sigstore.attest(filename, content)])
    again = index.post_upload(filename, content, token=token, attestations=attestations)
    assert again.status == 200
    assert "attestations were not looked at" in again.text.splitlines()[1]
    index.wait_until_listed("attested-late", filename)
    assert "provenance" not in index.page("attested-late")["files"][0]


def test_a_project_that_names_publishers_takes_theirs_only(
    index: RunningIndex, token: str, sigstore: OwnSigstore
) -> None:
    upload(index, token, sigstore, wheel("attested-own", "1.0"))
    act(index, NAME_PUBLISHERS.format("'attested-own'", "['github:other/tools']"))
    filename, content = wheel("attested-own", "2.0")
    refused = [sigstore.attest(filename, content)]
    reply = index.post_upload(filename, content, token=token, attestations=json.dumps(refused))
    assert (reply.status, "only these count: github:other/tools" in reply.text) == (400, True)
    taken = [sigstore.attest(filename, content, by=github("other/tools"))]
    assert index.post_upload(filename, content, token=token, attestations=json.dumps(taken)).status == 200
    act(index, NAME_PUBLISHERS.format("'attested-own'", "[]"))
    upload(index, token, sigstore, wheel("attested-own", "3.0"))
