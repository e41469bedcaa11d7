"""The form with which people make a token for themselves."""

import re
from datetime import timedelta

from django import forms

from accounts.callers import Scope
from indexsite_client.protocol import NormalizedName, ProtocolError, normalize_name

_SEPARATORS = re.compile(r"[\s,]+")
_MOST_PROJECTS = 50


class TokenForm(forms.Form):
    """What the token is for, what it may do and for how long. The narrow choices stand first."""

    name = forms.CharField(
        max_length=100,
        label="What for",
        help_text="For you, to tell your tokens apart: “CI of billing”, “laptop”.",
    )
    scope = forms.ChoiceField(
        choices=[
            (Scope.UPLOAD.value, "Upload and read"),
            (Scope.READ.value, "Read only"),
            (Scope.ADMIN.value, "Do everything that you may, by the API: yank, delete, invite"),
        ],
        widget=forms.RadioSelect,
        initial=Scope.UPLOAD.value,
        label="It may",
    )
    projects = forms.CharField(
        required=False,
        max_length=5000,
        label="Projects",
        help_text="Names, with spaces between: it changes no other project. Empty: all of yours and new ones.",
    )
    days = forms.TypedChoiceField(
        coerce=int,
        choices=[(30, "30 days"), (90, "90 days"), (365, "a year"), (0, "until it is revoked")],
        initial=90,
        label="It lasts",
    )

    def clean_projects(self) -> list[NormalizedName]:
        """The normalized names."""
        names = [name for name in _SEPARATORS.split(self.cleaned_data["projects"]) if name]
        if len(names) > _MOST_PROJECTS:
            raise forms.ValidationError(f"Name at most {_MOST_PROJECTS} projects, or none for all of them.")
        try:
            return [normalize_name(name) for name in names]
        except ProtocolError as error:
            raise forms.ValidationError(str(error)) from error

    @property
    def scopes(self) -> frozenset[Scope]:
        """What the token may do; everything includes uploading."""
        scope = Scope(self.cleaned_data["scope"])
        return frozenset({scope, Scope.UPLOAD} if scope is Scope.ADMIN else {scope})

    @property
    def lifetime(self) -> timedelta | None:
        """How long the token lasts; None for ever."""
        return timedelta(days=self.cleaned_data["days"]) if self.cleaned_data["days"] else None
