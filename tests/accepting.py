"""Uploads that are checked already, for tests of what becomes of their rows."""

from datetime import UTC, datetime

from packaging.version import Version

from accounts.callers import Caller, Scope
from accounts.models import User
from indexsite_client.protocol import parse_distribution_filename
from packages.acceptance import Acceptance, StoredDistribution
from packages.distributions import Distribution
from packages.metadata import CoreMetadata
from packages.policy import LENIENT, Policy

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def caller(name: str) -> Caller:
    """A user with a token for uploads."""
    user, _ = User.objects.get_or_create(username=name)
    return Caller(user.pk, name, 1, frozenset({Scope.UPLOAD}), frozenset())


def wanted(
    filename: str,
    *,
    by: Caller,
    sha256: str = "a" * 64,
    size: int = 1,
    policy: Policy = LENIENT,
    now: datetime = NOW,
) -> Acceptance:
    """An upload whose bytes are stored."""
    named = parse_distribution_filename(filename)
    metadata = CoreMetadata(named.project, Version("1"), "", "", b"")
    stored = StoredDistribution(Distribution(named, metadata), "A-Name", sha256, size, "c" * 64)
    return Acceptance(by, stored, now, policy)
