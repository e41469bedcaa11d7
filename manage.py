#!/usr/bin/env python
"""Indexsite's command line."""

import os
import sys


def main() -> None:
    """Run one management command."""
    if sys.argv[1:2] == ["supervise"]:  # what `serve` becomes: it needs no Django
        from indexsite.serving.handover import supervise  # noqa: PLC0415

        supervise(int(sys.argv[2]))
        return
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "indexsite.settings")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
