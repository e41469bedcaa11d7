"""The tufsigning app."""

from django.apps import AppConfig


class TufsigningConfig(AppConfig):
    """Roles, keys, publication."""

    name = "tufsigning"
