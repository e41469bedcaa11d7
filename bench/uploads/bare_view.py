"""A Django view that takes an upload and does no more than must be done: the bound for any Django index.

It parses the form, writes the file, syncs file and folder, and inserts one row (SQLite, WAL, synchronous=FULL).
granian imports it by itself, so it imports nothing of ours; the folder comes from the environment.
"""

import os
from pathlib import Path

import django
from django.conf import settings

FOLDER = Path(os.environ["BENCH_FOLDER"])

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="nothing is signed with it",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "uploads.sqlite3",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    },
)
django.setup()

from django.core.files.uploadedfile import UploadedFile  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402  # Django is set up by now
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402


def take(request: HttpRequest) -> HttpResponse:
    """Take one file; GET says that the view is there."""
    if request.method == "POST":
        received = request.FILES["content"]
        assert isinstance(received, UploadedFile)
        name = str(received.name)
        with open(FOLDER / "files" / name, "xb") as file:
            for chunk in received.chunks():
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        _sync(FOLDER / "files")
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO uploads (name, sha256) VALUES (%s, %s)", [name, request.POST["sha256_digest"]])
    return HttpResponse("taken\n", content_type="text/plain")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


(FOLDER / "files").mkdir(parents=True, exist_ok=True)
with connection.cursor() as made:
    made.execute("CREATE TABLE IF NOT EXISTS uploads (id INTEGER PRIMARY KEY, name TEXT UNIQUE, sha256 TEXT)")
connection.close()

urlpatterns = [path("", take)]
application = WSGIHandler()
