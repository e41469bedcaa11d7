"""Attestations that are not taken, whom that concerns, real ones of the public Sigstore, and what backups keep."""

import hashlib
import json
import os
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from packages.forms import MOST_ATTESTATIONS
from storage.contract import blob_name
from tests.attesting import OwnSigstore, github
from tests.backups import SMALL, run
from tests.conftest import NewIndex
from tests.distributions import wheel
from tests.refusals import assert_refused, stored_files
from tests.running import BIN, RunningIndex, eventually, free_port
from tests.test_attestations import address_of, provenance_of, upload

ASSETS = Path(__file__).resolve().parent / "assets" / "attested"
REAL = ASSETS / "pypi_attestations-0.0.19.tar.gz"


@pytest.fixture(scope="module")
def sigstore() -> OwnSigstore:
    return OwnSigstore()


@pytest.fixture(scope="module")
def settings(sigstore: OwnSigstore, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = sigstore.trusted_root(tmp_path_factory.mktemp("sigstore") / "trusted_root.json")
    named = "github:acme/demo@release.yml, gitlab:acme/*"
    return {**SMALL, "INDEXSITE_ATTESTATION_IDENTITIES": named, "INDEXSITE_SIGSTORE_ROOT": str(root)}


@pytest.fixture(scope="module")
def index(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    index = RunningIndex(tmp_path_factory.mktemp("index") / "data", free_port(), settings).start()
    yield index
    index.stop()


@pytest.fixture(scope="module")
def token(index: RunningIndex) -> str:
    return index.token()


def verifying(index: RunningIndex) -> list[psutil.Process]:
    """The processes that verify for an index."""
    processes = map(psutil.Process, index.process_ids())
    return [each for each in processes if "packages.attestations.verifying" in each.cmdline()]


def test_an_index_where_nobodys_count_takes_none_and_loads_nothing(module_index: RunningIndex) -> None:
    token, (filename, content) = module_index.token(), wheel("uncounted", "1.0")
    before = stored_files(module_index)
    reply = module_index.post_upload(filename, content, token=token, attestations="[{}]")
    assert_refused(module_index, reply, 400, "Nobody's attestations count for uncounted here", before)
    assert module_index.post_upload(filename, content, token=token).status == 200
    assert verifying(module_index) == []
    maps = "".join(Path(f"/proc/{each}/maps").read_text() for each in module_index.process_ids())
    assert "rfc3161" not in maps  # of what only sigstore needs


def test_what_is_refused_leaves_nothing_and_its_neighbour_passes(
    index: RunningIndex, token: str, sigstore: OwnSigstore
) -> None:
    filename, content = wheel("refused", "1.0")
    before = stored_files(index)
    right = sigstore.attest(filename, content)
    stranger = sigstore.attest(filename, content, by=github("evil/demo"))
    about_another = sigstore.attest(filename, b"other")
    for attestations, words in [
        (json.dumps([stranger]), "is attested by github:evil/demo@release.yml, and for refused only these count"),
        (json.dumps([about_another]), "it is about other bytes"),
        (json.dumps([right, right]), "two of them are of one kind"),
        ("[]", "a file has 1 to 2, and 0 came"),
        ("[", "no attestations of PEP 740"),
        ("[" + " " * MOST_ATTESTATIONS, f"more than {MOST_ATTESTATIONS} characters"),
    ]:
        reply = index.post_upload(filename, content, token=token, attestations=attestations)
        assert_refused(index, reply, 400, words, before)
    upload(index, token, sigstore, (filename, content))
    [process] = verifying(index)  # one for all of them
    assert process.is_running()


def test_a_bad_archive_is_refused_however_well_it_is_attested(
    index: RunningIndex, token: str, sigstore: OwnSigstore
) -> None:
    filename, content = wheel("bad-archive", "1.0")
    content += b"x"
    before = stored_files(index)
    attestations = json.dumps([sigstore.attest(filename, content)])
    reply = index.post_upload(filename, content, token=token, attestations=attestations)
    assert (reply.status, stored_files(index)) == (400, before)


def test_a_real_file_is_taken_with_what_github_attested_and_verifies_for_others(
    new_index: NewIndex, tmp_path: Path
) -> None:
    named = "github:trailofbits/pypi-attestations@release.yml"
    index = new_index(**SMALL, INDEXSITE_ATTESTATION_IDENTITIES=named, INDEXSITE_PRIVATE="1").start()
    token = index.token()
    attestations = [ASSETS / f"{REAL.name}.{kind}.attestation" for kind in ("publish", "slsa")]
    done = index.twine_upload([REAL, *attestations, Path("--attestations")], token=token)
    assert done.returncode == 0, done.stdout + done.stderr
    basic = f"Basic {b64encode(f'__token__:{token}'.encode()).decode()}"
    eventually(lambda: index.page("pypi-attestations", Authorization=basic), what="the page")
    path = f"/integrity/pypi-attestations/0.0.19/{REAL.name}/provenance"
    assert index.get(path).status == 401
    reply = index.get(path, Authorization=basic)
    (tmp_path / "provenance.json").write_bytes(reply.body)
    command = [str(BIN / "pypi-attestations"), "verify", "pypi", "--offline", "--provenance-file"]
    command += [str(tmp_path / "provenance.json"), "--repository", "https://github.com/trailofbits/pypi-attestations"]
    verified = subprocess.run(
        [*command, str(REAL)], env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, timeout=60
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert f"OK: {REAL.name}" in verified.stdout + verified.stderr


def test_an_index_that_can_verify_nothing_says_so_and_keeps_nothing(new_index: NewIndex, tmp_path: Path) -> None:
    kind = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
    root = tmp_path / "trusted_root.json"  # right in its form only
    root.write_text(json.dumps({"mediaType": kind, "certificateAuthorities": [{"x": 1}], "tlogs": [1]}))
    named = {"INDEXSITE_ATTESTATION_IDENTITIES": "github:acme/demo", "INDEXSITE_SIGSTORE_ROOT": str(root)}
    index = new_index(**SMALL, **named).start()
    token, (filename, content) = index.token(), wheel("unverifiable", "1.0")
    before = stored_files(index)
    reply = index.post_upload(filename, content, token=token, attestations="[{}]")
    assert_refused(index, reply, 503, "This index cannot verify attestations", before)


def test_a_backup_keeps_provenance_and_what_came_after_it_comes_back(
    new_index: NewIndex, settings: dict[str, str], sigstore: OwnSigstore, tmp_path: Path
) -> None:
    index = new_index(**settings).start()
    token = index.token()
    first = upload(index, token, sigstore, wheel("kept", "1.0"))
    done = run(index, "backup", tmp_path / "backup")
    assert done.returncode == 0, done.stderr
    second = upload(index, token, sigstore, wheel("kept", "2.0"))
    before = {filename: provenance_of(index, "kept", filename).body for filename in (first, second)}
    [process] = verifying(index)
    index.stop()
    eventually(lambda: not process.is_running(), what="the end of the process that verified")
    (index.data / "store" / blob_name(hashlib.sha256(before[first]).hexdigest())).unlink()
    done = run(index, "restore", tmp_path / "backup", "--replace")
    assert done.returncode == 0, done.stderr

    index.start()
    third = upload(index, index.token(), sigstore, wheel("kept", "3.0"))  # the page is made anew, of rows
    assert {filename: provenance_of(index, "kept", filename).body for filename in (first, second)} == before
    assert provenance_of(index, "kept", third).status == 200
    assert index.get("/project/kept/").text.count(">GitHub Actions, acme/demo @ release.yml</a>") == 3
    assert index.get(address_of("kept", first)).status == 200


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("INDEXSITE_ATTESTATION_IDENTITIES", "acme/demo", "'acme/demo' names no publisher; write it as one of"),
        ("INDEXSITE_SIGSTORE_ROOT", "/nowhere/root.json", "cannot be read as a trusted root of Sigstore"),
    ],
)
def test_nonsense_in_the_settings_is_refused_at_the_start(
    new_index: NewIndex, name: str, value: str, words: str
) -> None:
    done = run(new_index(**{name: value}), "check")
    assert done.returncode != 0
    assert name in done.stderr
    assert words in done.stderr
