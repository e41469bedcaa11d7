"""What can be found, a row a project; the words themselves are in tables of the database's own kind.

All of it is derived from what is published and can be made anew by `manage.py search_rebuild`.
"""

from django.db import models

from packages.models import Project


class Classifier(models.Model):
    """A trove classifier that some project has, and what its license expression says in the form of one."""

    text = models.CharField(max_length=200, unique=True)

    def __str__(self) -> str:
        return self.text


class Document(models.Model):
    """A project as a search finds and shows it: its latest release."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, primary_key=True, related_name="+")
    name = models.CharField(max_length=200, unique=True)
    look_alike = models.CharField(max_length=200, db_index=True)
    display_name = models.CharField(max_length=200)
    version = models.CharField(max_length=200)
    summary = models.CharField(max_length=512, blank=True)
    keywords = models.TextField(blank=True)
    status = models.CharField(max_length=11)
    released_at = models.DateTimeField(db_index=True, help_text="when the newest of its files came")
    downloads = models.PositiveBigIntegerField(default=0, db_index=True, help_text="of the last 30 days")
    classifiers = models.ManyToManyField(Classifier, related_name="documents")

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
