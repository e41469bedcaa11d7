"""Which projects the search index has to read anew."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('packages', '0004_release_descriptions'),
    ]

    operations = [
        migrations.CreateModel(
            name='ChangedProject',
            fields=[
                ('project', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='packages.project')),
                ('times', models.PositiveBigIntegerField(default=1)),
            ],
        ),
    ]
