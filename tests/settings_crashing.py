"""Settings for crash tests: the product's own, with a storage and a database that kill their process at one step."""

from indexsite.settings import *  # noqa: F403
from indexsite.settings import DATABASES, STORAGES

STORAGES["default"]["BACKEND"] = "tests.crashing.storage.CrashingStorage"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["ENGINE"] = "tests.crashing.database"
