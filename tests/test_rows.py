"""Rows by the thousand: all of them are written, or none; what is there already is set where that is asked for."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from tufsigning.models import Document, RoleHead
from tufsigning.rows import write_rows

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
MANY = 3000  # more than one statement takes


def test_many_rows_are_written_as_django_would_write_them() -> None:
    rows = [(f"bin-{number:04x}", number, "", NOW) for number in range(MANY)]
    write_rows(Document, ("role", "version", "sha256", "claimed_at"), iter(rows))
    assert sorted(Document.objects.values_list("role", "version", "sha256", "claimed_at")) == rows
    ours = Document.objects.get(role="bin-0001")
    theirs = Document.objects.create(role="other", version=1, claimed_at=NOW)
    for row in (ours, theirs):
        row.refresh_from_db()
        assert (row.length, row.content, row.claimed_at) == (None, None, NOW)
    assert Document.objects.filter(claimed_at=NOW).count() == MANY + 1  # they compare alike in the database too


def test_rows_that_are_there_are_set_in_the_named_columns_only() -> None:
    write_rows(Document, ("role", "version", "claimed_at", "sha256"), [("a", 1, NOW, ""), ("b", 1, NOW, "")])
    columns = ("role", "version", "sha256", "length", "content", "claimed_at")
    rows = [(role, 1, "f" * 64, 3, b"{}\x00", datetime(2030, 1, 1, tzinfo=UTC)) for role in "abc"]
    write_rows(Document, columns, rows, unique=("role", "version"), update=("sha256", "length", "content"))
    assert Document.objects.count() == 3
    found = Document.objects.get(role="a")
    assert (found.sha256, found.length, bytes(found.content or b""), found.claimed_at) == ("f" * 64, 3, b"{}\x00", NOW)
    write_rows(RoleHead, ("role", "version"), {"a": 5}.items(), unique=("role",), update=("version",))
    write_rows(RoleHead, ("role", "version"), {"a": 7}.items(), unique=("role",), update=("version",))
    assert RoleHead.objects.get().version == 7


def test_a_row_that_may_not_be_there_takes_the_others_with_it() -> None:
    write_rows(Document, ("role", "version", "sha256", "claimed_at"), [("bin-2999", 1, "", NOW)])
    rows = ((f"bin-{number}", 1, "", NOW) for number in range(MANY))
    with pytest.raises(IntegrityError), transaction.atomic():
        write_rows(Document, ("role", "version", "sha256", "claimed_at"), rows)
    assert Document.objects.count() == 1
    write_rows(RoleHead, ("role", "version"), [])
    assert not RoleHead.objects.exists()
