"""Bulletins: from a file that somebody edited to what people, feed readers and programs read."""

from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from tufsigning.models import Bulletin
from tufsigning.recovery import bulletins
from tufsigning.recovery.bulletins import BulletinFaultyError, read_bulletin, template

TEXT = """\
The online key was stolen

What happened:
On 2026-11-20 somebody <script>alert(1)</script> signed a release.

He did it twice.

Keys:
The online key 1a2b3c4d is replaced by 5e6f7a8b.

What you should do:
Remove victim 2.0.
"""
ATOM = {"a": "http://www.w3.org/2005/Atom"}


def written(folder: Path, text: str = TEXT) -> Path:
    path = folder / "bulletin.txt"
    path.write_text(text)
    return path


def test_a_bulletin_is_read_part_by_part() -> None:
    bulletin = read_bulletin(TEXT)
    assert bulletin.title == "The online key was stolen"
    assert bulletin.happened.endswith("signed a release.\n\nHe did it twice.")
    assert (bulletin.advice, bulletin.releases) == ("Remove victim 2.0.", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (template("online-keys"), "EDIT still stands"),
        (template(), "EDIT still stands"),
        ("", "A bulletin has a title"),
        ("A title\n\nand no heading", "After the title comes"),
        ("A title\n\nWhat happened:\nMuch.", "What you should do:"),
        (TEXT.replace("The online", "x" * 200), "at most 200"),
    ],
)
def test_what_is_not_finished_is_not_published(text: str, words: str) -> None:
    with pytest.raises(BulletinFaultyError, match=words):
        read_bulletin(text)


@pytest.mark.django_db
def test_a_file_that_is_too_long_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="longer than"):
        call_command("tuf_recover", bulletin=written(tmp_path, TEXT + "x" * 70_000))
    (tmp_path / "bulletin.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(CommandError, match="not UTF-8"):
        call_command("tuf_recover", bulletin=tmp_path / "bulletin.txt")
    assert not Bulletin.objects.exists()


@pytest.mark.django_db
def test_the_same_file_again_is_the_same_bulletin(tmp_path: Path) -> None:
    first, again = (bulletins.publish_file(written(tmp_path), now=timezone.now()) for _ in range(2))
    assert first.pk == again.pk


@pytest.mark.django_db
def test_people_read_it_escaped_in_a_list_a_page_and_a_feed(client: Client, tmp_path: Path) -> None:
    bulletin = bulletins.publish_file(written(tmp_path), now=timezone.now())
    page = client.get(f"/trust/bulletins/{bulletin.pk}/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "<p>He did it twice.</p>" in page
    assert bulletin.title in client.get("/trust/bulletins/").content.decode()
    assert f'<a href="/trust/bulletins/{bulletin.pk}/">{bulletin.title}</a>' in client.get("/trust/").content.decode()
    feed = ElementTree.fromstring(client.get("/trust/bulletins/feed.xml").content)
    assert [each.text for each in feed.findall("a:entry/a:title", ATOM)] == [bulletin.title]
    [link] = feed.findall("a:entry/a:link", ATOM)
    assert link.attrib["href"].endswith(f"/trust/bulletins/{bulletin.pk}/")


@pytest.mark.django_db
def test_drafts_and_those_of_the_future_are_not_shown_and_old_ones_do_not_warn(client: Client, tmp_path: Path) -> None:
    bulletin = bulletins.publish_file(written(tmp_path), now=timezone.now() - timedelta(days=91))
    assert bulletin.title not in client.get("/trust/").content.decode()
    assert client.get(f"/trust/bulletins/{bulletin.pk}/").status_code == 200
    for moment in (None, timezone.now() + timedelta(hours=1)):
        Bulletin.objects.update(published_at=moment)
        assert client.get(f"/trust/bulletins/{bulletin.pk}/").status_code == 404
        assert bulletin.title not in client.get("/trust/bulletins/").content.decode()
