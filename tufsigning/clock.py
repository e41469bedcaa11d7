"""The clock by which documents are signed: the database's, which all publishers share."""

from datetime import UTC, datetime

from django.db import connection

from tufsigning.errors import ClockSkewError

MAX_SKEW = 60.0  # seconds


def signing_time() -> datetime:
    """The database's time in UTC; raises ClockSkewError where it is more than a minute off this machine's."""
    query = (
        "SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')" if connection.vendor == "sqlite" else "SELECT clock_timestamp()"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        (value,) = cursor.fetchone()
    moment = datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value.astimezone(UTC)
    check_skew(moment, datetime.now(UTC))
    return moment


def check_skew(one: datetime, other: datetime) -> None:
    """Raise ClockSkewError where two clocks differ by more than MAX_SKEW."""
    seconds = abs((one - other).total_seconds())
    if seconds > MAX_SKEW:
        raise ClockSkewError(seconds)
