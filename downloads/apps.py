"""The app's name for Django."""

from django.apps import AppConfig


class DownloadsConfig(AppConfig):
    """What is downloaded."""

    name = "downloads"
