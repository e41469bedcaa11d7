"""Recoveries of an index that is signed in the tests' process: which copies are believed, and what is restored."""

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings
from tuf.ngclient import Updater

from indexsite.operation.backup import take_backup
from indexsite_client.protocol import RECENTLY_CLAIMED, ROOT, TARGETS, UNCLAIMED
from packages.errors import IndexReadOnlyError
from packages.models import File, Hold, JournalEntry, Project
from packages.policy import LENIENT
from packages.uploads import check_writable
from storage.contract import blob_name, document_name, read_bytes, the_storage
from tests.ceremonies import Ceremony, new_signer, write_documents
from tests.test_importing import choose_key
from tests.test_importing import real as real  # a fixture
from tests.test_publishers import add_file, listed
from tests.test_publishers import publisher as publisher  # a fixture
from tests.test_tuf_init_crashes import FolderFetcher
from tufsigning import records
from tufsigning.audit.ledger import Ledger
from tufsigning.audit.reference import write_hashes
from tufsigning.audit.walk import Walk
from tufsigning.core.documents import read_signed
from tufsigning.core.offline import read_documents
from tufsigning.core.publication import Plan, is_bin
from tufsigning.errors import RecoveringError
from tufsigning.importing import import_documents
from tufsigning.library import Library
from tufsigning.models import PublicLogEntry, Recovery
from tufsigning.publisher import Publisher
from tufsigning.recovery import story

pytestmark = pytest.mark.django_db
FAR = 2**53 - 100


@dataclass
class Robbed:
    """An index with a copy of its last good state, and what came after."""

    publisher: Publisher
    ceremony: Ceremony
    settings: Settings
    folder: Path
    fingerprint: str

    @property
    def copy(self) -> Path:
        return self.folder / "copy"

    def store_document(self, name: str) -> bytes:
        """A document as it is served."""
        return (self.folder / "store" / "metadata" / name).read_bytes()

    def begin(self, copy: Path | None = None, fingerprint: str = "") -> dict[str, dict[str, object]]:
        """The first step; what it found, by path."""
        call_command(
            "tuf_recover", "online-keys", reference=copy or self.copy, fingerprint=fingerprint or self.fingerprint
        )
        [work] = (self.folder / "recovery").iterdir()
        return {each["path"]: each for each in json.loads((work / "differences.json").read_text())["differences"]}

    def new_keys(self, *, version: int = 3, roles: tuple[str, ...] = (ROOT, TARGETS, UNCLAIMED)) -> Path:
        """A finished ceremony with another online key, which the settings choose."""
        chosen = choose_key(self.settings, self.folder / f"online-{version}.pem")
        self.ceremony = replace(chosen, holders=self.ceremony.holders, index_id=self.ceremony.index_id)
        folder = self.folder / f"ceremony-{version}"
        write_documents(folder, [self.ceremony.document(role, version) for role in roles])
        return folder

    def publish(self, ceremony: Path, *keep: str) -> None:
        """The last step."""
        call_command("tuf_recover", "online-keys", ceremony=ceremony, keep=list(keep))


@pytest.fixture
def robbed(publisher: Publisher, real: Ceremony, settings: Settings, tmp_path: Path) -> Robbed:
    """With the projects first, second and third as of the copy."""
    for name in ("first", "second", "third"):
        add_file(name)
    publisher.publish_waiting(timezone.now)
    call_command("tuf_export", tmp_path / "copy")
    root = (tmp_path / "copy/tuf/metadata/2.root.json").read_bytes()
    return Robbed(publisher, real, settings, tmp_path, hashlib.sha256(root).hexdigest())


@dataclass
class Looker:
    """python-tuf's client with a memory; what it says is the version of targets that it trusts."""

    folder: Path
    store: Path
    root: bytes

    def __call__(self) -> int:
        self.folder.mkdir(exist_ok=True)
        places = (str(self.folder), "http://x/", str(self.folder), "http://x/")
        updater = Updater(*places, FolderFetcher(self.store), bootstrap=self.root)
        assert updater.get_targetinfo("first/index.json")
        return int(read_signed((self.folder / "targets.json").read_bytes())["version"])


def run_ahead(publisher: Publisher) -> None:
    """Sign every online role with versions far ahead."""
    roles = [role for role in Library().current().entries.roles() if is_bin(role) or role == RECENTLY_CLAIMED]
    records.raise_heads(dict.fromkeys([*roles, "timestamp", "snapshot"], FAR))
    library = Library()

    def everything(current: object) -> Plan:
        return Plan({role: library.targets(library.current(), role) for role in roles})

    assert publisher.publish_plan(everything, timezone.now, settle=lambda: None)


