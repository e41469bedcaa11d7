"""Whether anything may be uploaded or changed now: by a setting, or by the hold that an operation took."""

from django.conf import settings

from packages.models import Hold


def hold(reason: str) -> None:
    """Make the index read-only, in every process, until `release`; the reason is shown to whoever is refused."""
    Hold.objects.update_or_create(id=1, defaults={"reason": reason})


def release() -> None:
    """End the hold, where there is one."""
    Hold.objects.filter(id=1).delete()


def read_only_reason() -> str:
    """Why nothing may be changed; empty where all is well. One query, unless the setting says so already."""
    said: str = settings.UPLOAD_POLICY.read_only
    return said or Hold.objects.filter(id=1).values_list("reason", flat=True).first() or ""
