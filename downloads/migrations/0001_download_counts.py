"""Downloads by file and day, and in all."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('packages', '0005_changed_projects'),
    ]

    operations = [
        migrations.CreateModel(
            name='DownloadTotal',
            fields=[
                ('file', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='packages.file')),
                ('count', models.PositiveBigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='DownloadDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('count', models.PositiveBigIntegerField()),
                ('file', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='packages.file')),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='packages.project')),
            ],
            options={
                'indexes': [models.Index(fields=['project', 'day'], name='download_project'), models.Index(fields=['day'], name='download_day')],
                'constraints': [models.UniqueConstraint(fields=('file', 'day'), name='download_day_is_one')],
            },
        ),
    ]
