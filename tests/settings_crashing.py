"""Settings for crash tests: the product's own, with a storage and a database that kill their process at one step."""

from indexsite.settings import *  # noqa: F403
from indexsite.settings import DATABASES, STORAGES

_options = STORAGES["default"]["OPTIONS"]
_kind = "objects.CrashingObjectStorage" if "bucket_name" in _options else "storage.CrashingStorage"
STORAGES = {**STORAGES, "default": {"BACKEND": f"tests.crashing.{_kind}", "OPTIONS": _options}}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["ENGINE"] = "tests.crashing.database"
else:
    DATABASES["default"]["ENGINE"] = "tests.crashing.postgres"
