"""`indexsite mirror` reads every role as a TUF client would: whose word counts, and when a document does not."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from client.tests.distributions import wheel
from client.tests.hostile_mirror import HostileMirror
from client.tests.index_simulator import IndexSimulator, new_signer, sha256
from client.tests.mirrors import mirrored, silent, tree
from indexsite_client import protocol
from indexsite_client.errors import ClientError, VerificationError
from indexsite_client.protocol import NormalizedName
from indexsite_client.session import VerifiedSession
from indexsite_client.trusted import TrustedIndex
from indexsite_client.verification.mirrors import verify_mirror

LIB = NormalizedName("demo-lib")
OLD = "demo_lib-1.0-py3-none-any.whl"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg-cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def signed_by_somebody_else(simulator: IndexSimulator) -> None:
    simulator.signers["bin-2"] = [new_signer()]


def expired(simulator: IndexSimulator) -> None:
    simulator.targets["bin-2"].expires = simulator.now - timedelta(days=1)


def of_another_index(simulator: IndexSimulator) -> None:
    simulator.targets["bin-2"].unrecognized_fields[protocol.EXTENSION]["index"] = "another"


@pytest.mark.parametrize("fault", [signed_by_somebody_else, expired, of_another_index])
def test_a_role_that_no_client_would_take_is_refused(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path, fault: Callable[[IndexSimulator], None]
) -> None:
    fault(simulator)
    simulator.publish()
    with pytest.raises(VerificationError, match=r"bin-2|another index"):
        mirrored(index, folder)
    assert not (folder / "tuf/metadata/timestamp.json").exists()


def test_an_old_document_under_a_new_name_is_refused(
    index: TrustedIndex, simulator: IndexSimulator, mirror: HostileMirror, folder: Path
) -> None:
    old = simulator.served["/tuf/metadata/2.bin-2.json"]
    simulator.publish()
    assert len(old) == len(simulator.served["/tuf/metadata/3.bin-2.json"])
    mirror.served["/tuf/metadata/3.bin-2.json"] = old

    with pytest.raises(VerificationError, match="version 3"):
        mirrored(index, folder)


def test_a_role_that_the_snapshot_lacks_is_refused(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path
) -> None:
    del simulator.targets["bin-2"]
    simulator.publish()
    with pytest.raises(VerificationError, match="the snapshot lacks"):
        mirrored(index, folder)


@pytest.mark.parametrize("delegator", [protocol.CLAIMED, protocol.RECENTLY_CLAIMED])
def test_of_a_claimed_project_its_own_role_counts_and_no_bin(
    index: TrustedIndex, simulator: IndexSimulator, session: VerifiedSession, folder: Path, delegator: str
) -> None:
    role = simulator.claim("demo-lib", delegator=delegator)
    ours = wheel("demo-lib", "1.0", says="ours")
    simulator.add_project("demo-lib", [ours], role=role)
    simulator.publish()

    mirrored(index, folder)
    assert [path.read_bytes() for path in folder.glob("files/*/*demo_lib*.whl")] == [ours.data]
    assert [file.sha256 for file in session.page(LIB).files] == [ours.entry.sha256]
    assert verify_mirror(index, folder, silent).findings == []


def test_a_target_in_a_bin_that_is_not_its_own_counts_for_nothing(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path
) -> None:
    path = protocol.file_target_path(LIB, OLD)
    wrong = next(f"bin-{number}" for number in range(4) if f"bin-{number}" != simulator.bin_of(path))
    simulator.put_target(wrong, path, b"evil")
    stray = (f"demo-evil{number}/index.json" for number in range(99))
    simulator.put_target(wrong, next(path for path in stray if simulator.bin_of(path) != wrong), b"evil")
    simulator.publish()

    mirrored(index, folder)
    assert not [address for address in tree(folder) if sha256(b"evil") in address]


def test_a_document_of_another_length_than_the_snapshot_says_is_refused(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path
) -> None:
    simulator.says_length["bin-2"] = len(simulator.served["/tuf/metadata/2.bin-2.json"]) + 1
    simulator.publish()
    with pytest.raises(VerificationError, match="length"):
        mirrored(index, folder)


def test_an_older_root_of_another_index_is_refused(
    index: TrustedIndex, simulator: IndexSimulator, mirror: HostileMirror, folder: Path
) -> None:
    simulator.publish_another_root()
    (index.folder / "root.json").write_bytes(simulator.served["/tuf/metadata/2.root.json"])
    mirror.served["/tuf/metadata/1.root.json"] = IndexSimulator(index_id="o").served["/tuf/metadata/1.root.json"]

    with pytest.raises(VerificationError, match="Root 1 "):
        mirrored(index, folder)


def test_a_mirror_begins_where_the_chain_of_roots_begins(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path
) -> None:
    simulator.root.revoke_key(simulator.signers["root"].pop().public_key.keyid, "root")
    simulator.add_key(simulator.root, "root")  # whose holder the root before does not know
    simulator.publish_another_root()
    (index.folder / "root.json").write_bytes(simulator.served["/tuf/metadata/2.root.json"])
    mirrored(index, folder)

    assert "tuf/metadata/1.root.json" not in tree(folder)
    assert tree(folder)["tuf/metadata/2.root.json"] == simulator.served["/tuf/metadata/2.root.json"]
    assert verify_mirror(index, folder, silent).findings == []


def test_explicit_bins_are_walked_as_succinct_ones(
    index: TrustedIndex, simulator: IndexSimulator, folder: Path
) -> None:
    simulator.use_explicit_bins()
    simulator.publish()
    counts = mirrored(index, folder)
    assert (counts.files, counts.documents) == (8, 11)


def test_a_document_longer_than_any_is_not_read_into_memory(
    index: TrustedIndex, simulator: IndexSimulator, mirror: HostileMirror, folder: Path
) -> None:
    simulator.says_length["bin-2"] = 10**12
    simulator.publish()
    mirror.served[f"/tuf/metadata/{simulator.version}.bin-2.json"] = b" " * 70_000_000
    with pytest.raises(ClientError, match="longer than the 64000000 bytes"):
        mirrored(index, folder)
