"""How the process logs: one line an event on standard error, and nothing of what people wrote.

An exception is told by its class and the places it went through; its text may hold a customer's words, so that stays
out, and so do the values of variables.
"""

import logging
import sys
from pathlib import Path
from traceback import extract_tb
from typing import Any

import structlog
from structlog.typing import EventDict

PLACES = 8


def configure_logging() -> None:
    """Set up structlog for the process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            bare_exception,
            structlog.processors.LogfmtRenderer(key_order=("timestamp", "level", "event")),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def bare_exception(logger: Any, name: str, event: EventDict) -> EventDict:
    """The event with its exception as class and places, innermost last."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        places = extract_tb(error.__traceback__)[-PLACES:]
        event["where"] = " > ".join(f"{Path(each.filename).name}:{each.lineno}:{each.name}" for each in places)
    return event
