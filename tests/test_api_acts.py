"""Acts by `/api/v1/`: each by those and those only who may, as `tests.life` says; dry runs; what tokens are needed."""

from dataclasses import replace

import pytest
from django.test import Client, override_settings

from accounts.callers import Scope
from accounts.models import User
from packages.errors import IndexReadOnlyError
from packages.models import File, JournalEntry, Project, Release
from packages.policy import Policy
from tests.api import REQUESTS, call, get, token
from tests.life import CASES, EVERYBODY, FILE, NOW, Case, add_release, everything, make_demo, put

pytestmark = pytest.mark.django_db
WHEEL = "demo-1.0-py3-none-any.whl"


@pytest.fixture(autouse=True)
def demo() -> Project:
    return make_demo()


def test_every_act_is_offered() -> None:
    assert set(REQUESTS) == set(CASES)


def do(name: str, username: str, headers: dict[str, str] | None = None, *, status: int = 200) -> None:
    method, path, said = REQUESTS[name]
    headers = headers or token(username, Scope.ADMIN)
    call(method, path.format(actor=username), headers, said or None, status=status)


def prepare(case: Case) -> None:
    put(case.statuses[0])
    case.before()


@pytest.mark.parametrize("username", sorted(EVERYBODY))
@pytest.mark.parametrize("name", sorted(CASES))
def test_an_act_is_done_by_those_who_may_and_by_nobody_else(name: str, username: str) -> None:
    case = CASES[name]
    prepare(case)
    before = everything()
    if username in case.allowed:
        do(name, username)
        entries = JournalEntry.objects.filter(act=case.journalled, actor=username)
        assert entries.get().token is not None
        return
    refused = 404 if name == "leave" and username == "administrator" else 403  # who is no member cannot leave
    do(name, username, status=refused)
    assert everything() == before


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_act_needs_a_token_that_may_act(name: str) -> None:
    case = CASES[name]
    prepare(case)
    username = "owner" if "owner" in case.allowed else min(case.allowed)
    before = everything()
    refusals = [
        ({"Accept": "*/*"}, 401),
        ({"Authorization": "Bearer ixs_nonsense"}, 401),
        (token(username, Scope.READ, Scope.UPLOAD, Scope.CLAIM), 403),
        (token(username, Scope.ADMIN, projects=("other",)), 403),
    ]
    for headers, status in refusals:
        do(name, username, headers, status=status)
    with override_settings(UPLOAD_POLICY=replace(Policy(), read_only="moving house")):
        do(name, username, status=503)
    assert everything() == before
    do(name, username, token(username, Scope.ADMIN, projects=("demo",)))


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_act_by_a_session_needs_the_csrf_token(name: str) -> None:
    case = CASES[name]
    prepare(case)
    username = "owner" if "owner" in case.allowed else min(case.allowed)
    method, path, said = REQUESTS[name]
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(User.objects.get(username=username))
    path, before = path.format(actor=username), everything()
    refused = call(method, path, None, said or None, status=403, client=browser)
    assert refused["code"] == "csrf-failed"
    assert everything() == before
    browser.get("/account/tokens/")  # sets the cookie
    headers = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    call(method, path, headers, said or None, client=browser)


@pytest.mark.parametrize(
    ("path", "going"),
    [
        (
            "projects/demo/",
            {"releases": ["1.0", "2.0"], "members": ["maintainer", "owner", "second"], "invitations": 1},
        ),
        ("projects/demo/releases/1/", {"releases": ["1.0"], "members": [], "invitations": 0}),
        (f"projects/demo/files/{FILE}/", {"releases": ["1.0"], "members": [], "invitations": 0}),
    ],
)
def test_a_dry_run_tells_what_would_go_and_deletes_nothing(demo: Project, path: str, going: dict[str, object]) -> None:
    add_release(demo, "2.0")
    files = [FILE, "demo-2.0.tar.gz"] if path == "projects/demo/" else [FILE]
    told = {"project": "demo", "files": files, "size": 7 * len(files), **going}
    before = everything()
    owner = token("owner", Scope.ADMIN)
    assert call("DELETE", f"{path}?dry_run=true", owner) == {"dry_run": True, "dependents": [], **told}
    for username in ("maintainer", "stranger"):
        call("DELETE", f"{path}?dry_run=true", token(username, Scope.ADMIN), status=403)
    call("DELETE", f"{path}?dry_runn=true", owner, status=400)
    assert everything() == before
    assert call("DELETE", path, owner) == {"dry_run": False, "dependents": None, **told}
    assert File.objects.count() == 2 - len(files)


def test_the_last_file_of_a_release_takes_the_release_along_and_others_do_not(demo: Project) -> None:
    release = Release.objects.get()
    File.objects.create(release=release, filename=WHEEL, sha256="b" * 64, size=1, uploaded_at=NOW)
    owner = token("owner", Scope.ADMIN)
    assert call("DELETE", f"projects/demo/files/{FILE}/", owner)["releases"] == []
    assert call("DELETE", f"projects/demo/files/{WHEEL}/", owner)["releases"] == ["1.0"]


def test_named_publishers_are_shown_to_those_inside() -> None:
    owner = token("owner", Scope.ADMIN)
    assert get("projects/demo/publishers/", owner) == {"publishers": []}
    named = {"publishers": ["gitlab:acme/*", "github:acme/demo@a.yml"]}
    assert call("PUT", "projects/demo/publishers/", owner, named) == {"changed": True}
    assert get("projects/demo/publishers/", owner)["publishers"] == sorted(named["publishers"])
    refused = call("PUT", "projects/demo/publishers/", owner, {"publishers": ["nobody"]}, status=422)
    assert refused["code"] == "publishers-faulty"
    get("projects/demo/publishers/", token("stranger"), status=403)


