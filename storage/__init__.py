"""Where bytes are kept: blobs by their hash, signed documents by their name, both durable before anybody is told."""
