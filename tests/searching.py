"""A small world of projects to search, the table of what must be found in it, and how that runs on a database."""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.running import CHECKOUT

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PYTHON = "Programming Language :: Python :: "
DJANGO = "Framework :: Django"


@dataclass(frozen=True)
class Made:
    """A project of this world: its latest release says this."""

    name: str
    summary: str = ""
    keywords: tuple[str, ...] = ()
    classifiers: tuple[str, ...] = ()
    text: str = ""
    status: str = "active"
    days: int = 0  # since its release
    downloads: int = 0
    license_expression: str = ""


WORLD = (
    Made("flask", "A simple framework for building complex web applications.", ("wsgi",), (PYTHON + "3.12",), days=9),
    Made("flask-login", "User session management for Flask.", ("flask", "login"), days=8),
    Made("flask-login-extras", "More of it.", days=7),
    Made("loginator", "Sign in to flask applications.", days=6),
    Made("quart", "A Python ASGI web microframework.", text="The API is the same as that of Flask.", days=5),
    Made("django", "A high-level web framework.", (), (DJANGO, PYTHON + "3.12", PYTHON + "3.13"), days=4),
    Made("django-filter", "Filtering of querysets.", (), (DJANGO, PYTHON + "3.13"), license_expression="MIT", days=3),
    Made("zope-interface", "Interfaces for Python.", days=40, downloads=7),
    Made("requests", "Python HTTP for Humans.", ("http",), days=100, downloads=5000),
    Made("request-id", "An id for each request.", days=90),
    Made("numpy", "Fundamental package for array computing.", days=2, downloads=9000),
    Made("lilo", "Letters that look like digits.", days=200),
    Made("old-parser", "Parses things.", status="archived", days=400),
    Made("uebersicht", "Eine Übersicht für alle Größen.", days=300),
    Made("suchmaschine", "全文検索 und İstanbul.", days=301),
)

# text, filters, names in the order in which they must come
CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {  # Any: the fields of Filters and the order
    "the exact name, then names that begin so, the shortest first, then summaries, then descriptions": (
        "flask",
        {},
        ["flask", "flask-login", "flask-login-extras", "loginator", "quart"],
    ),
    "another spelling of the name": ("Flask_Login", {}, ["flask-login", "flask-login-extras", "loginator"]),
    "all words must be there": ("web microframework", {}, ["quart"]),
    "a name without its separators": ("zopeinterface", {}, ["zope-interface"]),
    "a name with a dot": ("zope.interface", {}, ["zope-interface"]),
    "a piece of a name": ("interface", {}, ["zope-interface"]),
    "the beginning of a word": ("microfra", {}, ["quart"]),
    "another form of a word": ("filters", {}, ["django-filter"]),
    "a keyword before a summary": ("http", {}, ["requests"]),
    "a name before more downloads": ("request", {}, ["requests", "request-id"]),
    "accents and capitals make no difference": ("GRÖSSEN ubersicht", {}, ["uebersicht"]),
    "words of other scripts": ("全文検索", {}, ["suchmaschine"]),
    "a letter less": ("reqests", {}, ["requests"]),
    "a letter more": ("djjango", {}, ["django"]),
    "two letters swapped": ("nmupy", {}, ["numpy"]),
    "another letter": ("flosk", {}, ["flask"]),
    "two slips in a long name": ("zopeintrefase", {}, ["zope-interface"]),
    "three slips are too many": ("zpoeintrefase", {}, []),
    "slips in a name with separators": ("zope-intreface", {}, ["zope-interface"]),
    "letters that look alike": ("1il0", {}, ["lilo"]),
    "nothing like it": ("xyzzyplugh", {}, []),
    "a classifier": ("", {"classifiers": [DJANGO]}, ["django-filter", "django"]),
    "two classifiers": ("web", {"classifiers": [DJANGO, PYTHON + "3.12"]}, ["django"]),
    "a license expression": ("", {"classifiers": ["License :: MIT"]}, ["django-filter"]),
    "a status": ("parser", {"status": "archived"}, ["old-parser"]),
    "another status": ("parser", {"status": "active"}, []),
    "what is new": ("web", {"since": 4}, ["django"]),
    "slips among what passes the filters": ("djagno", {"classifiers": [DJANGO]}, ["django"]),
    "no slips among what does not": ("flosk", {"classifiers": [DJANGO]}, []),
    "newest first": ("web", {"order": "newest"}, ["django", "quart", "flask"]),
    "most downloaded first": ("python", {"order": "downloads"}, ["requests", "zope-interface", "django"]),
    "everything, newest first": ("", {"since": 4}, ["numpy", "django-filter", "django"]),
}

HOSTILE = (
    *('"', "'", "''", "*", "a*", "^a", "-", "--", "a -b", "a OR b", "a AND", "NOT a", "NEAR(a b, 9)", "name:flask"),
    *("{name}:a", "a:*", "a & !b", "a <-> b", "(", "((a", ")", "|", "&", "!", "\\", "%", "_", "%s", "%(a)s"),
    *("a;DROP TABLE x", "\x00", "a\x00b", "\ud83d\ude00", "\u202eabc", "😀", "ß", "İ", "ﷺ", "e\u0301" * 100),
    *("a" * 100_000, "a " * 50_000, "x'y\"z", "1e5", "0x1f", "3.12", "http://a.b/c?d=e", "user@example.org"),
    *("$$", "E'\\'", "a\nb", " ", "", "ab\u19b0cd"),
)


def make_world() -> None:
    """Put the projects into the database as the worker would find them after their publication."""
    from packages import changes  # noqa: PLC0415  # Django is set up where this runs
    from packages.models import File, Project, Release, ReleaseDescription  # noqa: PLC0415
    from search import keeping  # noqa: PLC0415
    from search.models import Document  # noqa: PLC0415

    for made in WORLD:
        at = NOW - timedelta(days=made.days)
        project = Project.objects.create(
            name=made.name, display_name=made.name, created_at=at, status=made.status, may_resemble=True
        )
        release = Release.objects.create(project=project, version="1.0", created_at=at, describe_at=None)
        File.objects.create(
            release=release,
            filename=f"{made.name.replace('-', '_')}-1.0.tar.gz",
            sha256="a" * 64,
            size=1,
            summary=made.summary,
            uploaded_at=at,
            state="published",
            voucher="unclaimed",
        )
        metadata: dict[str, object] = {"keywords": list(made.keywords), "classifiers": list(made.classifiers)}
        if made.license_expression:
            metadata["license_expression"] = made.license_expression
        ReleaseDescription.objects.create(release=release, metadata=metadata, text=made.text, described_at=at)
    changes.note(Project.objects.values_list("pk", flat=True))
    keeping.keep_up(seconds=60)
    for made in WORLD:
        Document.objects.filter(name=made.name).update(downloads=made.downloads)


def ask(text: str, asked: dict[str, Any]) -> list[str]:
    """The names that a case finds."""
    from search.searching import search  # noqa: PLC0415
    from search.values import Filters, Order  # noqa: PLC0415

    filters = Filters(
        classifiers=tuple(asked.get("classifiers", ())),
        status=asked.get("status", ""),
        since=NOW - timedelta(days=asked["since"]) if "since" in asked else None,
    )
    return [each.name for each in search(text, filters, order=Order(asked.get("order", "relevance"))).found]


def run(script: str, environment: dict[str, str]) -> Any:  # Any: JSON
    """Run lines of Python with Django set up; returns what the last one prints."""
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "manage.py"), "shell", "--verbosity", "0", "-c", script],
        env=environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
