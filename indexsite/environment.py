"""What an administrator may set: one typed reading of the INDEXSITE_* environment, which refuses nonsense."""

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from indexsite.addresses import (
    MailServer,
    ObjectStore,
    check_broker,
    check_sink,
    read_mail_server,
    read_object_store,
)
from packages.attestations.identities import Identity, read_identities
from packages.attestations.trusted_root import check_trusted_root

PREFIX = "INDEXSITE_"
GIB = 1024**3
_NEXT_KEY = frozenset({"online_key_next", "online_key_next_passphrase"})  # while the online key is replaced
_KEYS = frozenset({"secret_key", "online_key", "online_key_passphrase"}) | _NEXT_KEY
SECRETS = _KEYS | {"database_url", "broker_url", "storage_url", "mail_url", "key_use_sink"}
_ADDRESS = re.compile(r"[^@\s<>,;:\\\"()\[\]]{1,64}@[A-Za-z0-9.-]{1,253}")


class SettingError(ValueError):
    """The environment says something that cannot be meant; the message names the variable and the way out."""


class Environment(BaseModel):
    """Every INDEXSITE_* variable; sizes in bytes. Each may also be given as NAME_FILE, a file that holds the value."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data: Path = Path("var")
    database_url: SecretStr = SecretStr("")
    database_connections: int = Field(default=20, ge=4, le=1000)
    broker_url: SecretStr = SecretStr("")
    storage_url: SecretStr = SecretStr("")
    downloads: Literal["stream", "redirect"] = "stream"
    download_days: int = Field(default=400, ge=0, le=36_500)
    base_url: str = ""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    metrics_open: bool = False
    access_log: bool = False
    log_format: Literal["logfmt", "json"] = "logfmt"
    secret_key: SecretStr = SecretStr("")
    online_key: SecretStr = SecretStr("")
    online_key_passphrase: SecretStr = SecretStr("")
    online_key_next: SecretStr = SecretStr("")
    online_key_next_passphrase: SecretStr = SecretStr("")
    key_use_sink: SecretStr = SecretStr("")
    key_use_required: bool = False
    private: bool = False
    policy: Literal["private", "pypi"] = "private"
    older_sdist_names: bool = False
    zip_sdists: bool = False
    release_days: int | None = Field(default=None, ge=0, le=36_500)
    read_only: str = Field(default="", max_length=500)
    attestation_identities: tuple[Identity, ...] = ()
    sigstore_root: Path | None = None
    upload_limit: int = Field(default=GIB, gt=0)
    project_quota: int = Field(default=100 * GIB, ge=0)
    account_quota: int = Field(default=1024 * GIB, ge=0)
    uploads_at_once: int = Field(default=32, gt=0, le=48)
    api_requests_per_user: int = Field(default=0, ge=0)
    api_requests_per_address: int = Field(default=0, ge=0)
    search_seconds: float = Field(default=2, gt=0, le=60)
    cache_mib: int = Field(default=32, gt=0, le=1_048_576)
    bins: Literal[2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384] = 256
    bin_style: Literal["succinct", "explicit"] = "succinct"
    snapshot_days: int = Field(default=7, ge=1, le=30)
    bin_days: int = Field(default=7, ge=1, le=30)
    mail_url: SecretStr = SecretStr("")
    mail_from: str = ""
    mail_to: tuple[str, ...] = ()
    prune_every_days: int = Field(default=1, ge=0, le=365)
    prune_grace_days: int = Field(default=14, ge=1, le=3650)

    def secrets_for_parts(self) -> dict[str, str]:
        """The variables that left this process's environment, for a process that it starts."""
        values = {name: getattr(self, name).get_secret_value() for name in SECRETS}
        return {f"{PREFIX}{name.upper()}": value for name, value in values.items() if value}

    @field_validator("bins", mode="before")
    @classmethod
    def _read_bins(cls, value: object) -> object:
        return int(value) if isinstance(value, str) and value.isdigit() else value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _read_networks(cls, value: object) -> object:
        try:
            return tuple(ip_network(each.strip()) for each in value.split(",")) if isinstance(value, str) else value
        except ValueError as error:
            raise ValueError(f"give addresses or networks, separated by commas ({error})") from None

    @field_validator("attestation_identities", mode="before")
    @classmethod
    def _read_identities(cls, value: object) -> object:
        return read_identities(value) if isinstance(value, str) else value

    @field_validator("sigstore_root")
    @classmethod
    def _is_trusted_root(cls, value: Path | None) -> Path | None:
        if value is not None:
            check_trusted_root(value)
        return value.expanduser().absolute() if value else None

    @field_validator("download_days")
    @classmethod
    def _holds_a_month(cls, value: int) -> int:
        if 0 < value < 32:
            raise ValueError("give 32 or more, for pages tell of 30 days, or 0 to count no downloads")
        return value

    @field_validator("data")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("base_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("give the address that people use, such as https://packages.example.org/")
        return value.rstrip("/")

    @field_validator("broker_url")
    @classmethod
    def _is_broker(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            check_broker(value.get_secret_value())
        return value

    @field_validator("key_use_sink")
    @classmethod
    def _is_sink(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            check_sink(value.get_secret_value())
        return value

    @field_validator("storage_url")
    @classmethod
    def _is_storage(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url.startswith("s3://"):
            read_object_store(url)
        elif url and not url.startswith("file:///"):
            raise ValueError("give file:///absolute/folder or s3://…; unset, it is a folder of the data folder")
        return value

    @field_validator("mail_to", mode="before")
    @classmethod
    def _read_addresses(cls, value: object) -> object:
        return tuple(each.strip() for each in value.split(",")) if isinstance(value, str) else value

    @field_validator("mail_from", "mail_to")
    @classmethod
    def _are_addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        each = (value,) if isinstance(value, str) and value else value
        if any(not _ADDRESS.fullmatch(address) for address in each):
            raise ValueError("give addresses such as admin@example.org, separated by commas")
        return value

    @field_validator("mail_url")
    @classmethod
    def _is_mail_server(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            read_mail_server(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _mail_is_whole(self) -> "Environment":
        if (self.mail_to or self.mail_from) and not (self.mail_url.get_secret_value() and self.mail_from):
            raise ValueError(f"{PREFIX}MAIL_URL and {PREFIX}MAIL_FROM belong together, and {PREFIX}MAIL_TO needs both")
        return self

    @property
    def mail_server(self) -> MailServer | None:
        """The server that `mail_url` names."""
        url = self.mail_url.get_secret_value()
        return read_mail_server(url) if url else None

    @model_validator(mode="after")
    def _redirects_to_somewhere(self) -> "Environment":
        if self.downloads == "redirect" and self.object_store is None:
            raise ValueError(f"{PREFIX}DOWNLOADS: redirect needs an object store ({PREFIX}STORAGE_URL=s3://…)")
        return self

    @model_validator(mode="after")
    def _requires_a_sink(self) -> "Environment":
        if self.key_use_required and not self.key_use_sink.get_secret_value():
            raise ValueError(f"{PREFIX}KEY_USE_REQUIRED: needs {PREFIX}KEY_USE_SINK, which it requires to answer")
        return self

    @property
    def days_until_closed(self) -> int:
        """After how many days a release takes no new files; 0 for never."""
        usual = 14 if self.policy == "pypi" else 0
        return usual if self.release_days is None else self.release_days

    @property
    def object_store(self) -> ObjectStore | None:
        """The object store that `storage_url` names, None where it is a folder."""
        url = self.storage_url.get_secret_value()
        return read_object_store(url) if url.startswith("s3://") else None


def read_environment(variables: Mapping[str, str]) -> Environment:
    """Read the INDEXSITE_* variables; raises SettingError with one line for each that is wrong."""
    values: dict[str, str] = {}
    for variable, text in variables.items():
        if not variable.startswith(PREFIX) or not text:
            continue
        name, value = variable.removeprefix(PREFIX).lower(), text
        if name.endswith("_file"):
            name, value = name.removesuffix("_file"), _read_file(variable, text)
        if name in values:
            raise SettingError(f"{PREFIX}{name.upper()} is given twice, plainly and as _FILE; keep one.")
        values[name] = value
    try:
        return Environment.model_validate(values)
    except ValidationError as error:
        raise SettingError("\n".join(_describe(fault["loc"], fault["msg"]) for fault in error.errors())) from None


def secret_variables(variables: Mapping[str, str]) -> list[str]:
    """The variables that hold secrets, or say where one lies: they leave the process environment once read."""
    ours = [name for name in variables if name.startswith(PREFIX)]
    return [name for name in ours if name.removeprefix(PREFIX).removesuffix("_FILE").lower() in SECRETS]


def _read_file(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{variable} names a file that cannot be read: {error}.") from error


def _describe(location: tuple[int | str, ...], message: str) -> str:
    if not location:  # about several variables, which it names
        return f"{message.removeprefix('Value error, ')}."
    variable = PREFIX + "_".join(str(part) for part in location).upper()
    if message.startswith("Extra inputs"):
        return f"{variable} is not a setting; see the README for those that exist."
    return f"{variable}: {message.removeprefix('Value error, ')}."
