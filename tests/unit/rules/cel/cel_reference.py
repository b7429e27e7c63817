"""The reference engine as the measure of values, types and errors."""

import math
from datetime import UTC, datetime
from typing import Any

from cel_expr_python import cel
from google.protobuf import duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2

from nextbest_rules.cel import Duration, Timestamp, Uint, Unevaluable
from nextbest_rules.cel.values import NULL, CelMap, Null, TypeValue

FAILED = ("error",)


def bound(value: object) -> object:
    """Return a value as the reference engine takes it: unsigned integers, times and null as messages.

    Its Python binding cuts texts at a NUL character and loses count of its references to None.
    """
    match value:
        case None | Null():
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case Uint():
            return wrappers_pb2.UInt64Value(value=value)
        case Timestamp():
            return timestamp_pb2.Timestamp(seconds=value // 10**9, nanos=value % 10**9)
        case Duration():
            seconds, nanos = divmod(abs(value), 10**9)
            sign = -1 if value < 0 else 1
            return duration_pb2.Duration(seconds=sign * seconds, nanos=sign * nanos)
        case CelMap():
            return {key: bound(item) for key, item in value.items()}
        case list():
            return [bound(item) for item in value]
        case dict():
            return {key: bound(item) for key, item in value.items()}
    return value


def reference_answer(expression: Any, data: dict[str, object]) -> object:
    """Return what the reference engine makes of an expression: its type and value, or FAILED."""
    try:
        return _described(expression.eval(data=data))
    except RuntimeError as error:
        # The one failure that it raises: all others are values.
        assert "duplicate key in map" in str(error), error
        return FAILED


def _described(value: Any) -> object:
    kind = value.type().name().partition("<")[0]
    plain = None if kind == "NULL" else value.value()
    match kind:
        case "ERROR":
            return FAILED
        case "LIST":
            return "LIST", tuple(_described(item) for item in plain)
        case "MAP":
            return "MAP", frozenset((_key(key), _described(item)) for key, item in plain.items())
        case "TYPE":
            return "TYPE", plain.name().partition("<")[0]
        case "DOUBLE":
            return "DOUBLE", _double(plain)
        case "TIMESTAMP":
            return "TIMESTAMP", (plain - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND
        case "DURATION":
            return "DURATION", plain // _MICROSECOND
        case "BYTES":
            return "BYTES", bytes(plain)
    return kind, plain


_MICROSECOND = datetime(1, 1, 1, 0, 0, 0, 1) - datetime(1, 1, 1)  # noqa: DTZ001
_NAMES = {
    "google.protobuf.Timestamp": "TIMESTAMP",
    "google.protobuf.Duration": "DURATION",
    "null_type": "NULL",
}


def our_answer(value: object) -> object:
    """Return a value of ours described in the same way."""
    match value:
        case Unevaluable():
            return FAILED
        case list() | tuple():
            return "LIST", tuple(our_answer(item) for item in value)
        case CelMap():
            return "MAP", frozenset((_key(key), our_answer(item)) for key, item in value.items())
        case TypeValue(name):
            return "TYPE", _NAMES.get(name, name.upper())
        case float():
            return "DOUBLE", _double(value)
        case Timestamp():
            return "TIMESTAMP", value // 1_000
        case Duration():
            # Python's datetime conversions cut towards the past, those of the engine towards zero.
            return "DURATION", value // 1_000 if value >= 0 else -(-value // 1_000)
        case Uint():
            return "UINT", int(value)
        case _ if value is NULL:
            return "NULL", None
    return value.__class__.__name__.upper().replace("STR", "STRING"), value


def _double(value: float) -> str:
    return "nan" if math.isnan(value) else value.hex()


def _key(key: object) -> object:
    return type(key) is bool, int(key) if isinstance(key, int) else key
