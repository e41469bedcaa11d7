"""Where the index is, for links that must hold elsewhere too."""

from django.conf import settings
from django.http import HttpRequest


def index_address(request: HttpRequest) -> str:
    """The index's own address, as people reach it, without a slash at its end."""
    return settings.BASE_URL or request.build_absolute_uri("/").rstrip("/")
