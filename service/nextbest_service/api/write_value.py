"""Writes the values that were computed for a customer in the types of the contract."""

from datetime import UTC, datetime, timedelta

from nextbest.v1 import value_pb2
from nextbest_rules import ParameterValue

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def write_value(value: ParameterValue, message: value_pb2.Value) -> None:
    """Set the one field of the message that has the value's type."""
    match value:
        case bool():  # before int: Python counts True among the integers
            message.bool_value = value
        case int():
            message.int_value = value
        case float():
            message.double_value = value
        case str():
            message.string_value = value
        case datetime():
            message.timestamp_unix_ms = (value - _EPOCH) // _MILLISECOND
        case list():
            message.string_list.values.extend(value)
