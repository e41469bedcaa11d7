"""Settings for tests of what happens between two reads: the product's own, with a storage that waits."""

from indexsite.settings import *  # noqa: F403
from indexsite.settings import STORAGES

_pausing = {"BACKEND": "tests.pausing.PausingStorage", "OPTIONS": STORAGES["default"]["OPTIONS"]}
STORAGES = {**STORAGES, "default": _pausing}
