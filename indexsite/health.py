"""For machines that watch: does the process live, and is the index ready to be relied on."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from indexsite.serving.readiness import what_is_missing
from indexsite_client.protocol import read_expiry
from storage.contract import StorageUnavailableError
from tufsigning.core.documents import read_signed
from tufsigning.errors import TrustError
from tufsigning.library import Library


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return _say("alive")


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 only when migrations, ceremony and first publication are done and the timestamp is unexpired."""
    if missing := what_is_missing():
        return _say(missing, 503)
    try:
        expires = read_expiry(read_signed(Library().current().timestamp))
    except (StorageUnavailableError, TrustError) as error:
        return _say(str(error), 503)
    if expires <= timezone.now():
        return _say("The timestamp has expired; is a worker running ('manage.py worker')?", 503)
    return _say("ready")


def _say(sentence: str, status: int = 200) -> HttpResponse:
    response = HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "no-store"
    return response
