"""The goals, each a bound on a figure or on a ratio of two figures of one run; and whether a run met them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.figures import Figure
from bench.names import (
    BARE_VIEW,
    FRONTED,
    INSTALLS,
    MEMORY,
    NGINX,
    OURS,
    PLAIN,
    PRIVATE,
    READING,
    SIGNING,
    UPLOADS,
    WARM,
)
from bench.reasons import REASONS

BEST_PEER = "best peer"


@dataclass(frozen=True, slots=True)
class Goal:
    """`who` in a case, over another one where `over` names it, is at least (or at most) the bound."""

    key: str
    what: str
    section: str
    case: str
    bound: float
    who: str = OURS
    over: str = ""
    at_most: bool = False
    unit: str = "x"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A goal and what a run says of it; `value` and `met` are None where a figure is missing."""

    goal: Goal
    value: float | None
    over: str  # who stands below the ratio: of the peers, the best
    met: bool | None

    @property
    def verdict(self) -> str:
        return {True: "met", False: "MISSED", None: "not measured"}[self.met]

    @property
    def reason(self) -> str:
        """Why a goal is missed, as somebody who profiled it wrote down."""
        if self.met is not False:
            return ""
        return REASONS.get(self.goal.key, "not looked into yet")


def _times(case: str, what: str, bound: float) -> Goal:
    return Goal(case, what, READING, case, bound, over=BEST_PEER)


def _private(case: str, what: str) -> Goal:
    return Goal(f"private-{case}", f"private {what}", READING, case, 0.7, who=PRIVATE, over=OURS)


GOALS = (
    _times("four-json", "page of 4 files, JSON", 25),
    _times("four-html", "page of 4 files, HTML", 25),
    _times("thousand-json", "page of 1,000 files, JSON", 60),
    _times("thousand-html", "page of 1,000 files, HTML", 60),
    _times("file", "50 kB file at 16 connections", 10),
    Goal("file-behind-nginx", "50 kB file behind nginx", READING, "file", 0.9, who=FRONTED, over=NGINX),
    _private("four-json", "page of 4 files, JSON"),
    _private("four-html", "page of 4 files, HTML"),
    Goal("upload-1", "uploads until visible, 1 client", UPLOADS, "visible-1", 200, unit="/s"),
    Goal("upload-1-bare", "uploads, 1 client, over the bare view", UPLOADS, "visible-1", 200 / 600, over=BARE_VIEW),
    Goal("upload-8", "uploads until visible, 8 clients", UPLOADS, "visible-8", 400, unit="/s"),
    Goal("upload-8-bare", "uploads, 8 clients, over the bare view", UPLOADS, "visible-8", 400 / 850, over=BARE_VIEW),
    Goal("visible-1", "time until visible, 1 client, median", UPLOADS, "p50-1", 200, at_most=True, unit="ms"),
    Goal("visible-8", "time until visible, 8 clients, median", UPLOADS, "p50-8", 200, at_most=True, unit="ms"),
    Goal("memory", "memory of all parts, at its most", MEMORY, "most", 250, at_most=True, unit="MiB"),
    Goal("pip-plain", "pip install, plain", INSTALLS, "pip", 1.2, who=PLAIN, over=NGINX, at_most=True),
    Goal("uv-plain", "uv pip install, plain", INSTALLS, "uv", 1.2, who=PLAIN, over=NGINX, at_most=True),
    Goal("pip-verified", "pip install, verified, warm", INSTALLS, "pip", 1.15, who=WARM, over=PLAIN, at_most=True),
    Goal("uv-verified", "uv pip install, verified, warm", INSTALLS, "uv", 1.15, who=WARM, over=PLAIN, at_most=True),
    Goal(
        "publish-16384",
        "an upload into 1,000,000 targets in 16,384 bins",
        SIGNING,
        "publish-16384",
        50,
        at_most=True,
        unit="ms",
    ),
)


def judge(figures: Iterable[Figure], kinds: Mapping[str, str]) -> tuple[Judgement, ...]:
    """What these figures say of every goal; `kinds` tells which of those compared are peers."""
    medians = {(each.section, each.case, each.who): each.median for each in figures}
    return tuple(_judge_one(goal, medians, kinds) for goal in GOALS)


def missed_by_reason(judgements: Iterable[Judgement]) -> dict[str, list[str]]:
    """What the missed goals are about, by what limits them."""
    found: dict[str, list[str]] = {}
    for each in judgements:
        if each.met is False:
            found.setdefault(each.reason, []).append(each.goal.what)
    return found


def _judge_one(goal: Goal, medians: Mapping[tuple[str, str, str], float], kinds: Mapping[str, str]) -> Judgement:
    value, over = medians.get((goal.section, goal.case, goal.who)), goal.over
    if over == BEST_PEER:
        peers = [who for who in kinds if kinds[who] == "peer" and (goal.section, goal.case, who) in medians]
        over = max(peers, key=lambda who: medians[goal.section, goal.case, who], default="")
    if goal.over:
        below = medians.get((goal.section, goal.case, over))
        value = None if value is None or not below else value / below
    if value is None:
        return Judgement(goal, None, over or goal.over, None)
    return Judgement(goal, value, over, value <= goal.bound if goal.at_most else value >= goal.bound)
