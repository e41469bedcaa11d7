"""For machines that watch: does the process live, and is the index ready to be relied on."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from tufsigning.core.documents import read_expiry, read_signed
from tufsigning.errors import TrustError
from tufsigning.library import Library


def live(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return _say("alive")


def ready(request: HttpRequest) -> HttpResponse:
    """200 only when migrations, ceremony and first publication are done and the timestamp is unexpired."""
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return _say("The database is not migrated; start 'manage.py serve', or run 'manage.py migrate'.", 503)
        expires = read_expiry(read_signed(Library().current().timestamp))
    except (DatabaseError, TrustError) as error:
        return _say(str(error), 503)
    if expires <= timezone.now():
        return _say("The timestamp has expired; is a worker running ('manage.py worker')?", 503)
    return _say("ready")


def _say(sentence: str, status: int = 200) -> HttpResponse:
    response = HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "no-store"
    return response
