"""A hostile mirror stands between client and index: whatever it does is refused and nothing gets installed."""

import subprocess
from collections.abc import Callable
from datetime import timedelta

import pytest
from tuf.api.metadata import DelegatedRole

from client.tests.distributions import wheel
from client.tests.homes import Home
from client.tests.hostile_mirror import HostileMirror, MirrorHandler, flip_byte
from client.tests.index_simulator import IndexSimulator, new_signer, with_entry
from indexsite_client import protocol
from indexsite_client.errors import VerificationError
from indexsite_client.session import VerifiedSession

KINDS = ["pip", "uv"]
LIB = protocol.normalize_name("demo-lib")
METADATA_ROLES = ["timestamp", "snapshot", "targets", "claimed", "recently-claimed", "unclaimed", "bin-"]


def assert_refused(home: Home, done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert done.returncode in {1, 2}, (done.stdout, done.stderr)  # the installer's own or ours
    assert home.installed() == set()
    ours = [line for line in done.stderr.splitlines() if line.startswith("indexsite: ")]
    assert ours
    assert all(word in "\n".join(ours) for word in words), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_with_a_flipped_byte_is_refused(trusted: Home, mirror: HostileMirror, kind: str) -> None:
    mirror.change(lambda path: path.startswith("/tuf/targets/demo-lib/") and path.endswith(".whl"), flip_byte)

    assert_refused(trusted, trusted.run(*trusted.installer(kind, "demo-lib")), "demo_lib-1.1", "sha256")


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_with_a_flipped_byte_is_refused(trusted: Home, mirror: HostileMirror, kind: str) -> None:
    mirror.change(lambda path: path.endswith(".index.json"), flip_byte)

    assert_refused(trusted, trusted.run(*trusted.installer(kind, "demo-lib")), "demo-lib/index.json", "sha256")


def test_core_metadata_with_a_flipped_byte_is_refused(trusted: Home, mirror: HostileMirror) -> None:
    mirror.change(lambda path: path.endswith(".metadata"), flip_byte)

    assert_refused(trusted, trusted.run(*trusted.installer("uv", "demo-lib")), "metadata of demo_lib-1.1", "sha256")


@pytest.mark.parametrize("role", METADATA_ROLES)
def test_each_kind_of_metadata_with_a_flipped_byte_is_refused(
    session: VerifiedSession, mirror: HostileMirror, role: str
) -> None:
    mirror.change(lambda path: path.startswith("/tuf/metadata/") and role in path.rpartition("/")[2], flip_byte)

    with pytest.raises(VerificationError):
        session.page(LIB)


@pytest.mark.parametrize("role", ["timestamp", "bin-"])
def test_metadata_with_a_flipped_byte_is_refused(trusted: Home, mirror: HostileMirror, role: str) -> None:
    mirror.change(lambda path: path.startswith("/tuf/metadata/") and role in path.rpartition("/")[2], flip_byte)
    # What is remembered and cached from the time of `trust` must not hide the attack.
    trusted.environment["XDG_CACHE_HOME"] += "-new"
    for name in ("snapshot.json", "timestamp.json"):
        next(trusted.folder.glob(f"data/indexsite/indexes/*/state/{name}")).unlink()

    assert_refused(trusted, trusted.run(*trusted.installer("uv", "demo-lib")))


def test_a_changed_next_root_is_refused(trusted: Home, simulator: IndexSimulator, mirror: HostileMirror) -> None:
    simulator.root.version = 2
    simulator.root.expires += timedelta(days=1)
    simulator.signers["root"] = [new_signer()]
    simulator.publish_root()

    assert_refused(trusted, trusted.run(*trusted.installer("uv", "demo-lib")), "signatures")


def test_an_old_timestamp_is_refused(trusted: Home, simulator: IndexSimulator, mirror: HostileMirror) -> None:
    old = simulator.served["/tuf/metadata/timestamp.json"]
    simulator.publish()
    assert trusted.run(*trusted.uv, "list", "--python", trusted.python).returncode == 0
    simulator.served["/tuf/metadata/timestamp.json"] = old

    assert_refused(trusted, trusted.run(*trusted.installer("uv", "demo-lib")), "version never goes back")


def test_expired_metadata_is_refused(trusted: Home, simulator: IndexSimulator) -> None:
    simulator.publish(timestamp_life=timedelta(hours=-1))

    assert_refused(trusted, trusted.run(*trusted.installer("uv", "demo-lib")), "timestamp.json is expired")


def pour(handler: MirrorHandler) -> None:
    """Endless data, until the client hangs up."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    while True:
        handler.wfile.write(b"{" * 65536)


@pytest.mark.parametrize("end", ["timestamp.json", ".index.json", "1.1-py3-none-any.whl"])
def test_endless_data_is_refused(session: VerifiedSession, mirror: HostileMirror, end: str) -> None:
    mirror.behaviours |= {path: pour for path in mirror.served if path.startswith("/tuf/") and path.endswith(end)}

    with pytest.raises(VerificationError, match="longer"):
        session.file(LIB, "demo_lib-1.1-py3-none-any.whl")


def test_an_install_with_endless_data_is_refused(trusted: Home, mirror: HostileMirror) -> None:
    mirror.behaviours |= {path: pour for path in mirror.served if path.endswith("1.1-py3-none-any.whl")}

    assert_refused(trusted, trusted.run(*trusted.installer("uv", "demo-lib")), "longer")


def test_a_redirect_is_not_followed(trusted: Home, mirror: HostileMirror, canary: HostileMirror) -> None:
    def redirect(handler: MirrorHandler) -> None:
        handler.answer(302, b"", location=canary.url + handler.path)

    mirror.behaviours["/tuf/metadata/timestamp.json"] = redirect

    assert_refused(trusted, trusted.run(*trusted.installer("uv", "demo-lib")), "302")
    assert canary.connections == 0


@pytest.fixture
def robbed(simulator: IndexSimulator) -> IndexSimulator:
    """An index with a properly claimed project, whose online keys a thief has."""
    role = simulator.claim("victim", delegator=protocol.CLAIMED)
    simulator.add_project("victim", [wheel("victim")], role=role)
    simulator.publish()
    return simulator


def steal(simulator: IndexSimulator, path: str, *, terminating: bool, forge: bool) -> None:
    thief = new_signer()
    keys = [thief.public_key.keyid]
    role = DelegatedRole("project-victim", keys, 1, terminating, paths=[path])
    simulator.delegate(protocol.RECENTLY_CLAIMED, [role], [thief.public_key])
    if forge:
        simulator.signers["project-victim"] = [thief]
        simulator.new_targets("project-victim")
        simulator.add_project("victim", [wheel("victim", says="evil")], role="project-victim")
    simulator.publish()


@pytest.mark.parametrize("order", [["victim", "demo-lib"], ["demo-lib", "victim"], ["victim"]])
@pytest.mark.parametrize("path", ["victim/*", "*/*"])
@pytest.mark.parametrize("forge", [False, True])
def test_a_thiefs_delegation_of_a_claimed_role_is_refused(
    robbed: IndexSimulator, session: VerifiedSession, order: list[str], path: str, forge: bool
) -> None:
    steal(robbed, path, terminating=path != "*/*", forge=forge)

    with pytest.raises(VerificationError, match="project-victim" if path == "victim/*" else "recently-claimed"):
        visit(session, order)


def visit(session: VerifiedSession, order: list[str]) -> None:
    for name in order:
        session.page(protocol.normalize_name(name))


@pytest.mark.parametrize("kind", KINDS)
def test_an_install_with_a_thiefs_delegation_is_refused(trusted: Home, robbed: IndexSimulator, kind: str) -> None:
    steal(robbed, "victim/*", terminating=True, forge=True)

    assert_refused(trusted, trusted.run(*trusted.installer(kind, "demo-lib", "victim")), "project-victim")


def test_a_claimed_project_installs(trusted: Home, robbed: IndexSimulator) -> None:
    done = trusted.run(*trusted.installer("uv", "victim"))

    assert done.returncode == 0, done.stderr
    assert trusted.installed() == {"victim"}


def replayed(simulator: IndexSimulator) -> None:
    simulator.targets["claimed"].unrecognized_fields[protocol.EXTENSION] = {"index": "other", "role": "claimed"}


def replayed_pointers(simulator: IndexSimulator) -> None:
    simulator.index_id = "other"  # timestamp and snapshot are made anew at each publication


def listed_twice(simulator: IndexSimulator) -> None:
    blob = wheel("demo-lib", "1.1")
    simulator.add_project("demo-lib", [blob, blob])


def swapped_page(simulator: IndexSimulator) -> None:
    page = protocol.read_page(
        next(d for p, d in simulator.served.items() if p.startswith("/tuf/targets/demo-app/") and p.endswith(".json"))
    )
    path = protocol.page_target_path(protocol.normalize_name("demo-lib"))
    simulator.put_target(simulator.bin_of(path), path, protocol.page_bytes(page))


def without_target(simulator: IndexSimulator) -> None:
    for role in simulator.targets.values():
        role.targets.pop("demo-lib/demo_lib-1.1-py3-none-any.whl", None)


def another_size(simulator: IndexSimulator) -> None:
    page = simulator.add_project("demo-lib", [wheel("demo-lib", "1.0"), wheel("demo-lib", "1.1")])
    changed = with_entry(page, 1, size=page.files[1].size + 1)
    simulator.put_page(changed, protocol.page_bytes(changed))


def unlisted_target(simulator: IndexSimulator) -> None:
    role = simulator.claim("demo-lib")
    simulator.add_project("demo-lib", [wheel("demo-lib", "1.0")], role=role)
    extra = wheel("demo-lib", "1.1")
    simulator.put_target(role, f"demo-lib/{extra.entry.filename}", extra.data)


def uncanonical_page(simulator: IndexSimulator) -> None:
    page = simulator.add_project("demo-lib", [wheel("demo-lib", "1.1")])
    simulator.put_page(page, protocol.page_bytes(page) + b"\n")


def foreign_file(simulator: IndexSimulator) -> None:
    simulator.add_project("demo-lib", [wheel("demo-lib", "1.1"), wheel("demo-other", "1.1")])


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (replayed, "claimed"),
        (replayed_pointers, "timestamp document belongs to another index"),
        (listed_twice, "twice"),
        (swapped_page, "is that of demo-app"),
        (without_target, "no role vouches"),
        (another_size, "disagree"),
        (unlisted_target, "does not list"),
        (uncanonical_page, "canonical"),
        (foreign_file, "another project"),
    ],
)
def test_a_signed_contradiction_is_refused(
    simulator: IndexSimulator, session: VerifiedSession, fault: Callable[[IndexSimulator], None], word: str
) -> None:
    fault(simulator)
    simulator.publish()

    with pytest.raises(VerificationError, match=word):
        session.file(LIB, "demo_lib-1.1-py3-none-any.whl")


def test_an_install_with_a_listed_file_without_target_is_refused(trusted: Home, simulator: IndexSimulator) -> None:
    without_target(simulator)
    simulator.publish()

    assert_refused(trusted, trusted.run(*trusted.installer("uv", "demo-lib")), "no role vouches")


def test_a_success_of_the_installer_over_a_refusal_is_a_failure(trusted: Home, mirror: HostileMirror) -> None:
    mirror.change(lambda path: path.endswith("1.1-py3-none-any.whl"), flip_byte)
    script = f"{trusted.uv[0]} pip install -q --python {trusted.python} demo-lib; exit 0"
    fake = trusted.folder / "pip"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)

    assert_refused(trusted, trusted.run(str(fake), "install", "demo-lib"), "counts as failed")