def test_what_is_so_already_changes_nothing() -> None:
    owner = token("owner", Scope.ADMIN)
    assert call("POST", "projects/demo/archive/", owner, {"reason": "done"}) == {"changed": True}
    before = everything()
    assert call("POST", "projects/demo/archive/", owner, {"reason": "done"}) == {"changed": False}
    assert everything() == before
    assert get("projects/demo/")["status_reason"] == "done"


@pytest.mark.parametrize(
    ("method", "path", "said", "status", "code"),
    [
        ("POST", "projects/absent/archive/", {}, 404, "not-there"),
        ("POST", "projects/demo/releases/9/yank/", {}, 404, "not-there"),
        ("DELETE", "projects/demo/files/absent.whl/", None, 404, "not-there"),
        ("DELETE", "projects/demo/members/nobody/", None, 404, "not-there"),
        ("DELETE", "projects/demo/invitations/nobody/", None, 404, "not-there"),
        ("POST", "projects/demo/invitations/", {"user": "nobody", "role": "owner"}, 404, "not-there"),
        ("POST", "projects/demo/unarchive/", {}, 409, "status-forbids"),
        ("POST", "projects/demo/invitations/", {"user": "second", "role": "owner"}, 409, "already-member"),
        ("POST", "projects/demo/invitations/", {"user": "second", "role": "king"}, 422, "body-faulty"),
        ("POST", "projects/demo/invitations/", {"user": "second"}, 422, "body-faulty"),
        ("POST", "projects/demo/archive/", {"reason": "x" * 501}, 422, "body-faulty"),
        ("POST", "projects/demo/archive/", {"reason": "two\nlines"}, 422, "reason-faulty"),
        ("POST", "projects/demo/archive/", {"reason": "a\x00b"}, 422, "body-faulty"),
        ("POST", "projects/demo/archive/", {"resaon": "done"}, 422, "body-faulty"),
        ("POST", "projects/demo/releases/1.0/reopen/", {"until": "soon"}, 422, "body-faulty"),
        ("PUT", "projects/demo/retention/", {"keep_newest": 1, "max_days": 1}, 422, "retention-faulty"),
        ("PUT", "projects/demo/retention/", {"keep_newest": -1}, 422, "retention-faulty"),
        ("PUT", "projects/demo/retention/", {"keep_newest": 10**30}, 422, "body-faulty"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_problem_document(
    method: str, path: str, said: object, status: int, code: str
) -> None:
    before = everything()
    assert call(method, path, token("owner", Scope.ADMIN), said, status=status)["code"] == code
    assert everything() == before


def test_the_last_owner_stays() -> None:
    owner = token("owner", Scope.ADMIN)
    call("DELETE", "projects/demo/members/second/", owner)
    assert call("DELETE", "projects/demo/members/owner/", owner, status=409)["code"] == "last-owner"


def test_a_read_only_index_says_why() -> None:
    with override_settings(UPLOAD_POLICY=replace(Policy(), read_only="moving house")):
        said = call("POST", "projects/demo/archive/", token("owner", Scope.ADMIN), {}, status=503)
        assert (said["code"], "moving house" in said["detail"]) == (IndexReadOnlyError.code, True)
        get("projects/demo/")


def test_members_invitations_and_retention_are_for_insiders() -> None:
    paths = [f"projects/demo/{kind}/" for kind in ("members", "invitations", "retention")]
    for path in paths:
        assert get(path, status=401)["code"] == "credentials-missing"
        for headers in (token("stranger"), token("invited")):
            assert get(path, headers, status=403)["code"] == "insiders-only"
        assert get(path, token("owner", projects=("other",)), status=403)["code"] == "project-forbidden"
    members, invitations, rule = (get(path, token("maintainer")) for path in paths)
    assert members[0] == {"user": "maintainer", "role": "maintainer"}
    assert [(offer["user"], offer["role"], offer["invited_by"]) for offer in invitations] == [
        ("invited", "maintainer", "owner")
    ]
    assert rule == {"keep_newest": None, "max_days": None}
    call("PUT", "projects/demo/retention/", token("owner", Scope.ADMIN), {"max_days": 30})
    assert get(paths[2], token("maintainer")) == {"keep_newest": None, "max_days": 30}
    call("PUT", "projects/demo/retention/", token("owner", Scope.ADMIN), rule)
    assert get(paths[2], token("maintainer")) == rule


def test_everybody_sees_their_own_invitations() -> None:
    get("me/invitations/", status=401)
    assert get("me/invitations/", token("owner")) == []
    assert get("me/invitations/", token("invited", projects=("other",))) == []
    [offer] = get("me/invitations/", token("invited"))
    assert (offer["project"], offer["role"]) == ("demo", "maintainer")


def test_who_asks_is_told_who_they_are() -> None:
    get("me/", status=401)
    said = get("me/", token("administrator", Scope.UPLOAD, projects=("demo",)))
    assert (said["username"], said["is_administrator"]) == ("administrator", False)
    assert (said["token"]["scopes"], said["token"]["projects"]) == (["upload"], ["demo"])
    assert get("me/", token("administrator", Scope.ADMIN))["is_administrator"]
    browser = Client()
    browser.force_login(User.objects.get(username="owner"))
    said = call("GET", "me/", client=browser)
    assert said == {"username": "owner", "is_administrator": False, "token": None}
