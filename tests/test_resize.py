"""Another number or style of bins, by an import into an index in the tests' process: no client notices."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import repeat
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings
from tuf.ngclient import Updater

from indexsite.operation.backup import published_documents
from indexsite_client.protocol import UNCLAIMED, Bins, BinStyle, NormalizedName
from storage.contract import document_name, the_storage
from tests.ceremonies import Ceremony
from tests.signing import signed_index
from tests.test_importing import choose_key, take
from tests.test_publishers import InterruptedStorage, add_file
from tests.test_publishers import publisher as publisher  # a fixture
from tests.test_tuf_init_crashes import FolderFetcher
from tufsigning.ceremony import renew_development_roles
from tufsigning.core.documents import read_signed
from tufsigning.export.exporting import export
from tufsigning.export.tree import Tree
from tufsigning.importing import finish_import
from tufsigning.library import Library
from tufsigning.models import Publication, RoleHead
from tufsigning.pruning import prune
from tufsigning.publisher import Publisher
from tufsigning.records import heads_of
from tufsigning.restoration import restore_from_published

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

    def client(self, name: str, store: str = "store") -> Updater:
        """python-tuf's client that has refreshed; it remembers under its name."""
        folder = self.folder / "clients" / name
        folder.mkdir(parents=True, exist_ok=True)
        root = (self.folder / store / "metadata/2.root.json").read_bytes()
        fetcher = FolderFetcher(self.folder / store)
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


def stored(role: str, version: int) -> bool:
    return the_storage().exists(document_name(role, version))


def test_pruning_removes_retired_bins_once_no_client_can_be_on_its_way_to_them(index: Index) -> None:
    assert finds_all(index.client("returning"))
    index.resize(Bins(2))
    retired = {role: version for role, version in versions().items() if Bins(2).has_retired(role)}
    assert retired.keys() == {"bin-2", "bin-3"}
    now = timezone.now()
    Publication.objects.filter(number=snapshot_version()).update(visible_at=now + timedelta(days=20))
    for later, kept in ((now + timedelta(days=30), True), (now + timedelta(days=40), False)):
        prune(Library(), repeat(later).__next__, grace=timedelta(days=14))
        assert {stored(role, version) for role, version in retired.items()} == {kept}
    assert all(the_storage().exists(name) for name in published_documents(Library().current()))
    assert finds_all(index.client("returning"))
    assert finds_all(index.client("new"))
    index.resize(Bins(4))
    assert finds_all(index.client("returning"))


def snapshot_version() -> int:
    return int(read_signed(Library().current().snapshot)["version"])


def test_an_export_goes_on_and_a_new_one_has_no_retired_bins(index: Index) -> None:
    for bins in (None, Bins(32), Bins(2)):
        if bins:
            index.resize(bins)
        export(Tree(index.folder / "tree"), Library())
        assert finds_all(index.client("reader", "tree/tuf"))
    export(Tree(index.folder / "again"), Library())
    assert finds_all(index.client("reader-of-new", "again/tuf"))
    listed = [json.loads((index.folder / tree / "simple/index.json").read_bytes()) for tree in ("tree", "again")]
    assert listed[0] == listed[1]
    assert sorted(project["name"] for project in listed[0]["projects"]) == sorted(NAMES)
    exported = {path.name.split(".")[1] for path in (index.folder / "again/tuf/metadata").glob("*.bin-*.json")}
    assert exported == set(Bins(2).names())


def test_a_database_that_was_lost_learns_the_versions_of_retired_bins_too(index: Index) -> None:
    index.resize(Bins(2))
    before = versions()
    RoleHead.objects.filter(role__startswith="bin-").delete()
    assert restore_from_published(Library(), now=timezone.now())
    index.resize(Bins(4))
    after = versions()
    assert all(after[role] > before[role] for role in Bins(4).names())
    assert finds_all(index.client("new"))


def test_a_development_ceremony_has_the_bins_of_the_settings_and_keeps_them(settings: Settings, tmp_path: Path) -> None:
    settings.BIN_STYLE = "explicit"
    publisher = signed_index(settings, tmp_path, bins=8)
    settings.BINS, settings.BIN_STYLE = 16, "succinct"
    add_file("demo")
    assert publisher.publish_waiting(timezone.now)
    later = timezone.now() + timedelta(days=200)
    publisher.renew(lambda: later, renew_offline=partial(renew_development_roles, now=later))
    current = Library().current()
    assert (current.bins, current.entries[UNCLAIMED]["version"]) == (Bins(8, EXPLICIT), 2)
    assert Library().page(current, NormalizedName("demo"))
