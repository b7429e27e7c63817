"""As much of protobuf's wire format as it takes to put serialised messages into others."""

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_FEW = 4096
"""Lengths, and microseconds mostly, are below: they are looked up."""
_VARINT, _FIXED64, _LENGTH_DELIMITED = 0, 1, 2
_WIRE_TYPES = {
    FieldDescriptor.TYPE_INT32: _VARINT,
    FieldDescriptor.TYPE_INT64: _VARINT,
    FieldDescriptor.TYPE_DOUBLE: _FIXED64,
    FieldDescriptor.TYPE_STRING: _LENGTH_DELIMITED,
    FieldDescriptor.TYPE_MESSAGE: _LENGTH_DELIMITED,
}


def tag(message: type[Message], field: str) -> bytes:
    """Return what stands before each value of a field."""
    found = message.DESCRIPTOR.fields_by_name[field]
    return varint(found.number << 3 | _WIRE_TYPES[found.type])


def with_length(content: bytes) -> bytes:
    """Return a serialised message with its length ahead."""
    return varint(len(content)) + content


def varint(number: int) -> bytes:
    """Return a number from 0 on in as many bytes as it needs, seven bits in each."""
    return _AT_HAND[number] if number < _FEW else _varint(number)


def _varint(number: int) -> bytes:
    found = bytearray()
    while number >= 1 << 7:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


_AT_HAND = [_varint(number) for number in range(_FEW)]
