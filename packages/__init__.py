"""What the index holds: projects, releases, files, uploads, the outbox and the journal."""
