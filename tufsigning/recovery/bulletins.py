"""Bulletins: what users are told about a break-in, from a template that the operator edits, in plain words."""

from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import Q, QuerySet

from tufsigning.models import Bulletin
from tufsigning.recovery.cases import CASES
from tufsigning.recovery.errors import RecoveryError

WARNS_FOR = timedelta(days=90)
_MOST = 64_000  # bytes of a file
_PARTS = {
    "happened": "What happened:",
    "keys": "Keys:",
    "releases": "Releases:",
    "advice": "What you should do:",
}
_REQUIRED = ("happened", "advice")
_EDIT = "EDIT"
_TEMPLATE = """\
{title}

What happened:
{what} EDIT: when it began and ended, how you know, and what you do not know yet.

Keys:
EDIT: which keys are replaced, with the first 8 characters of old and new ones; or that none is.

Releases:
EDIT: project, version and file name of every release that was forged or taken away, with its SHA-256; or that none is.

What you should do:
EDIT: such as: remove the releases above from wherever they are installed, and take the secrets of those
machines for stolen.
"""


class BulletinFaultyError(RecoveryError):
    """The file is no bulletin that may be published."""

    code = "bulletin-faulty"


def template(case: str = "") -> str:
    """A bulletin to be edited; EDIT stands wherever something must be written."""
    what = CASES[case].what if case else "EDIT."
    return _TEMPLATE.format(title="EDIT: one line that says it all", what=what)


def read_bulletin(text: str) -> Bulletin:
    """A bulletin that is not saved yet; raises BulletinFaultyError."""
    lines = text.strip().splitlines()
    title = lines[0].strip() if lines else ""
    headings = {heading: name for name, heading in _PARTS.items()}
    parts: dict[str, list[str]] = {}
    part = ""
    for line in lines[1:]:
        if line.strip() in headings:
            part = headings[line.strip()]
            parts[part] = []
        elif part:
            parts[part].append(line)
        elif line.strip():
            raise BulletinFaultyError(f"After the title comes '{_PARTS['happened']}', not {line.strip()[:60]!r}.")
    said = {name: "\n".join(found).strip() for name, found in parts.items()}
    missing = [_PARTS[name] for name in _REQUIRED if not said.get(name)]
    if not title or len(title) > 200 or missing:
        raise BulletinFaultyError(f"A bulletin has a title of at most 200 characters, {' and '.join(_PARTS.values())}")
    if any(_EDIT in each for each in (title, *said.values())):
        raise BulletinFaultyError(
            "EDIT still stands in the bulletin: write what there is to say, or take the line out."
        )
    return Bulletin(title=title, **said)


def publish_file(path: Path, *, now: datetime) -> Bulletin:
    """Publish the bulletin of a file; the same one again is the same bulletin. Raises BulletinFaultyError."""
    with path.open("rb") as file:
        data = file.read(_MOST + 1)
    if len(data) > _MOST:
        raise BulletinFaultyError(f"{path} is longer than {_MOST} bytes; put details elsewhere, and link to them.")
    try:
        bulletin = read_bulletin(data.decode())
    except UnicodeDecodeError as error:
        raise BulletinFaultyError(f"{path} is not UTF-8 text.") from error
    said = {name: getattr(bulletin, name) for name in ("title", *_PARTS)}
    with transaction.atomic():
        known = Bulletin.objects.filter(**said).first()
        if known is not None:
            return known
        bulletin.published_at, bulletin.warns_until = now, now + WARNS_FOR
        bulletin.save()
    return bulletin


def published(*, now: datetime, limit: int) -> QuerySet[Bulletin]:
    """The newest first."""
    return Bulletin.objects.filter(published_at__lte=now).order_by("-published_at", "-pk")[:limit]


def find(number: int, *, now: datetime) -> Bulletin | None:
    """A published bulletin."""
    return Bulletin.objects.filter(pk=number, published_at__lte=now).first()


def warning_ones(*, now: datetime) -> QuerySet[Bulletin]:
    """Those of which `/trust/` warns."""
    current = Bulletin.objects.filter(Q(published_at__lte=now) & Q(warns_until__gt=now))
    return current.order_by("-published_at", "-pk")[:20]
