"""The reference engine as the measure of values, types and errors."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf import duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2

from nextbest_rules.cel import Duration, Timestamp, Uint, Unevaluable
from nextbest_rules.cel.values import CelMap, Null, TypeValue

FAILED = ("error", None)
"""What an expression without a value is described as. All others are their type and value."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 10**9


def bound(value: object) -> object:
    """Return a value as the reference engine takes it: unsigned integers, times and null as messages.

    Its Python binding cuts texts at a NUL character and loses count of its references to None.
    """
    bind = BINDINGS.get(type(value))
    return value if bind is None else bind(value)


def _bound_map(entries: Mapping[Any, object]) -> dict[object, object]:
    return {key: bound(item) for key, item in entries.items()}


def _bound_null(_: object) -> struct_pb2.Value:
    return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)


def _bound_duration(length: Duration) -> duration_pb2.Duration:
    seconds, nanos = divmod(abs(length), SECOND)
    sign = -1 if length < 0 else 1
    return duration_pb2.Duration(seconds=sign * seconds, nanos=sign * nanos)


BINDINGS: dict[type, Callable[[Any], object]] = {
    type(None): _bound_null,
    Null: _bound_null,
    Uint: lambda value: wrappers_pb2.UInt64Value(value=value),
    Timestamp: lambda time: timestamp_pb2.Timestamp(seconds=time // SECOND, nanos=time % SECOND),
    Duration: _bound_duration,
    list: lambda items: [bound(item) for item in items],
    dict: _bound_map,
    CelMap: _bound_map,
}


def reference_answer(expression: Any, data: Mapping[str, object]) -> tuple[str, object]:
    """Return what the reference engine makes of an expression."""
    return _described(expression.eval(data=dict(data)))


def _described(value: Any) -> tuple[str, object]:
    kind = value.type().name().partition("<")[0]
    if kind == "ERROR":
        return FAILED
    plain = None if kind == "NULL" else value.value()
    return kind, DESCRIPTIONS[kind](plain) if kind in DESCRIPTIONS else plain


def _number(value: float) -> str:
    return "nan" if math.isnan(value) else value.hex()


def _text(value: str) -> str:
    """Return a text without the sign of NaN, which is up to the machine."""
    return value.replace("-nan", "nan")


DESCRIPTIONS: dict[str, Callable[[Any], object]] = {
    "LIST": lambda items: tuple(map(_described, items)),
    "MAP": lambda entries: frozenset((_key(key), _described(item)) for key, item in entries.items()),
    "TYPE": lambda kind: kind.name().partition("<")[0],
    "DOUBLE": _number,
    "STRING": _text,
    "BYTES": bytes,
    "TIMESTAMP": lambda time: (time - EPOCH) // MICROSECOND,
    "DURATION": lambda length: length // MICROSECOND,
}


def our_answer(value: object) -> tuple[str, object]:
    """Return a value of ours described in the same way."""
    describe = OUR_DESCRIPTIONS.get(type(value))
    return (type(value).__name__.upper(), value) if describe is None else describe(value)


TYPE_NAMES = {
    "google.protobuf.Timestamp": "TIMESTAMP",
    "google.protobuf.Duration": "DURATION",
    "null_type": "NULL",
}
OUR_DESCRIPTIONS: dict[type, Callable[[Any], tuple[str, object]]] = {
    Unevaluable: lambda _: FAILED,
    Null: lambda _: ("NULL", None),
    list: lambda items: ("LIST", tuple(map(our_answer, items))),
    tuple: lambda items: ("LIST", tuple(map(our_answer, items))),
    CelMap: lambda entries: (
        "MAP",
        frozenset((_key(key), our_answer(item)) for key, item in entries.items()),
    ),
    TypeValue: lambda kind: ("TYPE", TYPE_NAMES.get(kind.name, kind.name.upper())),
    float: lambda number: ("DOUBLE", _number(number)),
    str: lambda text: ("STRING", _text(text)),
    Uint: lambda number: ("UINT", int(number)),
    Timestamp: lambda time: ("TIMESTAMP", time // 1_000),
    # The binding cuts towards zero what it hands out as a timedelta.
    Duration: lambda length: ("DURATION", length // 1_000 if length >= 0 else -(-length // 1_000)),
}


def _key(key: object) -> object:
    """Return a key by type and value; the binding hands out all integers as int."""
    return isinstance(key, bool), int(key) if isinstance(key, int) else key
