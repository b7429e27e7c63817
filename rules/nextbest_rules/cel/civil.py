"""Calendar arithmetic for any year, and the parts of a moment in a time zone."""

import functools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nextbest_rules.cel.kinds import INT
from nextbest_rules.cel.overloads import Overload, Overloads
from nextbest_rules.cel.values import Duration, Timestamp, Unevaluable

_DAY: Final = 86_400
_CYCLE_DAYS: Final = 146_097
"""The days of 400 years, after which the calendar repeats itself."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
_FIXED_OFFSET: Final = re.compile(r"([+-]?)(\d{1,9}):(\d{1,9})(?::.*)?", re.ASCII | re.DOTALL)
_NANOSECONDS: Final = 1_000_000_000
BAD_ZONE: Final = Unevaluable("unknown time zone")


def is_date(year: int, month: int, day: int) -> bool:
    """Tell whether the calendar has the date."""
    try:
        datetime(2000 + year % 400, month, day, tzinfo=UTC)
    except ValueError:
        return False
    return True


def days_of(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a date."""
    cycles, year_of_cycle = divmod(year - 2000, 400)
    ordinal = datetime(2000 + year_of_cycle, month, day, tzinfo=UTC).toordinal()
    return ordinal - _FIRST_DAY + cycles * _CYCLE_DAYS


# All rules of a decision look at the same moment.
@functools.lru_cache(maxsize=256)
def _local(time: int, zone: str) -> tuple[int, datetime] | Unevaluable:
    """Return the local date and time: datetime, whose years are 400 × the number too late or early."""
    seconds = time // _NANOSECONDS
    offset = _offset_of(zone, seconds)
    if isinstance(offset, Unevaluable):
        return offset
    days, second_of_day = divmod(seconds + offset, _DAY)
    cycles, day_of_cycle = divmod(days, _CYCLE_DAYS)
    return cycles, _EPOCH + timedelta(days=day_of_cycle, seconds=second_of_day)


def _offset_of(zone: str, seconds: int) -> int | Unevaluable:
    if zone in ("", "UTC"):
        return 0
    known = find_zone(zone)
    if isinstance(known, ZoneInfo):
        # Zones keep their offset through the first and last days that a datetime can hold.
        within = min(max(seconds, _LOWEST), _HIGHEST)
        return int((_EPOCH + timedelta(seconds=within)).astimezone(known).utcoffset().total_seconds())  # type: ignore[union-attr]
    return known


_LOWEST: Final = -62_135_596_800 + 2 * _DAY
_HIGHEST: Final = 253_402_300_799 - 2 * _DAY


@functools.lru_cache(maxsize=1_024)
def find_zone(name: str) -> ZoneInfo | int | Unevaluable:
    """Return the zone of a name such as Asia/Tokyo, or the seconds of an offset such as -05:30."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        match = _FIXED_OFFSET.fullmatch(name)
    if match is None:
        return BAD_ZONE
    seconds = int(match[2]) * 3_600 + int(match[3]) * 60
    return -seconds if match[1] == "-" else seconds


def _part(compute: Callable[[datetime], int]) -> Callable[..., int | Unevaluable]:
    def part(time: Timestamp, zone: str = "") -> int | Unevaluable:
        local = _local(time, zone)
        return local if isinstance(local, Unevaluable) else compute(local[1])

    return part


def _year(time: Timestamp, zone: str = "") -> int | Unevaluable:
    local = _local(time, zone)
    return local if isinstance(local, Unevaluable) else local[0] * 400 + local[1].year


def _milliseconds(time: Timestamp, zone: str = "") -> int | Unevaluable:
    local = _local(time, zone)
    return local if isinstance(local, Unevaluable) else time % _NANOSECONDS // 1_000_000


_PARTS: Final[dict[str, Callable[..., int | Unevaluable]]] = {
    "getFullYear": _year,
    "getMonth": _part(lambda local: local.month - 1),
    "getDate": _part(lambda local: local.day),
    "getDayOfMonth": _part(lambda local: local.day - 1),
    "getDayOfWeek": _part(lambda local: local.isoweekday() % 7),
    "getDayOfYear": _part(lambda local: local.timetuple().tm_yday - 1),
    "getHours": _part(lambda local: local.hour),
    "getMinutes": _part(lambda local: local.minute),
    "getSeconds": _part(lambda local: local.second),
    "getMilliseconds": _milliseconds,
}
ZONED: Final = frozenset(_PARTS)
"""The functions whose second argument is a time zone."""


def _units(unit: int) -> Callable[[Duration], int]:
    """Return the whole units of a duration, cut towards zero."""
    return lambda length: int(length) // unit if length >= 0 else -(-int(length) // unit)


def _duration_milliseconds(length: Duration) -> int:
    thousandths = abs(int(length)) % _NANOSECONDS // 1_000_000
    return thousandths if length >= 0 else -thousandths


OVERLOADS: Overloads = {
    **{(name, ("timestamp",)): Overload(INT, run) for name, run in _PARTS.items()},
    **{(name, ("timestamp", "string")): Overload(INT, run) for name, run in _PARTS.items()},
    ("getHours", ("duration",)): Overload(INT, _units(3_600 * _NANOSECONDS)),
    ("getMinutes", ("duration",)): Overload(INT, _units(60 * _NANOSECONDS)),
    ("getSeconds", ("duration",)): Overload(INT, _units(_NANOSECONDS)),
    ("getMilliseconds", ("duration",)): Overload(INT, _duration_milliseconds),
}
