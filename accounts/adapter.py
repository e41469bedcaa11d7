"""How django-allauth behaves here: accounts are made by administrators, nobody signs up."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """An index belongs to an organisation, which says who has an account."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        return False
