"""Finding projects: an index kept by the worker, and one way to ask it, on SQLite and on PostgreSQL."""
