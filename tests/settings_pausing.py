"""Settings for tests of what happens between two reads: the product's own, with a storage that waits."""

from indexsite.settings import *  # noqa: F403
from indexsite.settings import STORAGES, STORE

_pausing = {"BACKEND": "tests.pausing.PausingStorage", "OPTIONS": {"location": STORE}}
STORAGES = {**STORAGES, "default": _pausing}
