"""The connection of the crashing database."""

from django.db.backends.postgresql import base

from tests.crashing import reached


class DatabaseWrapper(base.DatabaseWrapper):
    """Stops at `database.commit:before` and `:after` of a transaction."""

    def _commit(self) -> None:
        reached("database.commit:before")
        super()._commit()  # type: ignore[misc]  # Django's own, which its stubs leave out
        reached("database.commit:after")
