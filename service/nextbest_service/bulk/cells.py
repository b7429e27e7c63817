"""Values of cells: text of a CSV file becomes what it stands for, typed values are checked."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from nextbest_rules.declarations import FactValue, ValueType, WrongTypeError, conform

KEY_SEPARATOR = "|"
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_FARTHEST_MS = 1e17
_UNITS = {"s": 1000.0, "ms": 1.0, "us": 1e-3}


class CellError(ValueError):
    """A cell is not what its field needs. The message says what is expected, and does not repeat the cell."""


def text_of(cell: Any) -> str:  # noqa: ANN401 - whatever a file holds
    """Return an id or another name; whole numbers count as their digits."""
    if type(cell) is str:
        if cell.isascii() or _is_text(cell):
            return cell
    elif type(cell) is int or (type(cell) is float and cell.is_integer()):
        return str(int(cell))
    raise CellError("expected text")


def _is_text(text: str) -> bool:
    """Tell whether text can be encoded: JSON may hold half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def number_of(cell: Any) -> float:  # noqa: ANN401
    """Return a finite number."""
    try:
        if type(cell) is bool:
            raise CellError("expected a number")
        number = float(cell)
    except (TypeError, ValueError, OverflowError):
        raise CellError("expected a number") from None
    if not math.isfinite(number):
        raise CellError("expected a finite number")
    return number


def flag_of(cell: Any) -> bool:  # noqa: ANN401
    """Return true or false; yes, no, 1 and 0 are fine too."""
    flag = cell if type(cell) is bool else _FLAGS.get(str(cell).strip().lower())
    if flag is None:
        raise CellError("expected true or false")
    return flag


def keys_of(cell: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Return a list of texts: a list, JSON text of one, or texts with `|` between them."""
    if type(cell) is str:
        cell = json_of(cell) if cell.startswith("[") else cell.split(KEY_SEPARATOR)
    if not isinstance(cell, Sequence):
        raise CellError("expected a list, or texts with | between them")
    return tuple(text_of(item).strip() for item in cell)


def json_of(cell: Any) -> Any:  # noqa: ANN401
    """Return a value that a text cell holds as JSON; anything else as it is."""
    if type(cell) is not str:
        return cell
    try:
        return json.loads(cell)
    except ValueError:
        raise CellError("expected JSON") from None


def time_reader(unit: str, zone: tzinfo) -> Callable[[Any], int]:
    """Return what reads times as Unix milliseconds: numbers of a unit (s, ms or us), or ISO 8601 text.

    Text without an offset is local time in the zone.
    """
    factor = _UNITS[unit]

    def read(cell: Any) -> int:  # noqa: ANN401
        if type(cell) is str:
            return _milliseconds(number_of(cell) * factor) if _is_number(cell) else _moment(_iso(cell), zone)
        if isinstance(cell, datetime):
            return _moment(cell, zone)
        if isinstance(cell, date):
            return _moment(datetime(cell.year, cell.month, cell.day, tzinfo=zone), zone)
        return _milliseconds(number_of(cell) * factor)

    return read


def typed(cell: Any, value_type: ValueType) -> FactValue:  # noqa: ANN401
    """Return a cell as a value of a declared type.

    Raises:
        CellError: it is of another type.
    """
    if type(cell) is str and value_type in _FROM_TEXT:
        cell = _FROM_TEXT[value_type](cell)
    elif isinstance(cell, Decimal):
        cell = float(cell)
    try:
        return conform(cell, value_type)
    except WrongTypeError as error:
        raise CellError(f"expected {value_type}") from error


def _moment(moment: datetime, zone: tzinfo) -> int:
    local = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    try:
        return round(local.astimezone(UTC).timestamp() * 1000)
    except (OverflowError, ValueError):
        raise CellError("expected a time") from None


def _iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise CellError("expected a time: ISO 8601, or a number") from None


def _is_number(text: str) -> bool:
    """Tell numbers from dates: ISO 8601 has a basic format that looks like one, and nobody means it."""
    return text.removeprefix("-").replace(".", "", 1).isdecimal()


def _milliseconds(number: float) -> int:
    if abs(number) > _FARTHEST_MS:
        raise CellError("expected a time")
    return round(number)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise CellError("expected a whole number") from None


_FROM_TEXT: Mapping[ValueType, Callable[[str], object]] = {
    ValueType.BOOL: flag_of,
    ValueType.INT: _whole,
    ValueType.DOUBLE: number_of,
}
