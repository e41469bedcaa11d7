"""The packages app."""

from django.apps import AppConfig


class PackagesConfig(AppConfig):
    """Projects, releases, files."""

    name = "packages"
