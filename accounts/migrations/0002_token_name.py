"""Tokens say what they are for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="token",
            name="name",
            field=models.CharField(blank=True, default="", help_text="what it is for, as its user says", max_length=100),
            preserve_default=False,
        ),
    ]
