"""The packages app."""

from django.apps import AppConfig


class PackagesConfig(AppConfig):
    """Projects, releases, files."""

    name = "packages"

    def ready(self) -> None:
        """Let the accounts below write into the journal; it has models, which exist only now."""
        from accounts import chronicle  # noqa: PLC0415
        from packages import journal  # noqa: PLC0415

        chronicle.write_with(journal.write)
