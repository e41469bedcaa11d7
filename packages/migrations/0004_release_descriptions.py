"""Descriptions of releases, for all that are here already too; sdists have metadata blobs that not all installers see."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


def say_that_wheels_are_static(apps, schema_editor):
    """Until now only wheels had metadata blobs, and all of them are served."""
    file = apps.get_model("packages", "File")
    file.objects.using(schema_editor.connection.alias).exclude(metadata_sha256="").update(metadata_is_static=True)


class Migration(migrations.Migration):

    dependencies = [("packages", "0003_life_and_chain")]

    operations = [
        migrations.AddField(
            model_name="release",
            name="describe_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now,
                help_text="when to describe it, once published; empty when that is settled",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="release",
            name="describe_tries",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddIndex(
            model_name="release",
            index=models.Index(
                condition=models.Q(("describe_at", None), _negated=True),
                fields=["describe_at"],
                name="release_undescribed",
            ),
        ),
        migrations.CreateModel(
            name="ReleaseDescription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("metadata", models.JSONField(default=dict, help_text="the core metadata but for the description")),
                ("text", models.TextField(blank=True, help_text="the description as it was written")),
                ("html", models.TextField(blank=True, help_text="the description rendered and sanitised")),
                ("fault", models.CharField(
                    blank=True, help_text="why it is missing, or not rendered as it asks for", max_length=200
                )),
                ("described_at", models.DateTimeField()),
                ("release", models.OneToOneField(
                    on_delete=django.db.models.deletion.CASCADE, related_name="description", to="packages.release"
                )),
            ],
        ),
        migrations.AlterField(
            model_name="file",
            name="metadata_sha256",
            field=models.CharField(
                blank=True, help_text="of METADATA or PKG-INFO as a blob; empty for sdists of long ago", max_length=64
            ),
        ),
        migrations.AddField(
            model_name="file",
            name="metadata_is_static",
            field=models.BooleanField(
                default=False, help_text="installers may rely on it: it is served beside the file (PEP 643, 658)"
            ),
        ),
        migrations.RunPython(say_that_wheels_are_static, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="file",
            constraint=models.CheckConstraint(
                condition=models.Q(("metadata_is_static", False), models.Q(("metadata_sha256", ""), _negated=True), _connector="OR"),
                name="file_static_metadata_is_there",
            ),
        ),
    ]
