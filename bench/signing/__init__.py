"""How quickly documents are signed and published, in a process of its own with the real storage and SQLite."""
