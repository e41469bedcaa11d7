"""`manage.py tuf_status`: which root clients pin, and of each role its version, signers, threshold and time left."""

import hashlib
from collections.abc import Iterator

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Min
from django.utils import timezone

from indexsite_client.protocol import ROOT, SNAPSHOT, TARGETS, TIMESTAMP, Json, read_expiry
from tufsigning import records
from tufsigning.core.canonical import read_object
from tufsigning.core.documents import read_signed
from tufsigning.core.publication import Current
from tufsigning.core.sizes import measure_bins
from tufsigning.errors import TrustError
from tufsigning.importing import import_waits
from tufsigning.library import Library
from tufsigning.records import heads_of


class Command(BaseCommand):
    """Reads only."""

    help = "Show the trusted root's fingerprint, and each role's version, signers, threshold and time left."
    requires_system_checks = []

    def handle(self, *args: object, **options: object) -> None:
        try:
            current = Library().current()
        except TrustError as error:
            raise CommandError(str(error)) from error
        for line in _about_root(current):
            self.stdout.write(line)
        contents = {ROOT: current.roots[-1], TIMESTAMP: current.timestamp, SNAPSHOT: current.snapshot, **current.upper}
        for role, content in contents.items():
            self.stdout.write(_about_role(current, role, content))
        for line in _about_bins(current):
            self.stdout.write(line)
        if rotation := records.rotation():
            self.stdout.write(f"{rotation}, since {rotation.began_at:%Y-%m-%d %H:%M} UTC: tuf_rotate --check.")
        if import_waits():
            self.stdout.write("Documents that were imported wait to be published; the worker's log says why.")


def _about_root(current: Current) -> Iterator[str]:
    kind = "development" if current.is_development else "real"
    yield f"root {current.root_version} ({kind}), sha256 {hashlib.sha256(current.roots[-1]).hexdigest()}"
    start = int(read_signed(current.roots[0])["version"])
    if start > 1:
        digest = hashlib.sha256(current.roots[0]).hexdigest()
        yield f"its chain begins at root {start}, sha256 {digest}; clients of a root before that must pin anew"


def _about_bins(current: Current) -> Iterator[str]:
    sizes = measure_bins(current)
    soonest = heads_of(current.bins).aggregate(soonest=Min("expires_at"))["soonest"]
    until = f"the first of them expires at {soonest:%Y-%m-%d %H:%M} UTC" if soonest else "all are due"
    largest = f"the largest, {sizes.largest}, has {sizes.largest_size:,}"
    yield f"{current.bins} of {sizes.total:,} bytes together; {largest}; {until}"
    retired = sum(map(current.bins.has_retired, current.entries.roles()))
    if retired:
        yield f"{retired} bins of another number are retired; the snapshot names them for clients that know it"
    if best := sizes.recommended:
        yield (
            f"An install of twenty projects fetches {sizes.fetched(sizes.count):,} bytes of snapshot and bins, but"
            f" {sizes.fetched(best):,} with {best} bins: see 'Bins' in docs/operation.md."
        )


def _about_role(current: Current, role: str, content: bytes) -> str:
    signed = read_signed(content)
    left = read_expiry(signed) - timezone.now()
    entry = _role_entry(current, role)
    keyids = [each["keyid"] for each in read_object(content)["signatures"]]
    signers = [keyid[:8] for keyid in keyids if keyid in entry["keyids"]]
    signers += [f"{keyid[:8]} (not asked for)" for keyid in keyids if keyid not in entry["keyids"]]
    life = f"expires in {left.days} d {left.seconds // 3600} h" if left.days >= 0 else "HAS EXPIRED"
    return (
        f"{role:<18} version {signed['version']:<12} {life:<22} signed by {', '.join(signers)}"
        f" ({entry['threshold']} of {len(entry['keyids'])})"
    )


def _role_entry(current: Current, role: str) -> Json:
    """Keys and threshold of a role, by what its delegator says."""
    roles: dict[str, Json] = dict(read_signed(current.roots[-1])["roles"])
    roles |= {each["name"]: each for each in read_signed(current.upper[TARGETS])["delegations"]["roles"]}
    return roles[role]
