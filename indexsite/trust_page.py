"""`/trust/`: the tree of roles as a picture and a table, what warrants a warning, and the last publications."""

from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from indexsite.pages import about_index
from storage.contract import StorageUnavailableError
from tufsigning.core.canonical import read_object
from tufsigning.core.tree import RoleFacts
from tufsigning.errors import TrustError
from tufsigning.log import last_entries
from tufsigning.recovery import bulletins
from tufsigning.trust import reader

_ROW, _STEP, _TOP = 58, 22, 4  # of the picture, in its own units
_SHOWN = 10  # publications


@dataclass(frozen=True, slots=True)
class DrawnRole:
    """A role with its place in the picture, and the way of the line from its delegator."""

    role: RoleFacts
    left: str
    is_expired: bool
    x: int
    y: int
    rise: int  # from its own middle up to its delegator

    @property
    def climb(self) -> int:
        """Where the line begins: below its delegator's sign."""
        return 32 - self.rise

    @property
    def title(self) -> str:
        """Bins are many."""
        return f"{self.role.count} bins" if self.role.count > 1 else self.role.name


@require_safe
def trust(request: HttpRequest) -> HttpResponse:
    """What there is to trust here, and why."""
    context = about_index(request)
    try:
        context["bulletins"] = bulletins.warning_ones(now=timezone.now())
        found = reader.trust()
        now = timezone.now()
        context |= {"facts": found, "warned": found.warned(now), "drawn": _draw(found.roles, now)}
        context |= {"height": _ROW * len(found.roles) + _TOP, "published": _published()}
    except (TrustError, StorageUnavailableError, DatabaseError, InterfaceError) as error:
        context["missing"] = str(error) if isinstance(error, TrustError) else "It cannot be read at the moment."
    return render(request, "trust.html", context)


def _draw(roles: tuple[RoleFacts, ...], now: datetime) -> list[DrawnRole]:
    """From top to bottom, each role one step to the right of its delegator."""
    rows = {role.name: number for number, role in enumerate(roles)}
    drawn = []
    for number, role in enumerate(roles):
        rise = (number - rows[role.delegator]) * _ROW if role.delegator else 0
        left = time_left(role.expires, now=now)
        drawn.append(DrawnRole(role, left, role.is_expired(now), role.depth * _STEP, _TOP + number * _ROW, rise))
    return drawn


def time_left(expires: datetime | None, *, now: datetime) -> str:
    """In words, as exactly as anybody plans with it."""
    if expires is None:
        return "not known"
    seconds = (expires - now).total_seconds()
    days, hours = divmod(int(abs(seconds)) // 3600, 24)
    length = f"{days} days" if days > 1 else f"{days * 24 + hours} h"
    return f"{length} left" if seconds > 0 else f"expired {length} ago"


def _published() -> list[dict[str, object]]:
    """The last entries of the public log, as values."""
    found = []
    for entry in last_entries(_SHOWN):
        try:
            said = read_object(entry.line)
            at = datetime.fromisoformat(said["at"])
            found.append({**said, "at": at, "sha256": entry.sha256, "publication": said["snapshot"]["version"]})
        except (ValueError, KeyError, TypeError):
            continue  # tuf_audit names it
    return found
