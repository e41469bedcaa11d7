"""PEP 458's appendix A, played by somebody who stands between index and clients and has no keys, or too few."""

from pathlib import Path

import pytest

from client.tests.distributions import wheel
from client.tests.hostile_mirror import HostileMirror, MirrorHandler, flip_byte
from client.tests.index_simulator import IndexSimulator
from client.tests.test_client_attacks import pour
from client.tests.thief import Thief
from client.tests.tuf_clients import RefusedError
from client.tests.victims import APP, EVIL, LIB, NEXT, WHEEL, NewClient, both_kinds, installs, replace_the_wheel, shows
from indexsite_client import protocol
from indexsite_client.errors import UnreachableError, VerificationError
from indexsite_client.fetcher import Downloads, Pace
from indexsite_client.session import VerifiedSession
from indexsite_client.trusted import TrustedIndex


def test_arbitrary_software_is_refused(simulator: IndexSimulator, mirror: HostileMirror, new_client: NewClient) -> None:
    known = both_kinds(new_client)
    mirror.change(lambda path: path.endswith(WHEEL), lambda _: EVIL.data)

    for client in known.values():
        assert not installs(client, EVIL)


def test_a_rollback_is_refused(simulator: IndexSimulator, new_client: NewClient) -> None:
    old = dict(simulator.served)
    simulator.add_project("demo-lib", [wheel("demo-lib", "1.2")])
    simulator.publish()
    client = new_client()
    assert shows(client, NEXT)
    simulator.served |= old

    with pytest.raises(RefusedError, match=r"(?i)version"):
        client.page(LIB)


@pytest.mark.parametrize("end", ["timestamp.json", ".snapshot.json", ".unclaimed.json", ".index.json", WHEEL])
def test_endless_data_is_refused(mirror: HostileMirror, new_client: NewClient, end: str) -> None:
    mirror.behaviours |= {path: pour for path in mirror.served if path.startswith("/tuf/") and path.endswith(end)}

    client = new_client()
    with pytest.raises(RefusedError):
        client.page(LIB) if end == ".index.json" else client.file(LIB, WHEEL)


def test_extraneous_dependencies_are_refused(
    session: VerifiedSession, simulator: IndexSimulator, mirror: HostileMirror
) -> None:
    """What a file requires stands in the file, and in its metadata, of which the signed page has the hash.

    Only ours reads metadata before files, so this is its own test.
    """
    mirror.change(lambda path: path.endswith(f"{WHEEL}.metadata"), lambda data: data + b"Requires-Dist: evil\n")

    with pytest.raises(VerificationError, match="sha256"):
        session.metadata(LIB, WHEEL)


def test_slow_retrieval_is_refused(index: TrustedIndex, mirror: HostileMirror, tmp_path: Path) -> None:
    """python-tuf's own client goes on for as long as a few bytes come; ours wants a minimum rate (DESIGN 7)."""
    mirror.behaviours |= {path: drip for path in mirror.served if path.endswith(WHEEL)}
    downloads = Downloads(pace=Pace(grace=0.3, rate=1000))
    session = VerifiedSession(index, downloads, cache=tmp_path / "cache")
    with pytest.raises(UnreachableError, match="10 kB a second"):
        session.file(LIB, WHEEL)
    session.close()
    downloads.close()


def drip(handler: MirrorHandler) -> None:
    """A byte every fifty milliseconds, until the client hangs up."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server.mirror.stop.wait(0.05):
        handler.wfile.write(b"x")


def test_a_wrong_file_is_refused(simulator: IndexSimulator, mirror: HostileMirror, new_client: NewClient) -> None:
    """A genuine file of the same index, which is not the one that was asked for."""
    other = wheel("demo-app", "2.0", requires=("demo-lib",))
    mirror.change(lambda path: path.endswith(WHEEL), lambda _: other.data)
    mirror.change(lambda path: "/demo-lib/" in path and path.endswith("index.json"), lambda _: page_of_app(simulator))

    for client in (new_client(), new_client()):
        with pytest.raises(RefusedError):
            client.file(LIB, WHEEL)
        with pytest.raises(RefusedError):
            client.page(LIB)


def page_of_app(simulator: IndexSimulator) -> bytes:
    path = protocol.page_target_path(APP)
    sha256 = simulator.targets[simulator.bin_of(path)].targets[path].hashes["sha256"]
    return simulator.served[f"/tuf/targets/demo-app/{sha256}.index.json"]


def test_a_mirror_that_prevents_updates_does_so_only_while_it_is_asked(
    simulator: IndexSimulator, mirror: HostileMirror, new_client: NewClient
) -> None:
    client = new_client()
    mirror.change(lambda path: path.startswith("/tuf/"), flip_byte)
    with pytest.raises(RefusedError):
        client.file(LIB, WHEEL)
    mirror.changes.clear()  # another mirror, or the index itself

    assert client.file(LIB, WHEEL) == wheel("demo-lib", "1.1").data


@pytest.mark.parametrize(("stolen", "succeeds"), [(1, False), (2, True)])
def test_fewer_keys_than_the_threshold_are_none(
    simulator: IndexSimulator, new_client: NewClient, stolen: int, succeeds: bool
) -> None:
    for _ in range(2):
        simulator.add_key(simulator.root, "root")
    simulator.root.roles["root"].threshold = 2
    simulator.publish_root()
    client = new_client()
    thief = Thief(simulator, stolen=["root"])
    thief.forged.signers["root"] = simulator.signers["root"][:stolen]
    replace_the_wheel(thief)
    thief.show()

    assert installs(client, EVIL) == succeeds
