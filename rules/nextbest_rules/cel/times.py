"""Timestamps and durations, in whole nanoseconds."""

import re
from typing import Final

from nextbest_rules.cel.arithmetic import LONGEST_NUMBER, MAX_INT, MIN_INT, OVERFLOW
from nextbest_rules.cel.civil import days_of, is_date
from nextbest_rules.cel.kinds import DURATION, TIMESTAMP
from nextbest_rules.cel.overloads import Overload, Overloads
from nextbest_rules.cel.values import EARLIEST, LATEST, Duration, Timestamp, Unevaluable

SECOND: Final = 1_000_000_000
_LONGEST: Final = 315_576_000_001 * SECOND - 1
_OUT_OF_RANGE: Final = Unevaluable("timestamp out of range")
BAD_TIMESTAMP: Final = Unevaluable("the text is no timestamp")
BAD_DURATION: Final = Unevaluable("the text is no duration")

# As the reference engine reads RFC 3339, which is more than the RFC allows.
_TIMESTAMP: Final = re.compile(
    r"[ \t\n\v\f\r]*(-?\d{1,18})-(\d\d?)-(\d\d?)"
    r"[Tt]([01]?\d|2[0-3]):([0-5]?\d):([0-5]?\d|60)(?:\.(\d+))?"
    r"(?:[Zz]|([+-])([01]\d|2[0-3])(?::?([0-5]\d)(?::?([0-5]\d))?)?)[ \t\n\v\f\r]*",
    re.ASCII,
)
_DURATION: Final = re.compile(r"([+-]?)(?:0|((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|ms|s|m|h))+))", re.ASCII)
_PART: Final = re.compile(r"(\d*)\.?(\d*)(ns|us|ms|s|m|h)", re.ASCII)
_UNITS: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND}


def as_timestamp(nanoseconds: int) -> Timestamp | Unevaluable:
    """Return what lies in the years 1 to 9999."""
    return Timestamp(nanoseconds) if EARLIEST <= nanoseconds <= LATEST else _OUT_OF_RANGE


def timestamp_of_ms(time_ms: int | None) -> Timestamp | Unevaluable:
    """Return the moment of Unix milliseconds, where there is one."""
    return _NO_TIME if time_ms is None else as_timestamp(time_ms * 1_000_000)


_NO_TIME: Final = Unevaluable("the record has no such time")


def parse_timestamp(text: str) -> Timestamp | Unevaluable:
    """Read a timestamp such as 2017-11-13T09:00:00Z."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return BAD_TIMESTAMP
    year, month, day, hour, minute, second = (int(group) for group in match.groups()[:6])
    if not is_date(year, month, day):
        return BAD_TIMESTAMP
    seconds = days_of(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - _offset(match)
    # A leap second is the first of the next minute, whatever its fraction.
    fraction = 0 if match[6] == "60" else int((match[7] or "")[:9].ljust(9, "0"))
    return as_timestamp(seconds * SECOND + fraction)


def _offset(match: re.Match[str]) -> int:
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[8:])
    offset = hours * 3_600 + minutes * 60 + seconds
    return -offset if match[8] == "-" else offset


def parse_duration(text: str) -> Duration | Unevaluable:
    """Read a duration such as 72h or -1m30.5s. Fractions of a nanosecond are refused."""
    match = _DURATION.fullmatch(text) if len(text) <= LONGEST_NUMBER else None
    if match is None:
        return BAD_DURATION
    total = 0
    for whole, fraction, unit in _PART.findall(match[2] or ""):
        nanoseconds, rest = divmod(int(whole + fraction or 0) * _UNITS[unit], 10 ** len(fraction))
        if rest:
            return BAD_DURATION
        total += nanoseconds
    total = -total if match[1] == "-" else total
    return Duration(total) if abs(total) <= _LONGEST else BAD_DURATION


def timestamp_of_seconds(seconds: int) -> Timestamp | Unevaluable:
    """Return the moment of Unix seconds."""
    return as_timestamp(seconds * SECOND)


def timestamp_text(time: Timestamp) -> str:
    """Return a timestamp as text: 2017-11-13T09:00:00Z."""
    seconds, fraction = divmod(int(time), SECOND)
    date_time = Timestamp(seconds * SECOND).to_datetime().replace(tzinfo=None).isoformat()
    return f"{date_time}{_fraction_text(fraction)}Z"


def duration_text(length: Duration) -> str:
    """Return a duration as text: 90.500s."""
    seconds, fraction = divmod(abs(int(length)), SECOND)
    return f"{'-' if length < 0 else ''}{seconds}{_fraction_text(fraction)}s"


def _fraction_text(nanoseconds: int) -> str:
    if not nanoseconds:
        return ""
    digits = f"{nanoseconds:09d}"
    return "." + (
        digits[:3] if digits.endswith("000000") else digits[:6] if digits.endswith("000") else digits
    )


def _clamped(length: int) -> int:
    """Return what durations count as in sums, where engines reckon with 64 bits of nanoseconds."""
    return min(max(length, MIN_INT), MAX_INT)


def _as_duration(nanoseconds: int) -> Duration | Unevaluable:
    return Duration(nanoseconds) if MIN_INT <= nanoseconds <= MAX_INT else OVERFLOW


def _sum(left: Duration, right: Duration) -> Duration | Unevaluable:
    return _as_duration(_clamped(left) + _clamped(right))


def _difference(left: Duration, right: Duration) -> Duration | Unevaluable:
    return _as_duration(_clamped(left) - _clamped(right))


def _between(later: Timestamp, earlier: Timestamp) -> Duration | Unevaluable:
    nanoseconds = later - earlier
    if -_SURE < nanoseconds < _SURE:
        return Duration(nanoseconds)
    # Engines subtract the seconds first, and these alone must fit 64 bits of nanoseconds.
    seconds = later // SECOND - earlier // SECOND
    return _as_duration(nanoseconds) if MIN_INT <= seconds * SECOND <= MAX_INT else OVERFLOW


_SURE: Final = (MAX_INT // SECOND - 1) * SECOND


def _after(time: Timestamp, length: Duration) -> Timestamp | Unevaluable:
    return as_timestamp(time + length)


def _before(time: Timestamp, length: Duration) -> Timestamp | Unevaluable:
    # Engines add the negative, and the lowest integer has none.
    return as_timestamp(time - _clamped(length)) if length > MIN_INT else OVERFLOW


OVERLOADS: Overloads = {
    ("_+_", ("duration", "duration")): Overload(DURATION, _sum),
    ("_-_", ("duration", "duration")): Overload(DURATION, _difference),
    ("_-_", ("timestamp", "timestamp")): Overload(DURATION, _between),
    ("_+_", ("timestamp", "duration")): Overload(TIMESTAMP, _after),
    ("_+_", ("duration", "timestamp")): Overload(TIMESTAMP, lambda length, time: _after(time, length)),
    ("_-_", ("timestamp", "duration")): Overload(TIMESTAMP, _before),
}
