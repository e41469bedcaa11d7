from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("packages", "0006_memberships_end_with_their_user")]

    operations = [
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(help_text="shown to those who are refused", max_length=500)),
            ],
            options={"constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="hold_is_one")]},
        ),
    ]
