"""`manage.py usage_repair`: count anew what projects and accounts store, and say what was wrong."""

from django.core.management.base import BaseCommand
from django.utils import timezone

from packages.repair import repair_usage


class Command(BaseCommand):
    """May run while the index serves, and as often as one likes."""

    help = "Count anew what projects and accounts store, for their quotas; says and journals each sum that was wrong."

    def handle(self, *args: object, **options: object) -> None:
        count = 0
        for repaired in repair_usage(now=timezone.now()):
            count += 1
            self.stdout.write(f"{repaired}.")
        self.stdout.write(f"{count} sums were wrong and are right now." if count else "Every sum is right.")
