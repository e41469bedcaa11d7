"""Attestations of files (PEP 740): whose count, how they are verified, and the provenance that is served."""
