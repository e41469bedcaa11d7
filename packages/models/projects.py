"""A project, who may do what with it, and which of its pre-releases it keeps."""

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import CASCADE, ProtectedError, Q, Value
from django.db.models.functions import Replace

REASON = 500  # characters of a reason, at most


class UndeletedProjects(models.Manager["Project"]):
    """Projects, without the deleted ones, whose rows keep their names from strangers."""

    def get_queryset(self) -> models.QuerySet["Project"]:
        return super().get_queryset().exclude(status="deleted")


def _look_alike_of(column: str) -> Replace:
    """The SQL of `packages.names.look_alike`, for a normalized name."""
    without_separators = Replace(column, Value("-"), Value(""))
    ones = Replace(Replace(without_separators, Value("l"), Value("1")), Value("i"), Value("1"))
    return Replace(ones, Value("o"), Value("0"))


class Project(models.Model):
    """A project. `name` is the normalized name, `display_name` as its first upload spelt it."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        ARCHIVED = "archived"  # takes no uploads
        QUARANTINED = "quarantined"  # takes no uploads, and no file of it is listed or served
        DEPRECATED = "deprecated"
        DELETED = "deleted"  # has no page; PEP 792, where the other four are from, does not know it

    name = models.CharField(max_length=200, unique=True)
    display_name = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    look_alike = models.GeneratedField(
        expression=_look_alike_of("name"), output_field=models.CharField(max_length=200), db_persist=True, db_index=True
    )
    may_resemble = models.BooleanField(
        default=False, help_text="may have a name that looks like another's: allowed, imported or restored"
    )
    stored_bytes = models.PositiveBigIntegerField(default=0, help_text="of all its files")
    stored_files = models.PositiveIntegerField(default=0)
    quota = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="bytes of all its files; empty as the settings say, 0 without limit"
    )
    file_limit = models.PositiveBigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="bytes of one file; empty as settings say"
    )
    status = models.CharField(max_length=11, choices=Status.choices, default=Status.ACTIVE)
    status_reason = models.CharField(max_length=REASON, blank=True)
    status_before = models.CharField(max_length=11, blank=True, help_text="the quarantine; empty outside of one")
    reason_before = models.CharField(max_length=REASON, blank=True)

    objects = UndeletedProjects()
    every: ClassVar[models.Manager["Project"]] = models.Manager()  # the deleted ones too

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="project_name_is_normalized", condition=Q(name__regex=r"^[a-z0-9]+(-[a-z0-9]+)*$")
            ),
            models.CheckConstraint(
                name="project_quarantine_remembers",
                condition=Q(status="quarantined") & ~Q(status_before="")
                | ~Q(status="quarantined") & Q(status_before=""),
            ),
            models.UniqueConstraint(
                name="project_looks_like_no_other", fields=["look_alike"], condition=Q(may_resemble=False)
            ),
        ]
        indexes = [
            models.Index(name="project_file_limit", fields=["file_limit"], condition=Q(file_limit__isnull=False))
        ]

    def __str__(self) -> str:
        return self.name


def end_memberships(collector: Any, field: Any, memberships: Any, using: str) -> None:  # Any: Django's collector
    """An `on_delete`: they go with their user, but for the last owner's, which keeps the user from being deleted.

    A deleted project may lose its owners: administrators can restore it. Raises ProtectedError.
    """
    owned = Membership.objects.using(using).filter(role=Membership.Role.OWNER)
    going = {membership.pk for membership in memberships}
    stay = set(owned.filter(user__is_active=True).exclude(pk__in=going).values_list("project_id", flat=True))
    last = [each for each in memberships if each.role == Membership.Role.OWNER and each.project_id not in stay]
    last = [each for each in last if each.project.status != Project.Status.DELETED]
    if last:
        raise ProtectedError("A project always has an owner.", set(last))
    CASCADE(collector, field, memberships, using)


class Membership(models.Model):
    """What a user may do with a project."""

    class Role(models.TextChoices):
        OWNER = "owner"
        MAINTAINER = "maintainer"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=end_memberships, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints = [models.UniqueConstraint(name="membership_is_one", fields=["project", "user"])]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"


class Invitation(models.Model):
    """An owner's offer of a role, until the user accepts or declines it, or an owner takes it back."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Membership.Role.choices)
    invited_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(name="invitation_is_one", fields=["project", "user"])]

    def __str__(self) -> str:
        return f"{self.user} may become {self.role} of {self.project}"


class RetentionRule(models.Model):
    """Which pre- and dev-releases of a project the worker deletes: all but the newest, or those past an age."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="retention")
    keep_newest = models.PositiveIntegerField(null=True)
    max_days = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="retention_is_by_number_or_age",
                condition=Q(keep_newest=None, max_days__gte=1) | Q(keep_newest__gte=0, max_days=None),
            )
        ]

    def __str__(self) -> str:
        rule = f"those of {self.max_days} days" if self.keep_newest is None else f"the newest {self.keep_newest}"
        return f"{self.project} keeps {rule} of its pre-releases"
