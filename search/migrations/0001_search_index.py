"""What can be found, and the words of it."""

import django.db.models.deletion
from django.db import migrations, models


def establish(apps, schema_editor):
    """The tables and columns of words are the database's own kind; the worker fills them at its start."""
    from search.engines import the_engine

    the_engine().establish()


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('packages', '0005_changed_projects'),
    ]

    operations = [
        migrations.CreateModel(
            name='Classifier',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.CharField(max_length=200, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name='Document',
            fields=[
                ('project', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='packages.project')),
                ('name', models.CharField(max_length=200, unique=True)),
                ('look_alike', models.CharField(db_index=True, max_length=200)),
                ('display_name', models.CharField(max_length=200)),
                ('version', models.CharField(max_length=200)),
                ('summary', models.CharField(blank=True, max_length=512)),
                ('keywords', models.TextField(blank=True)),
                ('status', models.CharField(max_length=11)),
                ('released_at', models.DateTimeField(db_index=True, help_text='when the newest of its files came')),
                ('downloads', models.PositiveBigIntegerField(db_index=True, default=0, help_text='of the last 30 days')),
                ('classifiers', models.ManyToManyField(related_name='documents', to='search.classifier')),
            ],
        ),
        migrations.RunPython(establish, migrations.RunPython.noop),
    ]
