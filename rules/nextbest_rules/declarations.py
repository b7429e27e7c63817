"""What a catalog declares about the values its conditions read, and how real values are held to it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias, TypeGuard

from nextbest_rules.dates import parse_instant

ScalarValue: TypeAlias = str | int | float | bool | datetime
FactValue: TypeAlias = ScalarValue | list[str] | list[int] | list[float]


class ValueType(StrEnum):
    """The types a declared value may have."""

    STRING = "string"
    INT = "int"
    DOUBLE = "double"
    BOOL = "bool"
    TIMESTAMP = "timestamp"
    STRINGS = "list<string>"
    INTS = "list<int>"
    DOUBLES = "list<double>"


SCALAR_TYPES = (ValueType.STRING, ValueType.INT, ValueType.DOUBLE, ValueType.BOOL)
_ELEMENTS = {
    ValueType.STRINGS: ValueType.STRING,
    ValueType.INTS: ValueType.INT,
    ValueType.DOUBLES: ValueType.DOUBLE,
}


class WrongTypeError(ValueError):
    """A value that is not of its declared type."""

    def __init__(self, value_type: ValueType) -> None:
        super().__init__(f"expected {value_type}")


def conform(value: object, value_type: ValueType) -> FactValue:
    """Return `value` as the declared type.

    Only changes of notation are made: a whole number for a double, RFC 3339 text for a timestamp.

    Raises:
        WrongTypeError: the value is of another type.
    """
    conformed = _conform_list(value, value_type) if value_type in _ELEMENTS else _CONFORM[value_type](value)
    if conformed is None:
        raise WrongTypeError(value_type)
    return conformed


def _conform_list(value: object, value_type: ValueType) -> FactValue | None:
    if not isinstance(value, list | tuple):
        return None
    conform_item = _CONFORM[_ELEMENTS[value_type]]
    items = [conform_item(item) for item in value]
    return None if None in items else items  # type: ignore[return-value]


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and _is_text(value) else None


def _int(value: object) -> int | None:
    return value if _is_int(value) and -(2**63) <= value < 2**63 else None


def _double(value: object) -> float | None:
    """Return a double. NaN is how numeric pipelines write "missing", and missing is not a value."""
    if _is_int(value):
        return float(value) if abs(value) <= _MAX_EXACT else None
    return value if isinstance(value, float) and not math.isnan(value) else None


def _bool(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _timestamp(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            return parse_instant(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) and value.tzinfo is not None else None


# Integers beyond this are not exact as doubles.
_MAX_EXACT = 2**53
_CONFORM: Mapping[ValueType, Callable[[object], ScalarValue | None]] = {
    ValueType.STRING: _string,
    ValueType.INT: _int,
    ValueType.DOUBLE: _double,
    ValueType.BOOL: _bool,
    ValueType.TIMESTAMP: _timestamp,
}


def _is_int(value: object) -> TypeGuard[int]:
    """Tell whether the value is an integer: Python counts True among them, catalogs do not."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: str) -> bool:
    """Tell whether the string can be encoded: lone surrogates crash the condition engine."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declared value. `default` None means that an absent value is unknown.

    A value older than `max_age_ms` is stale: then its default stands in, or with `fail_closed` nothing does.
    """

    name: str
    type: ValueType
    default: FactValue | None
    description: str
    unit: str = ""
    max_age_ms: int | None = None
    fail_closed: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """The declared facts of a customer, or the declared context of a request."""

    declarations: Mapping[str, Declaration]

    def conform(self, values: Mapping[str, object]) -> dict[str, FactValue]:
        """Return the values that conditions may see.

        Defaults stand in for absent values (None counts as absent). A value of a wrong type is left out and
        thus unknown, as is an undeclared one: neither is guessed at.
        """
        known: dict[str, FactValue] = {}
        for name, declared in self.declarations.items():
            value = values.get(name)
            if value is None:
                if declared.default is not None:
                    known[name] = declared.default
                continue
            try:
                known[name] = conform(value, declared.type)
            except WrongTypeError:
                continue
        return known

    def violations(self, values: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
        """Return (key, message) for each undeclared or wrongly typed value. Values are never echoed."""
        return tuple(
            (key, message) for key, value in values.items() if (message := self._violation(key, value))
        )

    def _violation(self, key: str, value: object) -> str | None:
        declared = self.declarations.get(key)
        if declared is None:
            return "not declared by the catalog"
        if value is None:
            return None
        try:
            conform(value, declared.type)
        except WrongTypeError as error:
            return str(error)
        return None
