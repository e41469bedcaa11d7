"""`manage.py search_rebuild`: read every project into the search index again."""

from typing import Any

from django.core.management.base import BaseCommand

from packages import changes
from search import keeping
from search.engines import the_engine


class Command(BaseCommand):
    """May be stopped and started again at any time, beside the worker, which helps; searches go on meanwhile."""

    help = "Read every project into the search index again, and make what is missing of its tables."

    def handle(self, *args: Any, **options: Any) -> None:
        the_engine().establish()
        total = keeping.note_everything()
        done = 0
        while changes.has_waiting():
            done += keeping.keep_up(seconds=2)
            self.stdout.write(f"{min(done, total)} of {total} projects read.")
        self.stdout.write(self.style.SUCCESS("The search index is up to date."))
