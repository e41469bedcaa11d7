"""PEP 458's table 4, played: what a thief of which keys can make clients accept, and what he cannot.

The outcomes are the PEP's. That a forgery succeeds where it must shows that the other refusals mean something.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest

from client.tests.distributions import wheel
from client.tests.index_simulator import IndexSimulator
from client.tests.thief import BINS, Thief
from client.tests.tuf_clients import RefusedError
from client.tests.victims import (
    EVIL,
    LIB,
    NEXT,
    WHEEL,
    NewClient,
    both_kinds,
    demo_index,
    installs,
    replace_the_wheel,
    shows,
)
from indexsite_client import protocol

NOBODY, NEW_ONES, EVERYBODY = set[str](), {"new"}, {"new", "returning"}
ONLINE = ("timestamp", "snapshot", BINS)


def _joined(names: Collection[str]) -> str:
    """A case's name, the same in each process that collects the tests."""
    return "+".join(sorted(names))


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.mark.parametrize(
    ("stolen", "victims"),
    [
        ({"targets"}, NOBODY),
        ({"unclaimed"}, NOBODY),
        ({"targets", "unclaimed"}, NOBODY),
        ({"targets", "timestamp"}, NOBODY),
        ({"unclaimed", "snapshot"}, NOBODY),
        ({"targets", "timestamp", "snapshot"}, EVERYBODY),  # row 1: timestamp and snapshot need to cooperate
        ({"unclaimed", "timestamp", "snapshot"}, EVERYBODY),
        ({"timestamp"}, NOBODY),
        ({"snapshot"}, NOBODY),
        ({"timestamp", "snapshot"}, NOBODY),
        ({"timestamp", "snapshot", BINS}, EVERYBODY),  # row 2
        ({"root"}, EVERYBODY),  # row 3
        # The PEP counts these three as one, for they lie together. By itself, the key of the bins can change a bin
        # whose length stays, for whoever has not seen it: the snapshot has no hashes of bins (DESIGN 4).
        ({BINS}, NEW_ONES),
        ({"timestamp", BINS}, NEW_ONES),
    ],
    ids=_joined,
)
def test_who_can_make_clients_install_a_malicious_update(
    simulator: IndexSimulator, new_client: NewClient, stolen: set[str], victims: set[str]
) -> None:
    known = both_kinds(new_client)
    thief = Thief(simulator, stolen=stolen)
    replace_the_wheel(thief)
    thief.show()

    assert {kind for kind, client in known.items() if installs(client, EVIL)} == victims


@pytest.mark.parametrize("role", ["targets", "unclaimed"])
def test_an_offline_role_of_the_same_length_under_the_same_version_is_refused(
    simulator: IndexSimulator, new_client: NewClient, role: str
) -> None:
    """The snapshot has their hashes: the length alone would not tell."""
    client = new_client()
    thief = Thief(simulator, stolen={role})
    thief.touch(role)
    thief.show()

    with pytest.raises(RefusedError, match=r"(?i)hash"):
        client.page(LIB)


@pytest.mark.parametrize("stolen", [ONLINE, ("timestamp", "snapshot", "targets")], ids="+".join)
@pytest.mark.parametrize("expired", ["root", "targets", protocol.UNCLAIMED])
def test_a_thiefs_time_ends_with_the_earliest_offline_document(
    simulator: IndexSimulator, new_client: NewClient, stolen: tuple[str, ...], expired: str, now: datetime
) -> None:
    past = now - timedelta(days=1)
    if expired == "root":
        simulator.root.expires = past
        simulator.publish_root()
    else:
        simulator.targets[expired].expires = past
    simulator.publish()
    client = new_client()
    thief = Thief(simulator, stolen=stolen)
    replace_the_wheel(thief)
    if expired in thief.stolen:  # he signs it anew
        thief.touch(expired)
    thief.show()

    assert installs(client, EVIL) == (expired in stolen or (expired == "unclaimed" and "targets" in stolen))


@pytest.mark.parametrize(
    ("stolen", "days", "succeeds"),
    [
        ((), 0, True),  # until the timestamp expires, anybody on the way can
        ((), 2, False),
        (("targets", "unclaimed"), 2, False),
        (("snapshot", BINS), 2, False),
        (("timestamp",), 2, True),
        (("timestamp",), 8, False),  # the snapshot expires
        (("timestamp", "snapshot"), 8, True),
        (ONLINE, 8, True),
        (ONLINE, 100, False),  # the offline documents expire
        (("root",), 8, True),
    ],
)
def test_who_can_freeze_an_index_for_how_long(
    now: datetime,
    simulator: IndexSimulator,
    new_client: NewClient,
    stolen: tuple[str, ...],
    days: int,
    succeeds: bool,
) -> None:
    """The index goes on, and the clients are shown what was true `days` ago."""
    simulator.served.clear()
    old = demo_index(now - timedelta(days=days))
    simulator.served |= old.served
    thief = Thief(old, stolen=stolen)
    if "root" in stolen:
        thief.forge_targets()
    thief.show()
    simulator.served |= old.served

    client = new_client()
    try:
        shown = {file.filename for file in client.page(LIB).files}
    except RefusedError:
        shown = set()
    assert (shown == {WHEEL, "demo_lib-1.0-py3-none-any.whl"}) == succeeds


@pytest.mark.parametrize(
    ("stolen", "victims"),
    [
        ((), NOBODY),
        ((BINS,), NOBODY),
        (("timestamp",), NOBODY),
        (("timestamp", "snapshot"), NEW_ONES),  # who remembers sees a version go back
        (ONLINE, EVERYBODY),
    ],
    ids=_joined,
)
def test_who_can_show_projects_together_that_never_were(
    simulator: IndexSimulator, new_client: NewClient, stolen: tuple[str, ...], victims: set[str]
) -> None:
    """The page of one project as it was before a fix, and all others as they are now."""
    role = simulator.bin_of(protocol.page_target_path(LIB))
    old, before = simulator.served[f"/tuf/metadata/{simulator.version}.{role}.json"], simulator.version
    simulator.add_project("demo-lib", [wheel("demo-lib", "1.2")])
    simulator.publish()
    known = {"returning": new_client(), "new": new_client()}
    assert [file.filename for file in known["returning"].page(LIB).files] == [NEXT]
    thief = Thief(simulator, stolen=stolen)
    thief.replay(role, before, old)
    thief.show()

    assert {kind for kind, client in known.items() if shows(client, WHEEL)} == victims
