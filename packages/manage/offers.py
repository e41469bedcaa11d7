"""An act as a page offers it, and what becomes of the form that is sent."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.actors import Actor
from accounts.errors import AccessError
from packages.attestations.naming import PublishersFaultyError
from packages.holding import read_only_reason
from packages.life.errors import (
    AlreadyMemberError,
    LifeError,
    NotThereError,
    ReasonFaultyError,
    RetentionFaultyError,
)
from packages.life.rules import Act
from packages.manage.access import Managed, forbidden
from packages.manage.forms import PlainForm

_FIELDS: Mapping[type[LifeError], str] = {  # beside which an error stands, where the form has it
    ReasonFaultyError: "reason",
    NotThereError: "username",
    AlreadyMemberError: "username",
    RetentionFaultyError: "number",
    PublishersFaultyError: "publishers",
}
Values = Mapping[str, Any]  # Any: what a form has cleaned


@dataclass(frozen=True, slots=True)
class Offer:
    """An act on a project, or on a file, release, user or invitation of it: the `target`.

    `do` returns False where nothing was to be done. `done` says what happens next, and `to` where one goes then.
    """

    key: str
    act: Act
    title: str
    said: str
    button: str
    done: str
    do: Callable[[Actor, Values, datetime], object]
    form: Callable[..., forms.Form] = PlainForm
    target: str = ""
    to: str = ""
    is_grave: bool = False  # cannot be undone, or hits everybody
    makes_sense: bool = True  # as things are: what is yanked is not offered to be yanked


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer with its form, which may have come back with faults."""

    offer: Offer
    form: forms.Form

    @property
    def is_faulty(self) -> bool:
        return self.form.is_bound


class Offers:
    """The offers of one page to somebody who manages the project."""

    def __init__(self, managed: Managed, offers: Iterable[Offer]) -> None:
        self._managed = managed
        self._offers = {(offer.key, offer.target): offer for offer in offers}
        self._faulty: Offered | None = None
        self.read_only: str = read_only_reason()

    def take(self, request: HttpRequest) -> HttpResponse | None:
        """Do what a form asks for and answer with where to go; None where the page is to be shown (again).

        Raises PermissionDenied where the act is not theirs.
        """
        if request.method != "POST":
            return None
        offer = self._offers.get((request.POST.get("act", ""), request.POST.get("target", "")))
        if offer is None:
            messages.error(request, "This page was out of date, and nothing was changed. Here is how things are now.")
            return redirect(request.path)
        try:
            self._managed.check(offer.act)
            return self._take(request, offer)
        except AccessError as error:
            raise forbidden(error) from error

    def _take(self, request: HttpRequest, offer: Offer) -> HttpResponse | None:
        form = offer.form(request.POST, auto_id=_auto_id(offer))
        if self.read_only:
            messages.error(request, f"Nothing was changed: this index is read-only at the moment ({self.read_only}).")
            return redirect(request.path)
        if form.is_valid():
            try:
                changed = offer.do(self._managed.actor, form.cleaned_data, timezone.now())
            except LifeError as error:
                field = _FIELDS.get(type(error), "")
                if field not in form.fields:
                    messages.error(request, str(error))
                    return redirect(request.path)
                form.add_error(field, str(error))
            else:
                said = "It was so already; nothing has changed." if changed is False else offer.done
                messages.success(request, said)
                return redirect(offer.to or request.path)
        self._faulty = Offered(offer, form)
        return None

    def shown(self, *keys: str, target: str = "") -> Iterator[Offered]:
        """Those of these keys that are theirs and make sense now, in this order."""
        for key in keys:
            offer = self._offers.get((key, target))
            if offer is None:
                continue
            if self._faulty is not None and self._faulty.offer == offer:
                yield self._faulty
            elif offer.makes_sense and not self.read_only and self._managed.may(offer.act):
                yield Offered(offer, offer.form(auto_id=_auto_id(offer)))

    def one(self, key: str, target: str = "") -> Offered | None:
        """That one of them, None where it is not offered."""
        return next(self.shown(key, target=target), None)


def _auto_id(offer: Offer) -> str:
    """Ids that differ between the forms of a page."""
    return f"{offer.key}-{offer.target}-%s".replace(" ", "_") if offer.target else f"{offer.key}-%s"
