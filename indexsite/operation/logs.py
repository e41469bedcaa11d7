"""How log lines look: one a line whatever clients send, each with the request or message that it belongs to."""

import re
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from indexsite.operation.seldom import SaidSeldom

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # newlines: see _escape
_MAX_PATH = 500  # characters


def logging_configuration(form: Literal["logfmt", "json"]) -> dict[str, Any]:  # Any: as logging.config has it
    """Django's LOGGING: everything goes to stderr in one form, which `serve` relays under the part's name."""
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _escape, _renderer(form)],
        "foreign_pre_chain": [
            structlog.contextvars.merge_contextvars,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            _add_fields,
            structlog.processors.format_exc_info,
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "filters": {"seldom": {"()": SaidSeldom}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["seldom"],
                "stream": sys.stderr,
            }
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django.server": {"level": "WARNING"},
            "django.request": {"level": "ERROR"},
            "tuf": {"level": "WARNING"},
            "django.security.DisallowedHost": {"level": "CRITICAL"},  # anybody can cause it, at no end
        },
    }


def loggable_path(path: str) -> str:
    """A request's path, which never holds the query, cut to a length that a log can bear."""
    return path if len(path) <= _MAX_PATH else f"{path[:_MAX_PATH]}…"


def _renderer(form: Literal["logfmt", "json"]) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer(sort_keys=False)
    return structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "logger", "event"])


def _add_fields(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """The fields of `log.info(..., extra={"fields": {...}})`; those without a value are left out."""
    fields: dict[str, object] = getattr(event["_record"], "fields", {})
    event.update({name: value for name, value in fields.items() if value is not None})
    return event


def _escape(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Control characters come from clients, to forge lines or to play with terminals: they are written as escapes.

    A newline is left to the renderer, which writes it as two characters: tracebacks have them rightly.
    """
    return {
        name: _CONTROL.sub(_as_escape, str(value)) if isinstance(value, str) else value for name, value in event.items()
    }


def _as_escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
