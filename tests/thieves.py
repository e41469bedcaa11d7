"""A thief with the online key, the database and the store of an index: what he leaves, done by its own parts."""

import hashlib

from tests.distributions import wheel
from tests.running import RunningIndex

FAR = 2**53 - 100  # versions that nobody can go above for long

_THEFT = """
import base64, hashlib
from django.utils import timezone
from packages.models import File, Project, Release
from storage.contract import blob_name, the_storage
from tufsigning import records
from tufsigning.clock import signing_time
from tufsigning.core.publication import Plan, is_bin
from tufsigning.library import Library
from tufsigning.publisher import Publisher

content, now = base64.b64decode({content!r}), timezone.now()
sha256 = hashlib.sha256(content).hexdigest()
the_storage().write({{blob_name(sha256): content}})
project = Project.objects.get(name={project!r})
release = Release.objects.create(project=project, version={version!r}, created_at=now)
File.objects.create(release=release, filename={filename!r}, sha256=sha256, size=len(content), uploaded_at=now)
File.objects.filter(release__project__name={removed!r}).update(state="deleted", voucher="")
from packages import outbox
for name in ({project!r}, {removed!r}):
    outbox.record(Project.objects.get(name=name), now=now)
library = Library()
current = library.current()
online = ["timestamp", "snapshot", *(role for role in current.entries.roles() if is_bin(role))]
records.raise_heads(dict.fromkeys(online, {far}))
publisher = Publisher(library)
while not publisher.publish_plan(
    lambda current: Plan({{role: library.targets(current, role) for role in online[2:]}}),
    signing_time,
    settle=lambda: None,
):
    pass
publisher.publish_waiting(signing_time)
"""


def rob(index: RunningIndex, project: str, version: str, *, removing: str) -> tuple[str, str]:
    """Sign a release of a project that nobody made, take another project's files away, and run ahead with versions.

    No entry of the journal tells of it. Returns the file's target path and its hash.
    """
    import base64

    filename, content = wheel(project, version)
    asked = {"content": base64.b64encode(content).decode(), "filename": filename, "far": FAR}
    index.manage("shell", "-c", _THEFT.format(project=project, version=version, removed=removing, **asked))
    return f"{project}/{filename}", hashlib.sha256(content).hexdigest()
