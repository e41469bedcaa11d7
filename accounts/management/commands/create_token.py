"""`manage.py create_token`: make an API token and print it once."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from accounts.callers import Scope, create_token
from accounts.chronicle import SERVER
from accounts.models import User
from indexsite_client.protocol import ProtocolError, normalize_name


class Command(BaseCommand):
    """The token is the last line of stdout; everything else is said on stderr."""

    help = "Make an API token. It is printed once, as the last line of stdout."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, help="whose token it is")
        parser.add_argument("--project", action="append", default=[], help="limit changes to this project; repeatable")
        parser.add_argument(
            "--scope", action="append", choices=[scope.value for scope in Scope], help="default: upload"
        )
        parser.add_argument("--name", default="", help="what it is for, to tell tokens apart")
        parser.add_argument("--days", type=int, help="days until it expires; default: never")

    def handle(self, *args: object, **options: Any) -> None:  # Any: argparse's values
        try:
            user = User.objects.filter(username=options["user"], is_active=True).first()
        except DatabaseError as error:
            raise CommandError(
                "The index is not set up yet; start 'manage.py serve', or run 'manage.py prepare' once."
            ) from error
        if user is None:
            raise CommandError(f"There is no active user {options['user']!r}; add one in /admin/.")
        if options["days"] is not None and not 1 <= options["days"] <= 36500:
            raise CommandError("--days is the number of days until the token expires: 1 to 36500.")
        try:
            projects = [normalize_name(name) for name in options["project"]]
        except ProtocolError as error:
            raise CommandError(str(error)) from error
        text = create_token(
            user,
            scopes=[Scope(scope) for scope in options["scope"] or [Scope.UPLOAD]],
            projects=projects,
            now=timezone.now(),
            name=options["name"][:100],
            by=SERVER,
            lifetime=timedelta(days=options["days"]) if options["days"] else None,
        )
        self.stderr.write("Keep this token: it is shown once.")
        self.stdout.write(text)
