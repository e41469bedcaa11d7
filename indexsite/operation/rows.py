"""The database's rows as lines of JSON, one file a table: portable between SQLite and PostgreSQL, read in a stream."""

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from django.apps import apps
from django.apps.registry import Apps
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model

MigrationKey = tuple[str, str]
_LEFT_OUT = (
    frozenset(  # what means nothing elsewhere (sessions, nudges, who is at work), and what the worker makes anew
        {"sessions.session", "indexsite.queuedmessage", "indexsite.schedule", "tufsigning.publisherlease"}
        | {"search.classifier", "search.document", "search.document_classifiers"}
    )
)
_AT_ONCE = 1000  # rows in memory


@contextmanager
def one_snapshot() -> Iterator[None]:
    """While the block runs, every query sees the database as it was at its beginning; nobody is kept from writing."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:  # `atomic` would take the write lock (IMMEDIATE)
            cursor.execute("BEGIN DEFERRED")
            try:
                cursor.execute("SELECT count(*) FROM django_migrations")  # the snapshot is that of the first read
                yield
            finally:
                cursor.execute("ROLLBACK")
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SELECT count(*) FROM django_migrations")
        yield


def applied_migrations() -> list[MigrationKey]:
    """What the database's schema is made of, where it is the one of this program; else an empty list."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return []
    return sorted(executor.loader.applied_migrations)


def unknown_migrations(keys: Iterable[MigrationKey]) -> list[MigrationKey]:
    """Those that this program does not have: they are of a newer one."""
    known = MigrationLoader(None).disk_migrations
    return [key for key in keys if key not in known]


def write_rows(folder: Path) -> Iterator[Path]:
    """Write every table that is worth keeping to a file in the folder; yields the files."""
    for model in apps.get_models(include_auto_created=True):
        label = model._meta.label_lower
        if label in _LEFT_OUT or not model._meta.managed or model._meta.proxy:
            continue
        path = folder / f"{label}.jsonl.gz"
        columns = [field.attname for field in model._meta.concrete_fields if not field.generated]
        rows = model._base_manager.order_by("pk").values_list(*columns).iterator(chunk_size=_AT_ONCE)
        with gzip.open(path, "wt", compresslevel=3, encoding="utf-8") as lines:
            lines.write(f"{json.dumps(columns)}\n")
            for row in rows:
                lines.write(f"{json.dumps(row, default=_encode)}\n")
        yield path


def make_schema(keys: Iterable[MigrationKey]) -> Apps:
    """Bring an empty database to the schema of these migrations; returns the models as they were then."""
    executor = MigrationExecutor(connection)
    chosen = set(keys)
    nodes = executor.loader.graph.node_map
    last = [
        key
        for key in chosen
        if not any(child.key[0] == key[0] and child.key in chosen for child in nodes[key].children)
    ]
    executor.migrate(sorted(last))
    models: Apps = executor.loader.project_state(sorted(last)).apps
    return models


def load_rows(files: Iterable[Path], models: Apps) -> None:
    """Put the rows of these files into their tables, all of them or none."""
    with transaction.atomic():
        filled = [_load_table(path, models.get_model(path.name.removesuffix(".jsonl.gz"))) for path in files]
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), filled):
                cursor.execute(statement)


def drop_tables() -> None:
    """Empty the database of what is ours, so that the schema can be made anew."""
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        connection.close()
        for path in (name, f"{name}-wal", f"{name}-shm"):
            Path(path).unlink(missing_ok=True)
        return
    names = [*connection.introspection.django_table_names(only_existing=True, include_views=False), "django_migrations"]
    with transaction.atomic(), connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"DROP TABLE IF EXISTS {connection.ops.quote_name(name)} CASCADE")


def _load_table(path: Path, model: type[Model]) -> type[Model]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        columns = json.loads(next(lines))
        fields = {field.attname: field for field in model._meta.concrete_fields}
        rows = (dict(zip(columns, json.loads(line), strict=True)) for line in lines)
        while batch := list(islice(rows, _AT_ONCE)):
            model._base_manager.bulk_create([model(**_decode(row, fields)) for row in batch])
    return model


def _encode(value: object) -> str:
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    raise TypeError(f"no form for {type(value)}")


def _decode(row: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:  # Any: whatever the fields hold
    """A BinaryField, a DateField and a DateTimeField read their text as `_encode` writes it."""
    return {name: fields[name].to_python(value) for name, value in row.items()}