@pytest.mark.django_db(transaction=True)  # a backup has a transaction of its own
def test_every_kind_of_copy_tells_the_same(robbed: Robbed) -> None:
    with Ledger() as ledger, (robbed.folder / "hashes").open("w") as out:
        assert not list(Walk(ledger, timezone.now(), lambda what, done, total: None).findings())
        write_hashes(out, ledger, log=None, journal=None)
    take_backup(robbed.folder / "backup", now=timezone.now())
    added = add_file("first", "2.0")
    File.objects.filter(filename__startswith="second").update(state="deleted", voucher="")
    robbed.publisher.publish_waiting(timezone.now)
    wanted = {f"first/{added.filename}": "added", "second/second-1.0.tar.gz": "removed"}
    for copy in (robbed.copy, robbed.folder / "backup", robbed.folder / "hashes"):
        found = robbed.begin(copy)
        assert {path: each["kind"] for path, each in found.items()} == wanted, copy


def test_a_copy_that_its_own_keys_do_not_vouch_for_is_not_believed(robbed: Robbed) -> None:
    metadata = robbed.copy / "tuf" / "metadata"
    names = {path.name.partition(".")[2]: path.name for path in metadata.iterdir() if path.name[0].isdigit()}
    chosen = ["timestamp.json", names["snapshot.json"], "2.targets.json", "2.unclaimed.json", "2.root.json"]
    for name in (*chosen, names["bin-0.json"], names["recently-claimed.json"]):
        whole = (metadata / name).read_bytes()
        (metadata / name).write_bytes(whole.replace(b'"version":', b'"version":1', 1))
        with pytest.raises(CommandError, match=r"cannot be believed|No root that|not whole|cannot be read"):
            robbed.begin()
        (metadata / name).write_bytes(whole)
    (metadata / names["bin-1.json"]).unlink()
    with pytest.raises(CommandError, match="not whole"):
        robbed.begin()


def test_a_copy_under_another_root_than_that_on_paper_is_not_believed(robbed: Robbed) -> None:
    with pytest.raises(CommandError, match="take the fingerprint that is on paper"):
        robbed.begin(fingerprint="ab" * 32)
    with pytest.raises(CommandError, match="Name the copy"):
        call_command("tuf_recover", "online-keys", fingerprint="ab" * 32)


def test_everything_is_as_in_the_copy_unless_it_is_kept(robbed: Robbed) -> None:
    forged, kept = add_file("first", "2.0"), add_file("honest")
    File.objects.filter(filename__startswith="second").update(state="deleted", voucher="")
    File.objects.filter(filename__startswith="third").update(sha256=forged.sha256, requires_python=">=9")
    run_ahead(robbed.publisher)
    robbed.publisher.publish_waiting(timezone.now)
    found = robbed.begin()
    assert found["third/third-1.0.tar.gz"]["kind"] == "changed"
    robbed.publish(robbed.new_keys(), f"honest/{kept.filename}")
    files = {name: listed(name) for name in ("first", "second", "third", "honest")}
    assert files == {name: [f"{name}-1.0.tar.gz"] for name in ("first", "second", "third", "honest")}
    third = File.objects.get(filename__startswith="third")
    assert (third.sha256, third.requires_python) == (_sha256("third 1.0"), "")
    assert File.every.get(filename=forged.filename).state == File.State.DELETED
    told = set(JournalEntry.objects.values_list("act", flat=True))
    assert {"file.recovered", "file.taken-away"} <= told
    versions = {role: Library().current().entries[role]["version"] for role in Library().current().entries.roles()}
    assert max(versions.values()) < 2**31
    call_command("tuf_audit")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_what_is_shown_and_in_no_row_goes_by_itself(robbed: Robbed) -> None:
    library = Library()
    current = library.current()
    role = next(role for role in current.entries.roles() if is_bin(role) and library.targets(current, role))
    entry = next(iter(library.targets(current, role).values()))
    forged = {**library.targets(current, role), "first/first-9.0.tar.gz": entry}
    robbed.publisher.publish_plan(lambda _: Plan({role: forged}), timezone.now, settle=lambda: None)
    found = robbed.begin()
    assert {path: each["kind"] for path, each in found.items()} == {"first/first-9.0.tar.gz": "shown-only"}
    robbed.publish(robbed.new_keys())
    current = Library().current()
    roles = [role for role in current.entries.roles() if is_bin(role)]
    assert all("first/first-9.0.tar.gz" not in Library().targets(current, role) for role in roles)


