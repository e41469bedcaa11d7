"""How often a file was downloaded: on each of the last days, and ever."""

from django.db import models

from packages.models import File, Project


class DownloadDay(models.Model):
    """Downloads of a file on a day (UTC). Days of long ago are removed; the total remains."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    file = models.ForeignKey(File, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(name="download_day_is_one", fields=["file", "day"])]
        indexes = [
            models.Index(name="download_project", fields=["project", "day"]),
            models.Index(name="download_day", fields=["day"]),
        ]

    def __str__(self) -> str:
        return f"{self.count} downloads on {self.day}"


class DownloadTotal(models.Model):
    """Downloads of a file since downloads are counted."""

    file = models.OneToOneField(File, on_delete=models.CASCADE, primary_key=True, related_name="+")
    count = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"{self.count} downloads"
