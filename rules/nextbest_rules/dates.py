"""Dates and times of catalogs as Unix milliseconds."""

import functools
import re
from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_MILLISECOND = timedelta(milliseconds=1)


def from_ms(time_ms: int) -> datetime:
    """Return the UTC time of Unix milliseconds, clamped to the years a datetime can hold."""
    try:
        return _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if time_ms > 0 else datetime.min.replace(tzinfo=UTC)


def to_ms(value: object) -> int | None:
    """Return the Unix milliseconds of a datetime, or None of anything else."""
    return (value - _EPOCH) // _MILLISECOND if isinstance(value, datetime) else None


# An explanation names the same few instants for hundreds of actions.
@functools.lru_cache(maxsize=1_024)
def iso(time_ms: int) -> str:
    """Return the time as people write it, to the second: 2017-11-13T09:00:00Z."""
    return from_ms(time_ms).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant_ms(text: str) -> int:
    """Read a date-time with a zone.

    Raises:
        ValueError: the text is no such date-time.
    """
    return (parse_instant(text) - _EPOCH) // _MILLISECOND


def parse_instant(text: str) -> datetime:
    """Read a date-time with a zone, such as 2017-11-13T09:00:00Z.

    Raises:
        ValueError: the text is no such date-time.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a date-time like 2017-11-13T09:00:00Z") from None
    if parsed.tzinfo is None:
        raise ValueError(f"'{text}' needs a time zone, such as Z or +07:00")
    return parsed


def start_ms(text: str) -> int:
    """Return the first instant of a date (UTC) or the instant of a date-time with a zone.

    Raises:
        ValueError: the text is neither.
    """
    return _midnight_ms(_calendar_date(text)) if _DATE.match(text) else instant_ms(text)


def end_ms(text: str) -> int:
    """Return the first instant after a date (UTC), or the instant of a date-time with a zone.

    Raises:
        ValueError: the text is neither.
    """
    return _midnight_ms(_calendar_date(text)) + 86_400_000 if _DATE.match(text) else instant_ms(text)


def _calendar_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a date of the calendar") from None


def _midnight_ms(day: date) -> int:
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) - _EPOCH) // _MILLISECOND
