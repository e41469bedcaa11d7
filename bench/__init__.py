"""Benchmarks of a running index beside its peers: `python -m bench`; nothing here is part of the server."""
