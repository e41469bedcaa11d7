"""Who may call what: every address that Django answers, with what everybody is answered. One that is missing fails.

What the read layer answers (/simple/, /files/, /integrity/, /tuf/) is open to everybody, or in a private index to every
reader.
"""

from dataclasses import dataclass, field

from accounts.callers import Scope
from tests.distributions import wheel
from tests.permissions_api import API
from tests.running import upload_form

ROLES = ("anonymous", "reader", "maintainer", "owner", "administrator")
SIGN_IN = "sign-in"  # the answer leads to the sign-in
Answers = tuple[int | str, int | str, int | str, int | str, int | str]
FILENAME, CONTENT = wheel("demo", "1.0")
FORM, FORM_KIND = upload_form(FILENAME, CONTENT)


def everybody(status: int) -> Answers:
    return (status, status, status, status, status)


def signed_in(status: int) -> Answers:
    return (SIGN_IN, status, status, status, status)


def members(status: int) -> Answers:
    return (SIGN_IN, 403, status, status, status)


def owners(status: int) -> Answers:
    return (SIGN_IN, 403, 403, status, status)


@dataclass(frozen=True)
class Call:
    """A call, and what each of ROLES is answered: a status, or SIGN_IN."""

    method: str
    path: str
    answers: Answers
    scope: Scope | None = None  # of the token; None for a session. Readers' tokens have the scope read
    form: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    kind: str = "application/x-www-form-urlencoded"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


CALLS = (
    Call("GET", "/", everybody(200)),
    Call("GET", "/project/demo/", everybody(200)),
    Call("GET", "/project/demo/1.0/", everybody(200)),
    Call("GET", "/pypi/demo/json", everybody(200)),
    Call("GET", "/pypi/demo/1.0/json", everybody(200)),
    Call("GET", "/search/", everybody(200)),
    Call("GET", "/trust/", everybody(200)),
    Call("GET", "/trust/bulletins/", everybody(200)),
    Call("GET", "/trust/bulletins/feed.xml", everybody(200)),
    Call("GET", "/trust/bulletins/1/", everybody(404)),  # there is none yet
    Call("GET", "/rss/updates.xml", everybody(200)),
    Call("GET", "/rss/packages.xml", everybody(200)),
    Call("GET", "/rss/project/demo/releases.xml", everybody(200)),
    Call("GET", "/health/live", everybody(200)),
    Call("GET", "/health/ready", everybody(503)),  # nothing is signed here; what matters is that it answers anybody
    Call("GET", "/metrics", (401, 200, 200, 200, 200)),
    Call("GET", "/account/", everybody(302)),
    Call("GET", "/account/login/", (200, 302, 302, 302, 302)),
    Call("POST", "/account/login/", (200, 302, 302, 302, 302)),
    Call("GET", "/account/logout/", (302, 200, 200, 200, 200)),
    Call("POST", "/account/logout/", everybody(302)),
    Call("GET", "/account/inactive/", everybody(200)),
    Call("GET", "/account/password/", signed_in(200)),
    Call("POST", "/account/password/", signed_in(200)),
    Call("GET", "/account/tokens/", signed_in(200)),
    Call("POST", "/account/tokens/", signed_in(200), form={"name": "x", "scope": "read", "days": "1"}),
    Call("POST", "/account/tokens/1/revoke/", (SIGN_IN, 404, 404, 302, 404)),  # the owner's token
    Call("GET", "/manage/", signed_in(200)),
    Call("POST", "/manage/", signed_in(302), form={"act": "accept", "target": "demo"}),  # nobody here is invited
    Call("GET", "/manage/demo/", members(200)),
    Call("GET", "/manage/demo/journal/", members(200)),
    Call("GET", "/manage/demo/releases/1.0/", members(200)),
    Call("POST", "/manage/demo/releases/1.0/", members(302), form={"act": "yank"}),
    Call("POST", "/manage/demo/releases/1.0/", owners(302), form={"act": "delete", "confirm": "demo"}),
    Call("GET", "/manage/demo/members/", members(200)),
    Call("POST", "/manage/demo/members/", owners(302), form={"act": "invite", "username": "reader", "role": "owner"}),
    Call("GET", "/manage/demo/settings/", members(200)),
    Call("POST", "/manage/demo/settings/", owners(302), form={"act": "archive"}),
    Call("POST", "/manage/demo/settings/", (SIGN_IN, 403, 403, 403, 302), form={"act": "quarantine"}),
    Call("GET", "/manage/demo/delete/", owners(200)),
    Call("POST", "/manage/demo/delete/", owners(302), form={"act": "delete", "confirm": "demo"}),
    Call("GET", "/upload/", signed_in(200)),
    Call("PUT", f"/upload/files/{FILENAME}", (401, 403, 200, 200, 403), body=CONTENT, kind="application/octet-stream"),
    *(
        Call(method, f"/api/v1/{path}", answers, body=body, kind="application/json")
        for method, path, answers, body in API
    ),
    Call("POST", "/legacy/", (401, 403, 200, 200, 403), scope=Scope.UPLOAD, body=FORM, kind=FORM_KIND),
)
