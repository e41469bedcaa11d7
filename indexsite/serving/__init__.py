"""`manage.py serve` and its parts: preparation, the web process, the worker, their supervisor."""
