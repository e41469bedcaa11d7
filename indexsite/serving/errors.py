"""Why `serve` does not start: one clear sentence each."""


class CannotServeError(Exception):
    """Something about this machine or folder must be changed first; the message says what."""

    code = "cannot-serve"
