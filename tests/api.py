"""How tests speak to `/api/v1/` within their own process: a token's header, a call, and the acts of `tests.life`."""

import json
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from accounts.callers import Scope, create_token
from accounts.models import User
from tests.life import FILE

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_PROJECT, _FILE, _RELEASE = "projects/demo/", f"projects/demo/files/{FILE}/", "projects/demo/releases/1.0/"

# how each act of `tests.life.CASES` is asked for; {actor} stands for the user name of who acts
REQUESTS: dict[str, tuple[str, str, dict[str, object]]] = {
    "yank a file": ("POST", f"{_FILE}yank/", {"reason": "broken"}),
    "unyank a file": ("POST", f"{_FILE}unyank/", {}),
    "yank a release": ("POST", f"{_RELEASE}yank/", {}),
    "unyank a release": ("POST", f"{_RELEASE}unyank/", {}),
    "delete a file": ("DELETE", _FILE, {}),
    "delete a release": ("DELETE", _RELEASE, {}),
    "reopen a release": ("POST", f"{_RELEASE}reopen/", {"until": "2026-01-02T00:00:00Z"}),
    "archive": ("POST", f"{_PROJECT}archive/", {"reason": "done"}),
    "unarchive": ("POST", f"{_PROJECT}unarchive/", {}),
    "deprecate": ("POST", f"{_PROJECT}deprecate/", {"reason": "use other"}),
    "undeprecate": ("POST", f"{_PROJECT}undeprecate/", {}),
    "quarantine": ("POST", f"{_PROJECT}quarantine/", {"reason": "malware"}),
    "lift a quarantine": ("POST", f"{_PROJECT}lift-quarantine/", {}),
    "delete": ("DELETE", _PROJECT, {}),
    "restore": ("POST", f"{_PROJECT}restore/", {}),
    "invite": ("POST", f"{_PROJECT}invitations/", {"user": "stranger", "role": "owner"}),
    "withdraw an invitation": ("DELETE", f"{_PROJECT}invitations/invited/", {}),
    "accept an invitation": ("POST", "me/invitations/demo/accept/", {}),
    "decline an invitation": ("POST", "me/invitations/demo/decline/", {}),
    "remove a member": ("DELETE", f"{_PROJECT}members/second/", {}),
    "leave": ("DELETE", f"{_PROJECT}members/{{actor}}/", {}),
    "set the retention": ("PUT", f"{_PROJECT}retention/", {"keep_newest": 3}),
    "name publishers": ("PUT", f"{_PROJECT}publishers/", {"publishers": ["github:acme/demo"]}),
    "name no publishers": ("DELETE", f"{_PROJECT}publishers/", {}),
    "clear the retention": ("DELETE", f"{_PROJECT}retention/", {}),
}


def token(name: str, *scopes: Scope, projects: tuple[str, ...] = ()) -> dict[str, str]:
    """The header of a new token of a user; for reading unless said otherwise."""
    user = User.objects.get(username=name)
    text = create_token(user, scopes=scopes or [Scope.READ], projects=projects, now=LONG_AGO, lifetime=None)
    return {"Authorization": f"Bearer {text}"}


def call(
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    said: object = None,
    *,
    status: int = 200,
    client: Client | None = None,
) -> Any:  # Any: JSON
    """Call the API, and check what every answer must be."""
    kind = "application/json" if said is not None else ""
    send = (client or Client()).generic
    answer = send(method, f"/api/v1/{path}", _json(said), kind, headers=headers or {})
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == ("application/json" if status < 400 else "application/problem+json")
    assert answer["Cache-Control"] == "no-store"
    found = answer.json()
    if status >= 400:
        assert found["status"] == status
        assert found["title"]
        assert found["code"]
        assert found["detail"]
    return found


def get(path: str, headers: dict[str, str] | None = None, status: int = 200) -> Any:  # Any: JSON
    """GET."""
    return call("GET", path, headers, status=status)


def _json(said: object) -> bytes:
    return b"" if said is None else said if isinstance(said, bytes) else json.dumps(said).encode()
