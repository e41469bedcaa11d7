"""Sums of what is stored, repaired: what differs is said and mended once, also while uploads go on."""

from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.core.management import call_command

from packages.acceptance import accept_together
from packages.models import AccountUsage, File, JournalEntry, Project
from tests.accepting import caller, wanted
from tests.distributions import wheel
from tests.life import everything
from tests.running import RunningIndex

BREAK = (
    "from packages.models import *; Project.every.update(stored_bytes=1); AccountUsage.objects.update(stored_bytes=1)"
)


def said() -> list[str]:
    out = StringIO()
    call_command("usage_repair", stdout=out)
    return out.getvalue().splitlines()


@pytest.fixture
def stored(db: None) -> None:
    ann, bob = caller("ann"), caller("bob")
    accept_together([wanted("demo-1.tar.gz", by=ann, size=10), wanted("demo-2.tar.gz", by=ann, size=20)])
    accept_together([wanted("other-1.tar.gz", by=bob, size=5)])


@pytest.mark.usefixtures("stored")
def test_sums_that_are_right_are_left_alone() -> None:
    before = everything()
    assert said() == ["Every sum is right."]
    assert everything() == before


@pytest.mark.usefixtures("stored")
def test_what_differs_is_mended_said_and_journalled_once() -> None:
    Project.every.filter(name="demo").update(stored_bytes=31, stored_files=2)
    Project.every.filter(name="other").update(stored_files=7, status="deleted")
    AccountUsage.objects.filter(user__username="ann").update(stored_bytes=0, quota=99)
    AccountUsage.objects.filter(user__username="bob").delete()
    caller("carl")
    assert said() == [
        "project demo: 30 bytes, not 31.",
        "project other: 5 bytes in 1 files, not 5 in 7.",
        "account ann: 30 bytes, not 0.",
        "account bob: 5 bytes, not 0.",
        "4 sums were wrong and are right now.",
    ]
    assert said() == ["Every sum is right."]
    assert dict(Project.every.values_list("name", "stored_bytes")) == {"demo": 30, "other": 5}
    usages = AccountUsage.objects.order_by("user__username").values_list("user__username", "stored_bytes", "quota")
    assert list(usages) == [("ann", 30, 99), ("bob", 5, None)]
    assert JournalEntry.objects.filter(act="usage.repaired", actor="indexsite").count() == 4


@pytest.mark.usefixtures("stored")
def test_deleted_files_and_those_of_deleted_accounts_count_for_nobody() -> None:
    File.every.filter(filename="demo-1.tar.gz").update(state="deleted")
    File.every.filter(filename="other-1.tar.gz").update(uploaded_by=None)
    assert said()[:-1] == [
        "project demo: 20 bytes in 1 files, not 30 in 2.",
        "account ann: 20 bytes, not 30.",
        "account bob: 0 bytes, not 5.",
    ]


def test_sums_are_right_after_a_repair_during_uploads(one_process_index: RunningIndex) -> None:
    index, token = one_process_index, one_process_index.token()
    assert index.post_upload(*wheel("busy", "0"), token=token).status == 200
    index.manage("shell", "-c", BREAK)
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(index.post_upload, *wheel("busy", f"1.{n}"), token=token) for n in range(120)]
        repairs = [index.manage("usage_repair") for _ in range(2)]
        assert {each.result().status for each in sent} == {200}
    assert "project busy" in repairs[0]
    assert "account admin" in repairs[0]
    assert repairs[1] == "Every sum is right.\n"
    assert index.manage("usage_repair") == "Every sum is right.\n"
