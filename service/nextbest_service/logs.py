"""Structured logs: JSON lines for machines, coloured lines for a terminal. Never personal data."""

import logging
import sys
from enum import StrEnum
from functools import partial

import structlog


class LogFormat(StrEnum):
    """How log lines look."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """Which log lines are written: these and the more serious ones."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def configure_logs(log_format: LogFormat, level: LogLevel, worker: int | None = None) -> None:
    """Send every log line to standard error, as JSON unless standard error is a terminal.

    The lines of one of several workers carry its number.
    """
    console = log_format is LogFormat.CONSOLE or (log_format is LogFormat.AUTO and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            *([] if worker is None else [partial(_of_worker, worker)]),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),  # whole lines: workers share it
        cache_logger_on_first_use=True,
    )


def _of_worker(
    number: int, _logger: object, _method: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Add which worker a line is of."""
    line["worker"] = number
    return line
