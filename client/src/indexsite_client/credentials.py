"""The token with which a private index is read: where it comes from, where it is kept, where it may be sent."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from indexsite_client.errors import UsageError

TOKEN_VARIABLE = "INDEXSITE_TOKEN"  # noqa: S105  # the name of a variable
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Token:
    """A secret that does not show itself in tracebacks, logs and messages."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def reveal(self) -> str:
        return self._secret

    def __repr__(self) -> str:
        return "Token(...)"


def split_index_url(url: str) -> tuple[str, Token | None]:
    """The index's URL in its one spelling (no userinfo, no trailing slash) and the token that was written into it."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError("The URL of the index cannot be read; write it like https://packages.example.org/.") from error
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise UsageError(
            "The URL of the index must look like https://packages.example.org/, without query or fragment."
        )
    secret = unquote(parts.password or "")
    if parts.username is not None and (parts.username != "__token__" or not secret):
        raise UsageError("Write credentials as https://__token__:TOKEN@host/, or set INDEXSITE_TOKEN.")
    shown_host = f"[{host}]" if ":" in host else host
    default_port = {"http": 80, "https": 443}[parts.scheme]
    netloc = shown_host if port in {None, default_port} else f"{shown_host}:{port}"
    path = parts.path.rstrip("/").removesuffix("/simple")
    return urlunsplit((parts.scheme, netloc, path, "", "")), Token(secret) if secret else None


def check_may_send(token: Token | None, url: str) -> None:
    """Raise UsageError where the token would cross a network in the clear."""
    parts = urlsplit(url)
    if token and parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise UsageError("The token is sent over https only; trust the index under its https:// URL.")


def token_from_environment(environment: Mapping[str, str]) -> Token | None:
    """The token that the environment carries, if any."""
    secret = environment.get(TOKEN_VARIABLE, "").strip()
    return Token(secret) if secret else None


def store_token(path: Path, token: Token) -> None:
    """Write the token so that at no moment anybody but the user can read it; a crash leaves the old or the new one."""
    fresh = path.with_name(f".new-{path.name}")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(token.reveal())
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


def load_token(path: Path) -> Token | None:
    """The stored token, if there is one."""
    try:
        return Token(path.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None
