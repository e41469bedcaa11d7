"""Django's settings, all of them from one typed reading of the environment."""

import contextlib
import os
import secrets
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import django_stubs_ext

from indexsite.environment import SettingError, read_environment, secret_variables
from indexsite.operation.logs import logging_configuration
from packages.policy import Policy

django_stubs_ext.monkeypatch()  # Django's generic classes take their parameters at run time too

BASE_DIR = Path(__file__).resolve().parent.parent

try:
    ENVIRONMENT = read_environment(os.environ)
except SettingError as error:
    sys.exit(f"indexsite: {error}")
for _name in secret_variables(os.environ):  # granian copies the environment into every request
    del os.environ[_name]


def _secret_key(path: Path) -> str:
    """The key of sessions and CSRF tokens: made at the first start, readable by its owner only, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            descriptor, made = tempfile.mkstemp(prefix=".secret-key-", dir=path.parent)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(50))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # another process was quicker: its key counts
                os.link(made, path)
            os.unlink(made)
        return path.read_text(encoding="ascii")
    except OSError as error:
        sys.exit(f"indexsite: the data folder {path.parent} cannot be used ({error.strerror}); set INDEXSITE_DATA.")


DATA = ENVIRONMENT.data
KEY_USE_SINK = ENVIRONMENT.key_use_sink
KEY_USE_REQUIRED = ENVIRONMENT.key_use_required
PRIVATE = ENVIRONMENT.private
METRICS_OPEN = ENVIRONMENT.metrics_open
ACCESS_LOG = ENVIRONMENT.access_log
TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies
UPLOAD_POLICY = Policy(
    pypi=ENVIRONMENT.policy == "pypi",
    older_sdist_names=ENVIRONMENT.older_sdist_names,
    zip_sdists=ENVIRONMENT.zip_sdists,
    closed_after=timedelta(days=ENVIRONMENT.days_until_closed) or None,
    file_limit=ENVIRONMENT.upload_limit,
    project_quota=ENVIRONMENT.project_quota,
    account_quota=ENVIRONMENT.account_quota,
    read_only=ENVIRONMENT.read_only,
    attested_by=ENVIRONMENT.attestation_identities,
)
SIGSTORE_ROOT = str(ENVIRONMENT.sigstore_root or "")
UPLOADS_AT_ONCE = ENVIRONMENT.uploads_at_once
API_REQUESTS_PER_USER = ENVIRONMENT.api_requests_per_user
API_REQUESTS_PER_ADDRESS = ENVIRONMENT.api_requests_per_address
SEARCH_SECONDS = ENVIRONMENT.search_seconds
CACHE_BYTES = ENVIRONMENT.cache_mib * 1024 * 1024
BINS = ENVIRONMENT.bins
BIN_STYLE = ENVIRONMENT.bin_style
SNAPSHOT_DAYS = ENVIRONMENT.snapshot_days
BIN_DAYS = ENVIRONMENT.bin_days
MAIL_TO = ENVIRONMENT.mail_to
if _mail := ENVIRONMENT.mail_server:
    EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.host, _mail.port, _mail.user, _mail.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.security == "starttls", _mail.security == "tls"
    EMAIL_TIMEOUT, DEFAULT_FROM_EMAIL = 10, ENVIRONMENT.mail_from
PRUNE_EVERY_DAYS = ENVIRONMENT.prune_every_days
PRUNE_GRACE_DAYS = ENVIRONMENT.prune_grace_days
ONLINE_KEY = ENVIRONMENT.online_key
ONLINE_KEY_PASSPHRASE = ENVIRONMENT.online_key_passphrase
ONLINE_KEY_NEXT = ENVIRONMENT.online_key_next
ONLINE_KEY_NEXT_PASSPHRASE = ENVIRONMENT.online_key_next_passphrase
SECRET_KEY = ENVIRONMENT.secret_key.get_secret_value() or _secret_key(DATA / "secret-key")

_base = urlsplit(ENVIRONMENT.base_url)
BASE_URL = ENVIRONMENT.base_url
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *([_base.hostname] if _base.hostname else [])]
CSRF_TRUSTED_ORIGINS = [f"{_base.scheme}://{_base.netloc}"] if BASE_URL else []
PATH_PREFIX = _base.path
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _base.scheme == "https"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_NAME = "indexsite_session"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "csp",
    "accounts",
    "packages",
    "packages.attestations",
    "search",
    "downloads",
    "tufsigning",
    "indexsite",
]
MIDDLEWARE = [
    "indexsite.operation.request_log.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "indexsite.urls"
WSGI_APPLICATION = "indexsite.application.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

_sqlite = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": DATA / "indexsite.sqlite3",
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        # Each of many threads has a connection. It keeps 256 KiB of pages, not 2 MiB, for the kernel has them all, and
        # a few statements, not 128, of which those that insert many rows are large.
        "cached_statements": 16,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-256;",
    },
    "CONN_MAX_AGE": None,
}
_database_url = ENVIRONMENT.database_url.get_secret_value()
_server = dj_database_url.parse(_database_url, conn_health_checks=True) if _database_url else None
if _server and _server["ENGINE"] == "django.db.backends.postgresql":  # see docs/adr/0009
    _pool = {"min_size": 1, "max_size": ENVIRONMENT.database_connections, "timeout": 5.0, "reconnect_timeout": 5.0}
    _server["OPTIONS"] = {"connect_timeout": 5, **_server.get("OPTIONS", {}), "pool": _pool}
DATABASES = {"default": _server or _sqlite}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DOWNLOADS = ENVIRONMENT.downloads
DOWNLOAD_DAYS = ENVIRONMENT.download_days
if _objects := ENVIRONMENT.object_store:
    _store = {
        "BACKEND": "storage.objects.DurableObjectStorage",
        "OPTIONS": {
            "bucket_name": _objects.bucket,
            "location": _objects.prefix,
            "endpoint_url": _objects.endpoint or None,
            "addressing": "path" if _objects.endpoint else "auto",
            "region_name": _objects.region or None,
            "access_key": _objects.access_key or None,
            "secret_key": _objects.secret_key or None,
            "incoming": DATA / "incoming",
        },
    }
else:
    _folder = Path(urlsplit(ENVIRONMENT.storage_url.get_secret_value()).path or DATA / "store")
    _store = {"BACKEND": "storage.filesystem.DurableFileSystemStorage", "OPTIONS": {"location": _folder}}
STORAGES: dict[str, dict[str, Any]] = {  # Any: a backend's own options
    "default": _store,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

BROKER_URL = ENVIRONMENT.broker_url.get_secret_value()
if BROKER_URL:  # sessions stay in the database: see docs/adr/0008
    _cache = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": BROKER_URL,
        "KEY_PREFIX": "indexsite",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    }
else:
    _cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 20_000}}
CACHES: dict[str, dict[str, Any]] = {"default": _cache}  # Any: as above

STATIC_URL = f"{PATH_PREFIX}/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # no collectstatic: one command serves
FORCE_SCRIPT_NAME = PATH_PREFIX or None

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = ACCOUNT_LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "accounts.adapter.ClosedAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}

REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}  # the rest is in api/view.py
SPECTACULAR_SETTINGS = {
    "TITLE": "Indexsite",
    "DESCRIPTION": "A Python package index. Lists come in pages, refusals are problem documents (RFC 9457).",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False

LOGGING = logging_configuration(ENVIRONMENT.log_format)
