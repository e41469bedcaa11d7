"""Kinds of damage to an index that an audit must find, each done and undone in Python by the index itself."""

from dataclasses import dataclass

STORE = """
from django.db import connection
from storage.contract import the_storage, blob_name, document_name, read_bytes, TIMESTAMP
from tufsigning.library import Library
from tufsigning.core.documents import read_signed
from django.db.models import F
from tufsigning.models import KeyUse, PublicLogEntry, Publication
from tufsigning.clock import signing_time
from tufsigning.core.publication import Plan
from tufsigning.publisher import Publisher
from packages.models import File, JournalEntry, Project
store, current = the_storage(), Library().current()
WHEEL = "audited/audited-1.0-py3-none-any.whl"
FILE = "audited-1.0-py3-none-any.whl"
def put(name, content):
    if hasattr(store, "client"):
        store.client.put_object(**store._at(name), Body=content)
    else:
        path = store.path(name)
        import pathlib; pathlib.Path(path).parent.mkdir(exist_ok=True, parents=True)
        open(path, "wb").write(content)
def get(name):
    return read_bytes(name, limit=10**9)
def remove(name):
    store.delete(name)
def flip(name):
    content = get(name)
    put(name, content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
def target(path):
    return Library().targets(current, current.bins.bin_of(path))[path]["hashes"]["sha256"]
def bin_with(path):
    return current.bins.bin_of(path)
def stranger(path):
    return next(name for name in current.bins.names() if name != bin_with(path))
def document(role):
    return document_name(role, current.entries[role]["version"])
def older(role):
    newest = current.entries[role]["version"]
    versions = sorted(int(n.split(".")[0]) for n in store.listdir("metadata")[1] if n.endswith(f".{role}.json"))
    return document_name(role, [v for v in versions if v < newest][-1])
def entry(path):
    return Library().targets(Library().current(), bin_with(path)).get(path)
def forge(path, entry, role=None):  # as a thief of the online key would, by the publisher itself
    role, now = role or bin_with(path), Library().current()
    targets = dict(Library().targets(now, role))
    targets.pop(path, None)
    targets |= {path: entry} if entry else {}
    Publisher(Library()).publish_first(now, Plan({role: targets}), now=signing_time())
def blob(filename):
    return blob_name(File.objects.get(filename=filename).sha256)
def sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
def unguarded(statement):
    if connection.vendor == "sqlite":
        asked = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'packages_journalentry'"
        with connection.cursor() as cursor:
            guards = cursor.execute(asked).fetchall()
        for statement_before in [f"DROP TRIGGER {name}" for name, _ in guards]:
            sql(statement_before)
        sql(statement)
        for _, made in guards:
            sql(made)
    else:
        sql("ALTER TABLE packages_journalentry DISABLE TRIGGER USER")
        sql(statement)
        sql("ALTER TABLE packages_journalentry ENABLE TRIGGER USER")
"""


LOOP = """
import io, json, os
from django.core.management import CommandError, call_command
KEEP = os.environ["AUDIT_KEPT"]
def audited():
    out = io.StringIO()
    try:
        call_command("tuf_audit", json=True, stdout=out)
    except CommandError as error:
        assert "faults" in str(error), error
    return json.loads(out.getvalue())["findings"]
found = {}
for what, do, undo in json.load(open(os.environ["AUDIT_ASKED"])):
    names = globals()
    names["current"] = Library().current()
    exec(do, names)
    try:
        found[what] = audited()
    finally:
        exec(undo, names)
found["afterwards"] = audited()
json.dump(found, open(os.environ["AUDIT_TOLD"], "w"))
"""
Finding = dict[str, str]


@dataclass(frozen=True)
class Damage:
    """What is done to an index, in Python; `undo` makes it good again. `finds` is the code, and part of where."""

    name: str
    do: str
    undo: str
    finds: str
    where: str

    def __str__(self) -> str:
        return self.name


def bytes_of(name: str, do: str, code: str, where: str, at: str) -> Damage:
    """Damage to what lies under one name of the store, which is kept meanwhile."""
    keep = f"name = {at}; open(KEEP, 'wb').write(name.encode() + b'|' + get(name))"
    back = "kept = open(KEEP, 'rb').read().partition(b'|'); put(kept[0].decode(), kept[2])"
    return Damage(name, f"{keep}; {do}", back, code, where)


def forgery(name: str, path: str, entry: str, code: str, where: str) -> Damage:
    """Another entry for a target, signed with the online key."""
    do = f"import pickle; open(KEEP, 'wb').write(pickle.dumps(entry({path!r}))); forge({path!r}, {entry})"
    return Damage(name, do, f"forge({path!r}, pickle.loads(open(KEEP, 'rb').read()))", code, where)


