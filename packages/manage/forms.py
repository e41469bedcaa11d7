"""The forms of acts on a project."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from indexsite_client.protocol import ProtocolError, normalize_name
from packages.life.errors import RetentionFaultyError
from packages.life.retention import Retention, would_delete
from packages.models import REASON, Membership, RetentionRule


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


class InviteForm(forms.Form):
    """Who is invited, and as what."""

    username = forms.CharField(max_length=150, label="User name")
    role = forms.ChoiceField(
        choices=[
            (Membership.Role.MAINTAINER.value, "Maintainer: uploads and yanks"),
            (Membership.Role.OWNER.value, "Owner: deletes, archives and invites too"),
        ],
        widget=forms.RadioSelect,
        initial=Membership.Role.MAINTAINER.value,
        label="As",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: what a form takes
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs.update(autocomplete="off", autocapitalize="none", spellcheck="false")


class PublishersForm(forms.Form):
    """Whose attestations are taken. What is none is said by the act itself."""

    publishers = forms.CharField(
        required=False,
        max_length=20_000,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3, "autocapitalize": "none", "spellcheck": "false"}),
        label="Publishers",
        help_text="One a line, such as github:acme/demo@release.yml, github:acme/* or gitlab:acme/tools/demo. Empty: "
        "those that the index names.",
    )


class RetentionForm(forms.Form):
    """Which pre-releases are kept. A rule that deletes some at once must be sent a second time, with a yes to that."""

    keep = forms.ChoiceField(
        choices=[
            ("all", "all of them"),
            ("newest", "only the newest, as many as given below"),
            ("days", "only those that are at most so many days old"),
        ],
        widget=forms.RadioSelect,
        label="Of pre- and dev-releases keep",
    )
    number = forms.IntegerField(required=False, min_value=0, label="Number or days")
    _SHOWN = 10

    def __init__(self, *args: Any, project: str, **kwargs: Any) -> None:  # Any: what a form takes
        super().__init__(*args, **kwargs)
        self._project = project

    @staticmethod
    def initial_of(rule: RetentionRule | None) -> dict[str, object]:
        """The rule as the form shows it."""
        if rule is None:
            return {"keep": "all"}
        if rule.max_days is not None:
            return {"keep": "days", "number": rule.max_days}
        return {"keep": "newest", "number": rule.keep_newest}

    def clean(self) -> dict[str, Any]:  # Any: as Django has it
        """With the `rule`, None to keep all."""
        values = {**self.cleaned_data, "rule": None}
        if self.errors or values["keep"] == "all":
            return values
        newest = values["number"] if values["keep"] == "newest" else None
        days = values["number"] if values["keep"] == "days" else None
        try:
            values["rule"] = rule = Retention(keep_newest=newest, max_days=days)
        except RetentionFaultyError:
            least = 0 if values["keep"] == "newest" else 1
            self.add_error("number", f"Give a number from {least} to 100000.")
            return values
        gone = would_delete(self._project, rule, now=timezone.now())
        if gone and "yes" not in self.data.get("understood", ""):
            self._ask(gone)
        return values

    def _ask(self, gone: list[str]) -> None:
        more = f" and {len(gone) - self._SHOWN} more" if len(gone) > self._SHOWN else ""
        count = "1 pre-release" if len(gone) == 1 else f"{len(gone)} pre-releases"
        self.fields["understood"] = forms.MultipleChoiceField(
            choices=[("yes", "Yes, delete them for good")],
            widget=forms.CheckboxSelectMultiple,
            label=f"This deletes {count} within the hour",
        )
        self.add_error("understood", f"{', '.join(gone[: self._SHOWN])}{more}.")
