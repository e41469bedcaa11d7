"""Dangerous combinations of settings, as Django system checks with an id."""

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as CheckWarning


@register("security")
def check_base_url(**kwargs: object) -> list[CheckMessage]:
    """A private index over plain HTTP sends its tokens in the clear."""
    if settings.PRIVATE and settings.BASE_URL.startswith("http://"):
        return [
            CheckWarning(
                "INDEXSITE_PRIVATE is on and INDEXSITE_BASE_URL is plain http: tokens travel in the clear.",
                hint="Put a reverse proxy with TLS in front and use its https address.",
                id="indexsite.W001",
            )
        ]
    return []
