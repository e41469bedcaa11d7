"""Regaining trust after a break-in: the last good state, what changed since, and one publication (ADR 27)."""
