"""Runs inside the index's own code, on a data folder from the environment: `python -m bench.signing.inside`.

Makes an index whose bins hold as many plausible targets as asked for, then times one publication after another. The
last line of its output are the figures as JSON.
"""

import argparse
import gc
import json
import time
from collections.abc import Callable
from datetime import timedelta

import django

django.setup()

from django.core.management import call_command  # noqa: E402  # Django is set up by now
from django.utils import timezone  # noqa: E402

from bench.signing.populating import PopulatingPublisher, add_release  # noqa: E402
from bench.signing.scripts import SigningScripts  # noqa: E402
from tufsigning.ceremony import hold_development_ceremony  # noqa: E402
from tufsigning.clock import signing_time  # noqa: E402
from tufsigning.library import Library  # noqa: E402
from tufsigning.publisher import Publisher  # noqa: E402

WARM_UP = 3
PROJECTS = 8
OURS = "indexsite"
SIGNATURE_SECONDS = 1.0
ALONE_SECONDS = 0.2  # an upload that comes alone: soon after another one the publisher waits for more to come


def main() -> None:
    """Populate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, required=True)
    parser.add_argument("--publications", type=int, required=True)
    parser.add_argument("--renew", action="store_true")
    options = parser.parse_args()
    call_command("migrate", interactive=False, verbosity=0)
    gc.disable()  # millions of entries come and stay until all are signed: looking for garbage would take minutes
    hold_development_ceremony(PopulatingPublisher(Library(), targets=options.targets), now=timezone.now())
    gc.enable()
    gc.collect()
    library = Library()
    publisher = Publisher(library)
    bins = library.current().bins.count
    scripts = SigningScripts(library)
    taken = {OURS: [], scripts.ONCE: [], scripts.TUF: []}  # type: dict[str, list[float]]
    for number in range(WARM_UP + options.publications):  # in turns, so that noise meets all of them
        time.sleep(ALONE_SECONDS)
        add_release(f"signing{number % PROJECTS}", number)
        taken[OURS].append(_milliseconds(lambda: publisher.publish_waiting(signing_time)))
        taken[scripts.ONCE].append(_milliseconds(scripts.sign_once))
        taken[scripts.TUF].append(_milliseconds(scripts.sign_with_tuf))
    figures = [_figure(f"publish-{bins}", who, "ms", samples[WARM_UP:]) for who, samples in taken.items()]
    if options.renew:
        figures.append(_figure(f"renew-{bins}", OURS, "/s", [renewal_rate(publisher, bins)]))
        if bins == 256:
            figures.append(_figure("ed25519", scripts.BARE, "/s", [scripts.signatures_per_second(SIGNATURE_SECONDS)]))
    print(json.dumps(figures))


def renewal_rate(publisher: Publisher, bins: int) -> float:
    """Bins a second, where all of them are due: half of their life is over on the clock that is given."""
    ahead = timedelta(days=4)
    before = time.perf_counter()
    renewed = publisher.renew(lambda: signing_time() + ahead, renew_offline=lambda _: ())
    taken = time.perf_counter() - before
    if renewed < bins:
        raise SystemExit(f"Of {bins} bins, {renewed} roles were renewed; the figure would mean nothing.")
    return bins / taken


def _milliseconds(act: Callable[[], object]) -> float:
    before = time.perf_counter()
    if act() == 0:
        raise SystemExit("Nothing was published; the figure would mean nothing.")
    return 1000 * (time.perf_counter() - before)


def _figure(case: str, who: str, unit: str, samples: list[float]) -> dict[str, object]:
    return {"case": case, "who": who, "unit": unit, "samples": samples}


if __name__ == "__main__":
    main()
