"""Another number or style of bins, by an import into an index in the tests' process: no client notices."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings
from tuf.ngclient import Updater

from indexsite_client.protocol import UNCLAIMED, Bins, BinStyle
from tests.ceremonies import Ceremony
from tests.test_importing import choose_key, take
from tests.test_publishers import InterruptedStorage, add_file
from tests.test_publishers import publisher as publisher  # a fixture
from tests.test_tuf_init_crashes import FolderFetcher
from tufsigning.importing import finish_import
from tufsigning.library import Library
from tufsigning.models import RoleHead
from tufsigning.publisher import Publisher
from tufsigning.records import heads_of

pytestmark = pytest.mark.django_db
NAMES = [f"project-{number}" for number in range(12)]
EXPLICIT = BinStyle.EXPLICIT


@dataclass
class Index:
    """A real index of four bins and twelve projects, whose key holders sign whatever is asked."""

    publisher: Publisher
    ceremony: Ceremony
    folder: Path

    def resize(self, bins: Bins) -> None:
        self.wish(bins)
        assert finish_import(self.publisher, timezone.now)

    def wish(self, bins: Bins) -> None:
        """Check and keep the new unclaimed, and do not publish it yet."""
        self.ceremony = replace(self.ceremony, bins=bins)
        version = Library().current().entries[UNCLAIMED]["version"]
        take([self.ceremony.document(UNCLAIMED, version + 1)])

    def client(self, name: str) -> Updater:
        """python-tuf's client that has refreshed; it remembers under its name."""
        folder = self.folder / "clients" / name
        folder.mkdir(parents=True, exist_ok=True)
        root = (self.folder / "store/metadata/2.root.json").read_bytes()
        fetcher = FolderFetcher(self.folder / "store")
        updater = Updater(str(folder), "http://x/", str(folder), "http://x/", fetcher, bootstrap=root)
        updater.refresh()
        return updater


def finds_all(client: Updater) -> bool:
    return all(client.get_targetinfo(f"{name}/index.json") for name in NAMES)


@pytest.fixture
def index(publisher: Publisher, settings: Settings, tmp_path: Path) -> Index:
    ceremony = choose_key(settings, tmp_path / "online.pem")
    take(ceremony.all(root=2, others=2), begins_chain=True)
    assert finish_import(publisher, timezone.now)
    for name in NAMES:
        add_file(name)
    assert publisher.publish_waiting(timezone.now)
    return Index(publisher, ceremony, tmp_path)


def versions() -> dict[str, int]:
    entries = Library().current().entries
    return {role: entries[role]["version"] for role in entries.roles()}


@pytest.mark.parametrize(
    "steps",
    [
        [Bins(16), Bins(64), Bins(2)],
        [Bins(4, EXPLICIT), Bins(32, EXPLICIT), Bins(4)],
        [Bins(2), Bins(512, EXPLICIT), Bins(1024)],
    ],
    ids=str,
)
def test_clients_that_remember_and_new_ones_find_everything_after_each_change(index: Index, steps: list[Bins]) -> None:
    assert finds_all(index.client("returning"))
    for number, bins in enumerate(steps):
        before = versions()
        index.resize(bins)
        after = versions()
        assert Library().current().bins == bins
        assert before.keys() <= after.keys()
        assert all(after[role] >= before[role] for role in before)
        assert finds_all(index.client("returning"))
        assert finds_all(index.client(f"new-{number}"))


def test_a_bin_whose_name_both_numbers_have_goes_on_with_a_higher_version(index: Index) -> None:
    before = versions()
    index.resize(Bins(16))
    after = versions()
    assert [role for role in Bins(16).names() if after[role] <= before.get(role, 0)] == []


def test_a_bin_that_is_gone_stays_in_the_snapshot_with_its_last_version_and_comes_back_higher(index: Index) -> None:
    index.resize(Bins(32))
    before = versions()
    index.resize(Bins(2))
    between = versions()
    assert all(between[role] == before[role] for role in Bins(32).names())
    index.resize(Bins(32))
    assert all(versions()[role] > before[role] for role in Bins(32).names())
    assert finds_all(index.client("new"))


def test_another_style_alone_signs_no_bin_anew(index: Index) -> None:
    before = versions()
    index.resize(Bins(4, EXPLICIT))
    after = versions()
    assert {role for role in after if after[role] != before[role]} == {UNCLAIMED}


@pytest.mark.parametrize("bins", [Bins(16), Bins(2), Bins(32, EXPLICIT)], ids=str)
def test_a_client_in_the_middle_of_a_session_goes_on_with_the_bins_of_its_snapshot(index: Index, bins: Bins) -> None:
    session = index.client("session")
    assert session.get_targetinfo(f"{NAMES[0]}/index.json")
    index.resize(bins)
    assert finds_all(session)
    assert finds_all(index.client("session"))


def test_what_is_uploaded_meanwhile_is_published_and_goes_to_the_new_bins(index: Index) -> None:
    index.wish(Bins(64))
    file = add_file("meanwhile")
    assert index.publisher.publish_waiting(timezone.now) == 1
    assert finish_import(index.publisher, timezone.now)
    assert index.client("new").get_targetinfo(f"meanwhile/{file.filename}")
    later = add_file("later")
    assert index.publisher.publish_waiting(timezone.now) == 1
    client = index.client("new")
    assert client.get_targetinfo(f"later/{later.filename}")
    assert finds_all(client)


class KilledError(Exception):
    """In the place of SIGKILL, in a process that the test needs on."""


@pytest.fixture
def kill_before_visible() -> Callable[[], None]:
    def kill() -> None:
        raise KilledError

    return lambda: InterruptedStorage.meanwhile.append(kill)


def test_a_kill_before_the_new_bins_are_visible_leaves_the_old_ones_and_then_all_new_ones(
    index: Index, kill_before_visible: Callable[[], None]
) -> None:
    assert finds_all(index.client("returning"))
    index.wish(Bins(16))
    kill_before_visible()
    with pytest.raises(KilledError):
        finish_import(index.publisher, timezone.now)
    assert Library().current().bins == Bins(4)
    assert finds_all(index.client("returning"))
    assert finds_all(index.client("new"))
    again = Publisher(Library())
    add_file("meanwhile")
    assert again.publish_waiting(timezone.now) == 1
    assert finish_import(again, timezone.now)
    assert Library().current().bins == Bins(16)
    assert finds_all(index.client("returning"))


def test_retired_bins_are_renewed_no_more_and_are_nobodys_soonest_end(index: Index) -> None:
    index.resize(Bins(32))
    index.resize(Bins(4))
    old = versions()
    soon = timezone.now() + timedelta(days=6)
    index.publisher.renew(lambda: soon, renew_offline=lambda current: ())
    new = versions()
    assert all(new[role] > old[role] for role in Bins(4).names())
    assert all(new[role] == old[role] for role in Bins(32).names())
    assert {head.role for head in heads_of(Bins(4))} == set(Bins(4).names())
    assert {head.role for head in heads_of(Bins(32))} == set(Bins(32).names())
    assert RoleHead.objects.filter(role__startswith="bin-").count() == 36
