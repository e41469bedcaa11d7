"""Announcing offline roles that near their end: a line in the log and a mail to administrators, once for each step."""

import logging
import smtplib
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage

from indexsite_client.protocol import ROOT, read_expiry
from tufsigning.core.documents import read_signed
from tufsigning.core.expiry import ExpiryWarning, warnings
from tufsigning.core.lifetimes import OFFLINE
from tufsigning.core.publication import Current
from tufsigning.models import ExpiryAnnouncement

log = logging.getLogger(__name__)


def offline_expiries(current: Current) -> Mapping[str, datetime]:
    """When each role that people must renew expires; none of a development root's, which the server renews itself."""
    if current.is_development:
        return {}
    contents = {ROOT: current.roots[-1], **{role: current.upper[role] for role in OFFLINE}}
    return {role: read_expiry(read_signed(content)) for role, content in contents.items()}


def announce_expiries(current: Current, *, now: datetime) -> int:
    """Say what has reached a step since the last time; returns how many roles that were.

    The log hears of a step once. A mail that cannot be sent is tried again each time until it is.
    """
    near = warnings(offline_expiries(current), now)
    new = [each for each in near if _note(each, now=now)]
    for each in new:
        log.warning("%s", each.sentence)
    if settings.MAIL_TO:
        _mail_what_is_unsent(near, now=now)
    return len(new)


def _note(warning: ExpiryWarning, *, now: datetime) -> bool:
    """Whether this step of this document was not announced yet."""
    _, is_new = ExpiryAnnouncement.objects.get_or_create(
        role=warning.role, expires_at=warning.expires, step=warning.step, defaults={"announced_at": now}
    )
    return is_new


def _mail_what_is_unsent(near: Sequence[ExpiryWarning], *, now: datetime) -> None:
    rows = ExpiryAnnouncement.objects.filter(mailed_at=None)
    unsent = {(row.role, row.expires_at, row.step): row.pk for row in rows}
    due = [each for each in near if (each.role, each.expires, each.step) in unsent]
    if not due:
        return
    try:
        _message(due).send()
    except (smtplib.SMTPException, OSError) as error:
        log.error("The mail about roles near their end could not be sent; it is tried again: %s", error)
        return
    sent = [unsent[each.role, each.expires, each.step] for each in due]
    ExpiryAnnouncement.objects.filter(pk__in=sent).update(mailed_at=now)


def _message(due: Sequence[ExpiryWarning]) -> EmailMessage:
    first = due[0]
    name = settings.BASE_URL or "Indexsite"
    what = f"the role {first.role} has expired" if first.is_over else f"the role {first.role} nears its end"
    sentences = "\n\n".join(each.sentence for each in due)
    where = f"\n\n{settings.BASE_URL}/trust/" if settings.BASE_URL else ""
    return EmailMessage(f"{name}: {what}", f"{sentences}{where}\n", to=list(settings.MAIL_TO))
