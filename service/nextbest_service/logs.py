"""Structured logs: JSON lines for machines, coloured lines for a terminal. Never personal data."""

import logging
import re
import sys
import traceback
from collections.abc import Iterator
from enum import StrEnum
from functools import partial
from typing import TextIO, cast

import structlog

_SYSTEM = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")


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
    lines = _Lines(sys.stderr)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            lines.told,
            *([] if worker is None else [partial(_of_worker, worker)]),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(_without_messages),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, lines)),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)


def named(source: str) -> str:
    """Return the name of a system as a caller gave it; what does not look like one is not told."""
    return source if _SYSTEM.fullmatch(source) else "unnamed"


class _Libraries(logging.Handler):
    """Tells of what libraries log where it was said, and not in their words: they quote what they work on.

    asyncio, for one, writes out the arguments and the exception of a task that nobody waited for.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line of ours in place of a library's."""
        structlog.get_logger().log(
            logging.DEBUG if _is_unheard_answer(record) else record.levelno,
            "library",
            library=record.name,
            place=f"{record.module}:{record.lineno}",
            exc_info=record.exc_info,
        )


def _is_unheard_answer(record: logging.LogRecord) -> bool:
    """Return whether grpc could not send an answer: its caller went while it was being written.

    grpc says nothing of it once it has read that the caller went, and logs an error in the instant before.
    """
    error = record.exc_info[0] if record.exc_info else None
    return error is not None and (record.name, error.__name__) == ("grpc._cython.cygrpc", "ExecuteBatchError")


class _Lines:
    """A stream that takes whole lines, for workers share it. No call fails because the disk is full.

    `lost` is how many lines at most could not be written since one was.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0
        self._is_lost = False

    def write(self, text: str) -> None:
        """Write a line, or lose it."""
        try:
            self._stream.write(text)
        except OSError:
            self._is_lost = True

    def flush(self) -> None:
        """See to it that what was written is there."""
        try:
            self._stream.flush()
        except OSError:
            self._is_lost = True
        self.lost = self.lost + 1 if self._is_lost else 0
        self._is_lost = False

    def told(
        self, _logger: object, _method: str, line: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        """Add to a line how many before it are lost."""
        if self.lost:
            line["lines_lost"] = self.lost
        return line


def _without_messages(exc_info: structlog.typing.ExcInfo) -> str:
    """Return a traceback that says what was raised where, but no message: that of a KeyError is the key."""
    return "".join(_told(exc_info[1]))


def _told(error: BaseException) -> Iterator[str]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _told(before)
        yield "then, because of that or meanwhile:\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}\n"


def _of_worker(
    number: int, _logger: object, _method: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Add which worker a line is of."""
    line["worker"] = number
    return line
