"""Reads typed values: attributes of profiles, properties of events."""

import math
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from nextbest.v1 import value_pb2
from nextbest_rules import ValueType
from nextbest_rules.declarations import FactValue
from nextbest_service.api.findings import Findings

MAX_TEXT_BYTES = 1024
MAX_LIST_ITEMS = 256
MOST = 1e15
"""Larger amounts and numbers of a feature are somebody's mistake, and may be infinite as float32."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_EARLIEST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_FITS = {
    "string_value": frozenset({ValueType.STRING}),
    "int_value": frozenset({ValueType.INT, ValueType.DOUBLE}),
    "double_value": frozenset({ValueType.DOUBLE}),
    "bool_value": frozenset({ValueType.BOOL}),
    "timestamp_unix_ms": frozenset({ValueType.TIMESTAMP}),
    "string_list": frozenset({ValueType.STRINGS}),
}


def read_value(
    message: value_pb2.Value, types: Collection[ValueType], path: str, findings: Findings
) -> FactValue | None:
    """Return a value of one of the declared types; None, and a finding, where it is something else."""
    kind = message.WhichOneof("kind")
    if kind is None:
        findings.reject(path, "a value must have a kind")
        return None
    fitting = _FITS[kind].intersection(types)
    if not fitting:
        findings.reject(path, f"declared as {' or '.join(sorted(types))}")
        return None
    value = getattr(message, kind)
    problem = _problem(kind, value)
    if problem:
        findings.reject(path, problem)
        return None
    return _converted(kind, value, ValueType.INT in fitting)


def _problem(kind: str, value: object) -> str:
    match kind, value:
        case "string_value", str():
            return "" if len(value.encode()) <= MAX_TEXT_BYTES else f"at most {MAX_TEXT_BYTES:,} bytes"
        case "double_value", float():
            return "" if math.isfinite(value) else "must be a finite number"
        case "timestamp_unix_ms", int():
            return "" if _EARLIEST_MS <= value <= _LATEST_MS else "not a time between the years 1 and 9999"
        case "string_list", value_pb2.StringList():
            return _list_problem(value)
        case _:
            return ""


def _list_problem(texts: value_pb2.StringList) -> str:
    if len(texts.values) > MAX_LIST_ITEMS:
        return f"at most {MAX_LIST_ITEMS} items"
    if any(len(text.encode()) > MAX_TEXT_BYTES for text in texts.values):
        return f"each item at most {MAX_TEXT_BYTES:,} bytes"
    return ""


def _converted(kind: str, value: object, is_int: bool) -> FactValue:
    match kind, value:
        case "int_value", int():
            return value if is_int else float(value)
        case "timestamp_unix_ms", int():
            return _EPOCH + timedelta(milliseconds=value)
        case "string_list", value_pb2.StringList():
            return [*value.values]
        case _:
            assert isinstance(value, str | int | float | bool)
            return value
