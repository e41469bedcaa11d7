"""Roles near their end: said once for each step, in the log and by mail, to a real mail server."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from django.utils import timezone
from pytest_django import Settings

from indexsite.environment import SettingError, read_environment
from tests.running import free_port
from tests.signing import signed_index
from tufsigning.announcing import announce_expiries, offline_expiries
from tufsigning.core.publication import Current
from tufsigning.library import Library
from tufsigning.models import ExpiryAnnouncement

pytestmark = pytest.mark.django_db


class Mailbox(Message):
    """The mails that came."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[str] = []

    def handle_message(self, message: object) -> None:
        self.mails.append(str(message))


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    """A mail server on a free port, and settings that name it."""
    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.DEFAULT_FROM_EMAIL, settings.MAIL_TO = "index@example.org", ("one@example.org", "two@example.org")
    yield mailbox
    server.stop()


@pytest.fixture
def development(settings: Settings, tmp_path: Path) -> Current:
    signed_index(settings, tmp_path)
    return Library().current()


@pytest.fixture
def real(development: Current) -> Current:
    """The same as if key holders had held the ceremony: claimed lives 90 days, the others a year."""
    root = json.loads(development.roots[0])
    root["signed"]["x-indexsite"]["development"] = False
    return replace(development, roots=(json.dumps(root).encode(),))


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    caplog.clear()
    return found


def test_each_step_is_announced_once_to_log_and_mail(
    real: Current, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    end = offline_expiries(real)["claimed"]
    for days in (61, 60, 59, 30, 29, 14, 7, 6, 1, 0, -1):
        announce_expiries(real, now=end - timedelta(days=days))
        expected = int(days in {60, 30, 14, 7, 0})
        assert len(warned(caplog)) == expected, days
        assert len(mailbox.mails) == expected, days
        mailbox.mails.clear()


def test_a_mail_says_what_to_do_to_all_who_are_named(real: Current, mailbox: Mailbox, settings: Settings) -> None:
    settings.BASE_URL = "https://packages.example.org"
    announce_expiries(real, now=offline_expiries(real)["claimed"] - timedelta(days=5, hours=1))
    [mail] = mailbox.mails
    assert "Subject: https://packages.example.org: the role claimed nears its end" in mail
    assert "From: index@example.org" in mail
    assert "one@example.org" in mail
    assert "two@example.org" in mail
    assert "expires in 5 days" in mail
    assert "tuf_import" in mail
    assert "https://packages.example.org/trust/" in mail


def test_a_mail_that_cannot_be_sent_is_sent_later_and_logged_once(
    real: Current, mailbox: Mailbox, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, free_port()
    now = offline_expiries(real)["claimed"] - timedelta(days=5)
    announce_expiries(real, now=now)
    assert len(warned(caplog)) == 1
    assert not mailbox.mails
    settings.EMAIL_PORT = port
    for _ in range(2):
        announce_expiries(real, now=now)
    assert len(mailbox.mails) == 1
    assert not warned(caplog)


def test_a_role_that_was_signed_anew_is_announced_again_in_its_turn(real: Current, mailbox: Mailbox) -> None:
    end = offline_expiries(real)["claimed"]
    announce_expiries(real, now=end - timedelta(days=5))
    claimed = json.loads(real.upper["claimed"])
    claimed["signed"]["expires"] = (end + timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%SZ")
    renewed = replace(real, upper={**real.upper, "claimed": json.dumps(claimed).encode()})
    announce_expiries(renewed, now=end)
    assert len(mailbox.mails) == 1
    announce_expiries(renewed, now=end + timedelta(days=85))
    assert len(mailbox.mails) == 2


def test_roles_that_the_server_renews_are_no_matter_for_people(
    development: Current, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    assert announce_expiries(development, now=timezone.now() + timedelta(days=364)) == 0
    assert not warned(caplog)
    assert not mailbox.mails
    assert not ExpiryAnnouncement.objects.exists()


def test_without_a_mail_server_the_log_is_enough(real: Current, caplog: pytest.LogCaptureFixture) -> None:
    assert announce_expiries(real, now=last_of(real)) == 4
    assert len(warned(caplog)) == 4


def last_of(current: Current) -> datetime:
    return max(offline_expiries(current).values())


def test_mail_settings_are_read_or_refused() -> None:
    said = {
        "INDEXSITE_MAIL_URL": "smtp+starttls://me:p%40ss@mail.example.org",
        "INDEXSITE_MAIL_FROM": "index@example.org",
        "INDEXSITE_MAIL_TO": "a@example.org, b@example.org",
    }
    read = read_environment(said)
    server = read.mail_server
    assert server is not None
    assert (server.host, server.port, server.user, server.password) == ("mail.example.org", 587, "me", "p@ss")
    assert read.mail_to == ("a@example.org", "b@example.org")
    assert "p@ss" not in f"{read!r} {server!r}"
    assert "INDEXSITE_MAIL_URL" in read.secrets_for_parts()
    for name, wrong in {
        "INDEXSITE_MAIL_URL": "http://:secret@host",
        "INDEXSITE_MAIL_TO": "nobody",
        "INDEXSITE_MAIL_FROM": "a@b\nBcc: c@d",
    }.items():
        with pytest.raises(SettingError, match=name) as refused:
            read_environment({**said, name: wrong})
        assert "secret" not in str(refused.value)
    with pytest.raises(SettingError, match="belong together"):
        read_environment({"INDEXSITE_MAIL_TO": "a@example.org"})
