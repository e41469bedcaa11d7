"""The addresses of the stores and servers that an index may use: URLs read into values, refused in clear sentences."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A bucket of an S3-compatible store. No `endpoint` means Amazon's own; no keys, those that boto3 finds."""

    endpoint: str
    bucket: str
    prefix: str
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


def read_object_store(url: str) -> ObjectStore:
    """From s3://KEY:SECRET@host:port/bucket/prefix?tls=0&region=…; raises ValueError, which shows no secret."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("the port is no number; percent-encode / + @ : in the key and the secret") from None
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    tls = query.pop("tls", "1")
    region = query.pop("region", "us-east-1" if host else "")
    bucket, _, prefix = parts.path.strip("/").partition("/")
    if query:
        raise ValueError(f"it takes tls= and region= only, not {', '.join(sorted(query))}=")
    if tls not in {"0", "1"}:
        raise ValueError("tls= is 0 or 1")
    if not bucket:
        raise ValueError("name the bucket: s3://KEY:SECRET@host/bucket/prefix, or s3:///bucket for Amazon's own")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("give both key and secret, or neither")
    if parts.fragment or ".." in prefix.split("/"):
        raise ValueError("the prefix may have neither # nor ..; percent-encode what a secret has of these")
    return ObjectStore(
        endpoint=_endpoint(host, port, tls=tls == "1"),
        bucket=unquote(bucket),
        prefix=unquote(prefix),
        region=region,
        access_key=unquote(parts.username or ""),
        secret_key=unquote(parts.password or ""),
    )


@dataclass(frozen=True, slots=True)
class MailServer:
    """Who takes our mail; `security` is "tls" from the first byte, "starttls", or none."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    security: str = ""


_MAIL = {"smtp": ("", 25), "smtp+starttls": ("starttls", 587), "smtps": ("tls", 465)}


def read_mail_server(url: str) -> MailServer:
    """From smtp+starttls://USER:PASSWORD@host:port; raises ValueError, which shows no secret."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise ValueError("the port is no number; percent-encode / + @ : in the password") from None
    if parts.scheme not in _MAIL or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("give smtp+starttls://USER:PASSWORD@host, smtps:// for TLS at once, or smtp:// without TLS")
    security, usual = _MAIL[parts.scheme]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return MailServer(parts.hostname, port or usual, user, password, security)


def check_broker(url: str) -> None:
    """Raise ValueError unless it is redis://user:password@host:port/number, or rediss:// with TLS."""
    parts = urlsplit(url)
    try:
        parts.port  # noqa: B018  # raises
    except ValueError:
        raise ValueError("the port is no number; percent-encode / + @ : in the password") from None
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError("give redis://:PASSWORD@host:6379/0, or rediss:// with TLS; unset, the database is the broker")
    if parts.path.strip("/") and not parts.path.strip("/").isdigit():
        raise ValueError("what follows the host is the number of a Redis database, such as /0")


def _endpoint(host: str, port: int | None, *, tls: bool) -> str:
    if not host:
        if not tls or port:
            raise ValueError("Amazon's own store has no port and no tls=; name the host of another one")
        return ""
    where = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{where}{f':{port}' if port else ''}"


def check_sink(url: str) -> None:
    """Raise ValueError unless it is a syslog server, a local syslog socket, or a webhook over TLS."""
    parts = urlsplit(url)
    try:
        parts.port  # noqa: B018  # raises
    except ValueError:
        raise ValueError("the port is no number") from None
    local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}
    is_known = parts.scheme in {"syslog", "syslog+tcp", "https"} and parts.hostname
    is_socket = parts.scheme == "syslog+unix" and not parts.netloc and parts.path.startswith("/")
    if not (is_known or local or is_socket) or parts.username or parts.fragment:
        raise ValueError(
            "give syslog://host:514 (UDP), syslog+tcp://host:601, syslog+unix:///dev/log, or https://host/path; plain"
            " http:// for loopback only, and no user in the address"
        )
