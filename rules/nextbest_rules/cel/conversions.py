"""Conversions between types: int(…), string(…), timestamp(…) and their like."""

import math
import re
from collections.abc import Callable
from typing import Final, TypeVar

from nextbest_rules.cel.arithmetic import LONGEST_NUMBER, OVERFLOW, as_int, as_uint
from nextbest_rules.cel.kinds import BOOL, BYTES, DOUBLE, DURATION, INT, STRING, TIMESTAMP, UINT
from nextbest_rules.cel.overloads import Overload, Overloads
from nextbest_rules.cel.times import (
    SECOND,
    duration_text,
    parse_duration,
    parse_timestamp,
    timestamp_of_seconds,
    timestamp_text,
)
from nextbest_rules.cel.values import Timestamp, Uint, Unevaluable

T = TypeVar("T")
_BLANK: Final = " \t\n\v\f\r"
_NOT_A_NUMBER: Final = Unevaluable("the text is no number")
_NOT_A_BOOL: Final = Unevaluable("the text is neither true nor false")
_NOT_UTF8: Final = Unevaluable("the bytes are not UTF-8")
_TRUE: Final = frozenset({"true", "True", "TRUE", "t", "1"})
_FALSE: Final = frozenset({"false", "False", "FALSE", "f", "0"})
_INT: Final = re.compile(rf"[+-]?[0-9]{{1,{LONGEST_NUMBER}}}")
_UINT: Final = re.compile(rf"\+?[0-9]{{1,{LONGEST_NUMBER}}}")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEXADECIMAL: Final = re.compile(
    r"[+-]?0[xX](?:[0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?"
)
_SPECIAL: Final = re.compile(r"([+-]?)(inf(?:inity)?|nan(?:\([0-9a-zA-Z_]*\))?)", re.IGNORECASE | re.ASCII)


def _same(value: T) -> T:
    return value


def _int_of_double(value: float) -> int | Unevaluable:
    return int(value) if abs(value) < 2.0**63 else OVERFLOW


def _uint_of_double(value: float) -> Uint | Unevaluable:
    return Uint(value) if 0.0 <= value < 2.0**64 else OVERFLOW


def _int_of_text(text: str) -> int | Unevaluable:
    digits = text.strip(_BLANK)
    return as_int(int(digits)) if _INT.fullmatch(digits) else _NOT_A_NUMBER


def _uint_of_text(text: str) -> Uint | Unevaluable:
    digits = text.strip(_BLANK)
    return as_uint(int(digits)) if _UINT.fullmatch(digits) else _NOT_A_NUMBER


def _double_of_text(text: str) -> float | Unevaluable:
    digits = text.strip(_BLANK)
    if _DECIMAL.fullmatch(digits):
        return float(digits)
    if _HEXADECIMAL.fullmatch(digits):
        return _double_of_hexadecimal(digits)
    if match := _SPECIAL.fullmatch(digits):
        return float(match[1] + match[2][:3])
    return _NOT_A_NUMBER


def _double_of_hexadecimal(digits: str) -> float:
    try:
        return float.fromhex(digits)
    except OverflowError:
        return -math.inf if digits.startswith("-") else math.inf


def _bool_of_text(text: str) -> bool | Unevaluable:
    return True if text in _TRUE else False if text in _FALSE else _NOT_A_BOOL


def _text_of_bytes(value: bytes) -> str | Unevaluable:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return _NOT_UTF8


_LEAST_PLAIN: Final = -4
_LEAST_SCIENTIFIC: Final = 6
"""Exponents from which on a double is written as 1e+06."""


def _text_of_double(value: float) -> str:
    """Return the shortest digits that give the number back, in the notation of the reference engine."""
    if not math.isfinite(value):
        return f"{'-' if math.copysign(1.0, value) < 0 else ''}{'nan' if math.isnan(value) else 'inf'}"
    precision = next(digits for digits in range(17) if float(f"{value:.{digits}e}") == value)
    significand, exponent = f"{value:.{precision}e}".split("e")
    if not _LEAST_PLAIN <= int(exponent) < _LEAST_SCIENTIFIC:
        return f"{significand}e{exponent}"
    return f"{value:.{max(precision - int(exponent), 0)}f}"


def _seconds(time: Timestamp) -> int:
    return int(time) // SECOND


_CONVERSIONS: Final[tuple[tuple[str, str, Callable[..., object]], ...]] = (
    ("int", "int", _same),
    ("int", "uint", lambda value: as_int(int(value))),
    ("int", "double", _int_of_double),
    ("int", "string", _int_of_text),
    ("int", "timestamp", _seconds),
    ("int", "bool", int),
    ("uint", "uint", _same),
    ("uint", "int", as_uint),
    ("uint", "double", _uint_of_double),
    ("uint", "string", _uint_of_text),
    ("double", "double", _same),
    ("double", "int", float),
    ("double", "uint", float),
    ("double", "string", _double_of_text),
    ("string", "string", _same),
    ("string", "bool", lambda value: "true" if value else "false"),
    ("string", "int", str),
    ("string", "uint", lambda value: str(int(value))),
    ("string", "double", _text_of_double),
    ("string", "bytes", _text_of_bytes),
    ("string", "timestamp", timestamp_text),
    ("string", "duration", duration_text),
    ("bytes", "bytes", _same),
    ("bytes", "string", str.encode),
    ("bool", "bool", _same),
    ("bool", "string", _bool_of_text),
    ("timestamp", "timestamp", _same),
    ("timestamp", "string", parse_timestamp),
    ("timestamp", "int", timestamp_of_seconds),
    ("duration", "duration", _same),
    ("duration", "string", parse_duration),
)
_TARGETS: Final = {kind.name: kind for kind in (BOOL, INT, UINT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION)}

OVERLOADS: Overloads = {
    (target, (source,)): Overload(_TARGETS[target], run) for target, source, run in _CONVERSIONS
}
