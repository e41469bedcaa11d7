"""A database with every table in it, made once by the real migrations and copied: they take most of a first start."""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
_DATABASE = "indexsite.sqlite3"


def give_tables(data: Path) -> None:
    """Put a migrated SQLite database into a data folder that is not there yet."""
    data.mkdir(parents=True, mode=0o700)
    shutil.copyfile(_migrated_folder() / _DATABASE, data / _DATABASE)
    (data / _DATABASE).chmod(0o600)


def migrate(folder: Path, **variables: str) -> None:
    """Bring the database of a data folder, or of these settings, up to date."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INDEXSITE_", "DJANGO_"))}
    environment = {**kept, "INDEXSITE_DATA": str(folder), **variables}
    command = [sys.executable, str(CHECKOUT / "manage.py"), "migrate", "--verbosity", "0"]
    subprocess.run(command, env=environment, cwd=CHECKOUT, check=True, timeout=120)


@cache
def _migrated_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="indexsite-migrated-"))
    migrate(folder)
    return folder
