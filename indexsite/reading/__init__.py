"""The thin read layer: what installers ask for, answered from the signed documents without Django or a database."""
