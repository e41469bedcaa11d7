"""Who may call what of `/api/v1/`, with a session: for the table of permissions."""

from tests.life import FILE

# for anonymous, reader, maintainer, owner, administrator
ALL = (200, 200, 200, 200, 200)
KNOWN = (401, 200, 200, 200, 200)
INSIDERS = (401, 403, 200, 200, 200)
OWNERS = (401, 403, 403, 200, 200)
TOO_EARLY = (401, 403, 403, 409, 409)  # owners may, but there is nothing to undo
NOBODY = (404, 404, 404, 404, 404)
PROJECT, RELEASE, A_FILE = "projects/demo/", "projects/demo/releases/1.0/", f"projects/demo/files/{FILE}/"
TOKEN = b'{"name": "x", "scopes": ["read"], "days": 1}'

API = (
    ("GET", "schema/", ALL, b""),
    ("GET", "projects/", ALL, b""),
    ("GET", PROJECT, ALL, b""),
    ("DELETE", PROJECT, OWNERS, b""),
    *(("POST", f"{PROJECT}{act}/", OWNERS, b"") for act in ("archive", "deprecate")),
    *(("POST", f"{PROJECT}{act}/", TOO_EARLY, b"") for act in ("unarchive", "undeprecate", "restore")),
    ("POST", f"{PROJECT}quarantine/", (401, 403, 403, 403, 200), b""),
    ("POST", f"{PROJECT}lift-quarantine/", (401, 403, 403, 403, 409), b""),
    ("GET", f"{PROJECT}releases/", ALL, b""),
    ("GET", RELEASE, ALL, b""),
    ("DELETE", RELEASE, OWNERS, b""),
    ("POST", f"{RELEASE}yank/", INSIDERS, b""),
    ("POST", f"{RELEASE}unyank/", INSIDERS, b""),
    ("POST", f"{RELEASE}reopen/", OWNERS, b'{"until": "2026-01-01T00:00:00Z"}'),
    ("GET", f"{PROJECT}files/", ALL, b""),
    ("GET", A_FILE, ALL, b""),
    ("DELETE", A_FILE, OWNERS, b""),
    ("POST", f"{A_FILE}yank/", INSIDERS, b""),
    ("POST", f"{A_FILE}unyank/", INSIDERS, b""),
    ("GET", f"{PROJECT}members/", INSIDERS, b""),
    ("DELETE", f"{PROJECT}members/second/", OWNERS, b""),
    ("GET", f"{PROJECT}invitations/", INSIDERS, b""),
    ("POST", f"{PROJECT}invitations/", OWNERS, b'{"user": "stranger", "role": "maintainer"}'),
    ("DELETE", f"{PROJECT}invitations/invited/", OWNERS, b""),
    ("GET", f"{PROJECT}retention/", INSIDERS, b""),
    ("PUT", f"{PROJECT}retention/", OWNERS, b'{"keep_newest": 3}'),
    ("DELETE", f"{PROJECT}retention/", OWNERS, b""),
    ("GET", f"{PROJECT}publishers/", INSIDERS, b""),
    ("PUT", f"{PROJECT}publishers/", OWNERS, b'{"publishers": ["github:acme/demo"]}'),
    ("DELETE", f"{PROJECT}publishers/", OWNERS, b""),
    ("GET", f"{PROJECT}journal/", INSIDERS, b""),
    ("GET", "trust/", (503, 503, 503, 503, 503), b""),  # nothing is signed here
    ("GET", "releases/", ALL, b""),
    ("GET", "files/", ALL, b""),
    ("GET", "journal/", (401, 403, 403, 403, 200), b""),
    ("GET", "me/", KNOWN, b""),
    ("GET", "me/invitations/", KNOWN, b""),
    ("POST", "me/invitations/demo/accept/", (401, 403, 403, 403, 403), b""),  # nobody of these is invited
    ("POST", "me/invitations/demo/decline/", (401, 403, 403, 403, 403), b""),
    ("GET", "tokens/", KNOWN, b""),
    ("POST", "tokens/", (401, 201, 201, 201, 201), TOKEN),
    ("DELETE", "tokens/1/", (401, 404, 404, 200, 404), b""),  # the owner's
    *((method, "nothing/", NOBODY, b"") for method in ("GET", "POST", "PUT", "PATCH", "DELETE")),
)