def test_bytes_that_the_store_lost_come_from_the_copy_or_nothing_changes(robbed: Robbed) -> None:
    File.objects.filter(filename__startswith="second").update(state="deleted", voucher="")
    sha256 = _sha256("second 1.0")
    the_storage().delete(blob_name(sha256))  # type: ignore[attr-defined]  # Django's own verb
    [kept] = (robbed.copy / "tuf" / "targets" / "second").glob("*.tar.gz")
    aside = kept.rename(robbed.folder / "aside")
    for path in (robbed.copy / "files" / sha256).iterdir():
        path.unlink()
    robbed.begin()
    folder = robbed.new_keys()
    with pytest.raises(CommandError, match="have their bytes neither in the store nor in the copy"):
        robbed.publish(folder)
    assert File.every.get(filename__startswith="second").state == File.State.DELETED
    kept.write_bytes(b"other bytes")
    with pytest.raises(CommandError, match="neither in the store"):
        robbed.publish(folder)
    shutil.copyfile(aside, kept)
    robbed.publish(folder)
    assert read_bytes(blob_name(sha256), limit=100) == b"second 1.0"
    assert listed("second") == ["second-1.0.tar.gz"]


def test_while_it_is_under_way_nothing_else_is_taken_or_published(robbed: Robbed) -> None:
    robbed.begin()
    add_file("late")
    assert robbed.publisher.publish_waiting(timezone.now) == 0
    with pytest.raises(IndexReadOnlyError, match="its keys are replaced"):
        check_writable(LENIENT)
    other = read_documents([robbed.ceremony.document(TARGETS, 3).content])
    with pytest.raises(RecoveringError):
        import_documents(other, begins_chain=False, clock=timezone.now, wait=lambda seconds: None)
    with pytest.raises(CommandError, match="abandon it first"):
        call_command("tuf_recover", "offline-keys", reference=robbed.copy, fingerprint=robbed.fingerprint)
    call_command("tuf_recover", abandon=True)
    check_writable(LENIENT)
    assert robbed.publisher.publish_waiting(timezone.now) == 1


def test_documents_that_still_trust_the_stolen_key_are_refused(robbed: Robbed) -> None:
    robbed.begin()
    folder = robbed.folder / "old"
    write_documents(folder, [robbed.ceremony.document(role, 3) for role in (ROOT, TARGETS, UNCLAIMED)])
    with pytest.raises(CommandError, match="still trusts the key"):
        robbed.publish(folder)
    with pytest.raises(
        CommandError, match="names no key that alone signs timestamp, snapshot, recently-claimed and bins"
    ):
        robbed.publish(robbed.new_keys(roles=(ROOT, TARGETS)))
    assert Recovery.objects.get().is_under_way


def test_a_server_without_the_new_key_changes_nothing(robbed: Robbed) -> None:
    add_file("first", "2.0")
    robbed.begin()
    before = robbed.settings.ONLINE_KEY
    folder = robbed.new_keys()
    robbed.settings.ONLINE_KEY = before
    with pytest.raises(CommandError, match="online key"):
        robbed.publish(folder)
    assert File.objects.filter(filename__startswith="first-2.0").exists()


def test_a_name_that_a_thief_has_used_is_not_given_again(robbed: Robbed) -> None:
    robbed.begin()
    the_storage().write({document_name(UNCLAIMED, 3): b"{}"})
    with pytest.raises(CommandError, match=r"another 3\.unclaimed\.json"):
        robbed.publish(robbed.new_keys())


def test_what_offline_keys_signed_since_the_copy_counts(robbed: Robbed) -> None:
    import_documents(
        read_documents([robbed.ceremony.document(TARGETS, 3).content]),
        begins_chain=False,
        clock=timezone.now,
        wait=lambda seconds: None,
    )
    robbed.begin()
    folder = robbed.folder / "ceremony"
    chosen = choose_key(robbed.settings, robbed.folder / "other.pem")
    ceremony = replace(chosen, holders=robbed.ceremony.holders, index_id=robbed.ceremony.index_id)
    documents = [ceremony.document(ROOT, 3), ceremony.document(UNCLAIMED, 3)]
    write_documents(folder, [*documents, ceremony.document(TARGETS, 3)])
    with pytest.raises(CommandError, match="targets document has version 3, but clients have seen 3"):
        robbed.publish(folder)
    write_documents(folder, [ceremony.document(TARGETS, 4)])
    robbed.publish(folder)
    assert Library().current().entries[TARGETS]["version"] == 4