GHOST, WHEEL = "audited/audited-9.0-py3-none-any.whl", "audited/audited-1.0-py3-none-any.whl"
SNAPSHOT = "document_name('snapshot', read_signed(current.snapshot)['version'])"
PAGE = "blob_name(target('audited/index.json'))"
DAMAGES = [
    bytes_of("a byte flipped in a blob", "flip(name)", "blob-differs", "audited/audited-1.0", "blob(FILE)"),
    bytes_of("a blob cut off", "put(name, get(name)[:-1])", "blob-differs", "audited/audited-1.0", "blob(FILE)"),
    bytes_of("a blob missing", "remove(name)", "blob-missing", "audited/audited-1.0", "blob(FILE)"),
    bytes_of(
        "metadata of a file changed",
        "flip(name)",
        "blob-differs",
        "audited-1.0-py3-none-any.whl.metadata",
        "blob_name(File.objects.get(filename=FILE).metadata_sha256)",
    ),
    bytes_of(
        "a page swapped",
        "put(name, get(blob_name(target('other/index.json'))))",
        "blob-differs",
        "audited/index.json",
        PAGE,
    ),
    bytes_of("a page missing", "remove(name)", "blob-missing", "audited/index.json", PAGE),
    bytes_of(
        "a bin replaced by an older one",
        "put(name, get(older(bin_with('audited/index.json'))))",
        "document-replaced",
        ".bin-",
        "document(bin_with('audited/index.json'))",
    ),
    bytes_of("a bin missing", "remove(name)", "document-missing", ".bin-", "document(bin_with('audited/index.json'))"),
    bytes_of("a byte flipped in targets", "flip(name)", "document-unsigned", "1.targets.json", "document('targets')"),
    bytes_of(
        "the snapshot missing",
        "remove(name)",
        "document-missing",
        ".snapshot.json",
        SNAPSHOT,
    ),
    bytes_of("the first root missing", "remove(name)", "document-missing", "1.root.json", "document_name('root', 1)"),
    bytes_of("the timestamp missing", "remove(name)", "document-missing", "timestamp.json", "TIMESTAMP"),
    bytes_of(
        "the timestamp changed",
        "put(name, get(name).replace(b'\"version\":1', b'\"version\":2'))",
        "document-unsigned",
        "timestamp.json",
        "TIMESTAMP",
    ),
    Damage(
        "an older timestamp",
        "older = get(TIMESTAMP); forge(WHEEL, entry(WHEEL));"
        " open(KEEP, 'wb').write(get(TIMESTAMP)); put(TIMESTAMP, older)",
        "put(TIMESTAMP, open(KEEP, 'rb').read())",
        "rolled-back",
        "timestamp.json",
    ),
    forgery("a file signed that no page lists", GHOST, "entry(WHEEL)", "target-unlisted", GHOST),
    forgery("a file not signed by itself", WHEEL, "None", "page-lists-no-target", WHEEL),
    forgery("a file signed with other bytes", WHEEL, "entry('other/index.json')", "page-differs-from-target", WHEEL),
    forgery("no page signed as a page", "audited/index.json", "entry(WHEEL)", "page-unreadable", "audited/index.json"),
    forgery("another page signed", "audited/index.json", "entry('other/index.json')", "page-unreadable", "audited/"),
    Damage(
        "a file in a bin where nobody looks",
        f"forge({GHOST!r}, entry(WHEEL), stranger({GHOST!r}))",
        f"forge({GHOST!r}, None, stranger({GHOST!r}))",
        "target-misplaced target-unlisted",
        GHOST,
    ),
    Damage(
        "a surplus document",
        "put('metadata/99999999999.bin-00.json', b'{}')",
        "remove('metadata/99999999999.bin-00.json')",
        "surplus-file",
        "metadata/99999999999.bin-00.json",
    ),
    Damage("a surplus name", "put('blobs/aa/x', b'')", "remove('blobs/aa/x')", "surplus-file", "blobs/aa/x"),
    Damage(
        "a row changed",
        "File.objects.filter(filename=FILE).update(requires_python='>=3.99')",
        "File.objects.filter(filename=FILE).update(requires_python='')",
        "row-differs",
        "audited/index.json",
    ),
    Damage(
        "a row's hash changed",
        "f = File.objects.get(filename=FILE); open(KEEP, 'w').write(f.sha256); f.sha256 = 'a' * 64; f.save()",
        "File.objects.filter(filename=FILE).update(sha256=open(KEEP).read())",
        "row-differs",
        "audited/index.json",
    ),
    Damage(
        "a row's state changed",
        "File.objects.filter(filename=FILE).update(state='waiting', voucher='')",
        "File.objects.filter(filename=FILE).update(state='published', voucher='unclaimed')",
        "row-differs",
        "audited/index.json",
    ),
    Damage(
        "a project's row renamed",
        "Project.objects.filter(name='other').update(name='another')",
        "Project.objects.filter(name='another').update(name='other')",
        "row-missing row-surplus",
        "other/index.json",
    ),
    Damage(
        "a log entry changed",
        "e = PublicLogEntry.objects.order_by('number')[1:2].get(); open(KEEP, 'w').write(e.line);"
        " PublicLogEntry.objects.filter(number=e.number).update(line=e.line.replace('documents\":', 'documents\":9'))",
        "PublicLogEntry.objects.filter(number=2).update(line=open(KEEP).read())",
        "log-entry-changed",
        "log 2",
    ),
    Damage(
        "a log entry removed",
        "e = PublicLogEntry.objects.get(number=2); open(KEEP, 'w').write(e.line); e.delete()",
        "PublicLogEntry.objects.create(number=2, line=open(KEEP).read())",
        "log-entry-missing",
        "log 2",
    ),
    Damage(
        "a log entry added",
        "PublicLogEntry.objects.create(number=9999, line='{}')",
        "PublicLogEntry.objects.get(number=9999).delete()",
        "log-end-differs",
        "log 9999",
    ),
    Damage(
        "a journal entry changed",
        "open(KEEP, 'w').write(JournalEntry.objects.get(number=1).actor);"
        " unguarded(\"UPDATE packages_journalentry SET actor = 'nobody' WHERE number = 1\")",
        "unguarded(f\"UPDATE packages_journalentry SET actor = '{open(KEEP).read()}' WHERE number = 1\")",
        "journal-broken",
        "journal",
    ),
    Damage(
        "a use of the online key changed",
        "KeyUse.objects.filter(number=1).update(documents=F('documents') + 1)",
        "KeyUse.objects.filter(number=1).update(documents=F('documents') - 1)",
        "key-use-broken",
        "uses of the online key",
    ),
]
