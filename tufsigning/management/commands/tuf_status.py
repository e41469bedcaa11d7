"""`manage.py tuf_status`: the root's fingerprint, and each role's version and expiry."""

import hashlib

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from indexsite_client.protocol import ROOT, SNAPSHOT, TIMESTAMP, read_expiry
from tufsigning.ceremony import is_development
from tufsigning.core.documents import read_signed
from tufsigning.core.publication import is_bin
from tufsigning.errors import TrustError
from tufsigning.library import Library
from tufsigning.models import RoleHead


class Command(BaseCommand):
    """Reads only."""

    help = "Show the trusted root's fingerprint, and each role's version and expiry."

    def handle(self, *args: object, **options: object) -> None:
        try:
            current = Library().current()
        except TrustError as error:
            raise CommandError(str(error)) from error
        kind = "development" if is_development(current) else "real"
        fingerprint = hashlib.sha256(current.roots[-1]).hexdigest()
        self.stdout.write(f"root {len(current.roots)} ({kind}), sha256 {fingerprint}")
        contents = {ROOT: current.roots[-1], TIMESTAMP: current.timestamp, SNAPSHOT: current.snapshot, **current.upper}
        for role, content in contents.items():
            signed = read_signed(content)
            left = read_expiry(signed) - timezone.now()
            self.stdout.write(
                f"{role:<18} version {signed['version']:<12} expires in {left.days} d {left.seconds // 3600} h"
            )
        bins = [role for role in current.entries.roles() if is_bin(role)]
        first = RoleHead.objects.filter(role__in=bins[:1]).values_list("expires_at", flat=True).first()
        self.stdout.write(f"{len(bins)} bins; {bins[0]} expires at {first}")