def test_a_project_that_was_quarantined_since_can_stay_so(robbed: Robbed) -> None:
    project = Project.objects.get(name="first")
    Project.objects.filter(pk=project.pk).update(status="quarantined", status_before="active")
    File.objects.filter(release__project=project).update(state="withheld", voucher="")
    robbed.begin()
    robbed.publish(robbed.new_keys(), "first")
    assert listed("first") == []
    assert Project.objects.get(name="first").status == "quarantined"
    assert not Hold.objects.exists()


def test_a_published_recovery_that_was_not_noted_is_noted(robbed: Robbed) -> None:
    robbed.begin()
    folder = robbed.new_keys()
    robbed.publish(folder)
    number = Recovery.objects.get().publication
    Recovery.objects.update(is_under_way=True, published_at=None, publication=None)
    entry = PublicLogEntry.objects.order_by("number").last()
    assert entry
    PublicLogEntry.objects.filter(number=entry.number).delete()
    robbed.publish(folder)
    assert Recovery.objects.get().publication == number
    assert story.under_way() is None
    assert PublicLogEntry.objects.get(number=entry.number).line == entry.line


def test_an_edited_file_of_decisions_outlives_another_look(robbed: Robbed) -> None:
    add_file("first", "2.0")
    robbed.begin()
    [work] = (robbed.folder / "recovery").iterdir()
    (work / "decisions.txt").write_text("keep  added  first/first-2.0.tar.gz\n")
    robbed.begin()
    assert (work / "decisions.txt").read_text() == "keep  added  first/first-2.0.tar.gz\n"
    robbed.publish(robbed.new_keys())
    assert listed("first") == ["first-1.0.tar.gz", "first-2.0.tar.gz"]


def test_stolen_offline_keys_and_versions_that_ran_ahead_are_cured(robbed: Robbed, tmp_path: Path) -> None:
    root = robbed.store_document("2.root.json")
    look = Looker(tmp_path / "python-tuf", robbed.folder / "store", root)
    look()
    stolen = [robbed.ceremony.document(role, FAR) for role in (TARGETS, UNCLAIMED)]
    import_documents(
        read_documents([each.content for each in stolen]),
        begins_chain=False,
        clock=timezone.now,
        wait=lambda seconds: None,
    )
    run_ahead(robbed.publisher)
    assert look() == FAR  # the thief's, and nothing tells
    call_command("tuf_recover", "offline-keys", reference=robbed.copy, fingerprint=robbed.fingerprint)
    same_holders = robbed.new_keys()
    with pytest.raises(CommandError, match="still trusts the key"):
        call_command("tuf_recover", "offline-keys", ceremony=same_holders)
    ceremony = robbed.ceremony.with_new_keys(TARGETS).with_new_keys(UNCLAIMED)
    documents = [ceremony.document(role, 3) for role in (TARGETS, UNCLAIMED)]
    write_documents(robbed.folder / "fresh", [ceremony.document(ROOT, 3), *documents])
    call_command("tuf_recover", "offline-keys", ceremony=robbed.folder / "fresh")
    assert look() == 3
    assert Looker(tmp_path / "new", robbed.folder / "store", root)() == 3


def test_a_lost_root_key_is_trusted_nowhere_afterwards(robbed: Robbed) -> None:
    lost, *kept = robbed.ceremony.holders[ROOT]
    fresh = replace(robbed.ceremony, holders={**robbed.ceremony.holders, ROOT: (new_signer(), *kept)})
    old, new = robbed.folder / "old", robbed.folder / "new"
    write_documents(old, [robbed.ceremony.document(ROOT, 3)])
    write_documents(new, [fresh.document(ROOT, 3)])
    key = lost.public_key.keyid
    for named in ([], [key[:7]]):
        with pytest.raises(CommandError, match="Name each lost key"):
            call_command("tuf_recover", "root-key", ceremony=new, lost=named)
    with pytest.raises(CommandError, match=f"root document still trusts the lost key {key[:8]}"):
        call_command("tuf_recover", "root-key", ceremony=old, lost=[key[:8]])
    assert Library().current().root_version == 2
    call_command("tuf_recover", "root-key", ceremony=new, lost=[key[:8].upper()])
    assert Library().current().root_version == 3
    assert key not in read_signed(Library().current().roots[-1])["keys"]
    assert not Hold.objects.exists()
