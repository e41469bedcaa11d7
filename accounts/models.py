"""Users and their API tokens."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q


class User(AbstractUser):
    """Somebody with an account. Custom from the first migration, so that it may grow."""


class Token(models.Model):
    """An API token. Its text is shown once and never stored: only its SHA-256 is."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, blank=True, help_text="what it is for, as its user says")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token's text")
    hint = models.CharField(max_length=16, help_text="the first characters, to tell tokens apart")
    scopes = models.JSONField(default=list)
    projects = models.JSONField(default=list, help_text="normalized names; empty for all")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(name="token_digest_is_hex", condition=Q(digest__regex=r"^[0-9a-f]{64}$"))]

    def __str__(self) -> str:
        return f"{self.hint}… of {self.user.username}"
