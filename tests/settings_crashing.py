"""Settings for crash tests: the product's own, with a storage and a database that kill their process at one step."""

from indexsite.settings import *  # noqa: F403
from indexsite.settings import DATABASES, STORAGES, STORE

_crashing = {"BACKEND": "tests.crashing.storage.CrashingStorage", "OPTIONS": {"location": STORE}}
STORAGES = {**STORAGES, "default": _crashing}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["ENGINE"] = "tests.crashing.database"
