"""Runs inside the index's own code, on a data folder from the environment: `python -m bench.scale.inside STEP`.

Each step is a process of its own, so that its memory is its own. The last line of its output are its figures as JSON.
"""

import argparse
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import django

django.setup()

from django.db import connection  # noqa: E402  # Django is set up by now
from django.utils import timezone  # noqa: E402

from bench.scale.generating import numbers_by_bin, target_of  # noqa: E402
from bench.scale.measuring import Figures, peak_mib, taken  # noqa: E402
from bench.signing.populating import add_release  # noqa: E402
from indexsite.serving.preparation import prepare_index  # noqa: E402
from indexsite_client.protocol import RECENTLY_CLAIMED  # noqa: E402
from tufsigning.clock import signing_time  # noqa: E402
from tufsigning.core.publication import Current, Plan, is_bin, plan_as_it_is  # noqa: E402
from tufsigning.due import due_roles  # noqa: E402
from tufsigning.library import Library  # noqa: E402
from tufsigning.pruning import Pruned  # noqa: E402
from tufsigning.pruning import prune as run_prune  # noqa: E402
from tufsigning.publisher import Publisher  # noqa: E402

BINS_AT_ONCE = 1024
ALONE_SECONDS = 0.2  # soon after another upload the publisher waits for more to come
_HALF_LIFE, _GRACE = timedelta(days=3.6), timedelta(days=14)


def populate(targets: int) -> Figures:
    """The ceremony, then the index's own publications of a thousand bins each."""
    prepare_index(now=timezone.now())
    publisher = Publisher(library := Library())
    numbers = numbers_by_bin(targets, bins=library.current().bins)
    names = list(numbers)
    for start in range(0, len(names), BINS_AT_ONCE):
        filled = {name: dict(map(target_of, numbers[name])) for name in names[start : start + BINS_AT_ONCE]}
        _publish(publisher, lambda _, filled=filled: Plan(filled))  # type: ignore[misc]  # a loop's own value
    return _sizes(library.current())


def resign(_: int) -> Figures:
    """Every online role in one publication, as a new online key needs it; by a publisher that has just started."""
    publisher = Publisher(library := Library())

    def everything(current: Current) -> Plan:
        roles = [role for role in current.entries.roles() if is_bin(role) or role == RECENTLY_CLAIMED]
        return plan_as_it_is(roles, read_targets=partial(library.targets, current))

    return taken(lambda: _publish(publisher, everything)) | _sizes(library.current())


def upload(count: int) -> Figures:
    """From the rows that an answered upload leaves until it is visible; of new projects and of one that is known."""
    publisher, samples = Publisher(Library()), []
    for number in range(count):
        add_release(f"uploaded{time.time_ns()}" if number % 2 else "uploaded", time.time_ns())
        time.sleep(ALONE_SECONDS)
        samples.append(taken(lambda: _publish_waiting(publisher)))
    spent = sorted(each["processor"] for each in samples)[count // 2]
    waited = sorted(each["seconds"] for each in samples)
    return {"first": samples[0]["seconds"], "median": waited[count // 2], "slowest": waited[-1], "processor": spent}


def start(_: int) -> Figures:
    """What a publisher that has just started reads before its first work."""
    return taken(lambda: Library().current())


def renew(_: int) -> Figures:
    """A slice of the bins, as large as the schedule takes one, when half of their life is over."""
    publisher = Publisher(library := Library())

    def ahead() -> datetime:
        return signing_time() + _HALF_LIFE

    roles = len(due_roles(library.current(), now=ahead()).roles)
    return taken(lambda: publisher.renew(ahead, renew_offline=lambda _: ())) | {"roles": roles}


def prune(_: int) -> Figures:
    """On a clock that is ahead: mark what is live, look at each file of the store, remove what was superseded."""
    removed: list[Pruned] = []
    figures = taken(lambda: removed.append(run_prune(Library(), lambda: signing_time() + _GRACE * 2, grace=_GRACE)))
    return figures | {"documents": removed[0].documents, "removed": removed[0].size}


def _publish(publisher: Publisher, plan: Callable[[Current], Plan]) -> None:
    if not publisher.publish_plan(plan, signing_time, settle=lambda: None):
        raise SystemExit("Another publisher is at work; the figures would mean nothing.")


def _publish_waiting(publisher: Publisher) -> None:
    if not publisher.publish_waiting(signing_time):
        raise SystemExit("The upload was not published; the figures would mean nothing.")


def _sizes(current: Current) -> Figures:
    lengths = [current.entries[role]["length"] for role in current.entries.roles() if is_bin(role)]
    return {"bins": len(lengths), "bytes": sum(lengths), "largest": max(lengths), "snapshot": len(current.snapshot)}


STEPS = {"populate": populate, "resign": resign, "upload": upload, "start": start, "renew": renew, "prune": prune}


def main() -> None:
    """One step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("number", type=int, nargs="?", default=0, help="targets, or uploads")
    options = parser.parse_args()
    figures = STEPS[options.step](options.number)
    print(json.dumps(figures | {"peak": peak_mib("self")}), flush=True)
    connection.close()


if __name__ == "__main__":
    main()
