"""The forms of acts on a project."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms

from indexsite_client.protocol import ProtocolError, normalize_name
from packages.models import REASON


class PlainForm(forms.Form):
    """Nothing is asked but the act itself."""


class ReasonForm(forms.Form):
    """Why, for installers and readers."""

    reason = forms.CharField(
        required=False,
        max_length=REASON,
        label="Reason",
        help_text="One line, shown by installers and on the project’s page. May be empty.",
    )


class ConfirmForm(forms.Form):
    """The project's name, typed by hand, before something that cannot be undone."""

    confirm = forms.CharField(max_length=200)

    def __init__(self, *args: Any, project: str, **kwargs: Any) -> None:  # Any: what a form takes
        super().__init__(*args, **kwargs)
        self._project = project
        field = self.fields["confirm"]
        field.label = f"Type {project} to confirm"
        field.widget.attrs.update(autocomplete="off", autocapitalize="none", spellcheck="false")

    def clean_confirm(self) -> str:
        """The name, in whatever spelling."""
        typed: str = self.cleaned_data["confirm"]
        try:
            is_right = normalize_name(typed) == self._project
        except ProtocolError:
            is_right = False
        if not is_right:
            raise forms.ValidationError(f"That is not the project’s name: type {self._project}.")
        return typed


class ReopenForm(forms.Form):
    """For how long an old release takes files again."""

    days = forms.TypedChoiceField(
        coerce=int, choices=[(1, "1 day"), (3, "3 days"), (7, "7 days")], initial=1, label="For"
    )

    @staticmethod
    def duration_of(values: Mapping[str, Any]) -> timedelta:  # Any: what the form has cleaned
        """How long."""
        return timedelta(days=values["days"])
