"""The client of Indexsite: verified installs for pip and uv."""
