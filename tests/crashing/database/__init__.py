"""Django's SQLite backend, with a place to crash around each commit."""
