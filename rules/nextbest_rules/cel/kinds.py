"""Types of CEL as far as they are known before evaluation, and the kinds of result that one may ask for."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from nextbest_rules.cel.values import CelMap, Duration, Null, Timestamp, TypeValue, Uint
from nextbest_rules.declarations import ValueType
from nextbest_rules.records import Contact, Event, FieldType, Purchase, Ticket


@dataclass(frozen=True, slots=True)
class Type:
    """A type: `element` is that of a list's elements."""

    name: str
    element: "Type | None" = None


DYN: Final = Type("dyn")
NULL_TYPE: Final = Type("null_type")
BOOL: Final = Type("bool")
INT: Final = Type("int")
UINT: Final = Type("uint")
DOUBLE: Final = Type("double")
STRING: Final = Type("string")
BYTES: Final = Type("bytes")
TIMESTAMP: Final = Type("timestamp")
DURATION: Final = Type("duration")
TYPE: Final = Type("type")
MAP: Final = Type("map")


def list_of(element: Type) -> Type:
    """Return the type of a list."""
    return Type("list", element)


RECORD_TYPES: Final = {
    "ticket": Type("ticket"),
    "purchase": Type("purchase"),
    "event": Type("event"),
    "contact": Type("contact"),
}


class _ClassNames(dict[type, str]):
    """Names of types by class, where a subclass counts as the first of its bases that has a name."""

    def __missing__(self, kind: type) -> str:
        self[kind] = next((self[base] for base in kind.__mro__[1:] if base in self), "none")
        return self[kind]


CLASS_NAMES: Final = _ClassNames(
    {
        bool: "bool",
        int: "int",
        Uint: "uint",
        float: "double",
        str: "string",
        bytes: "bytes",
        Null: "null_type",
        list: "list",
        tuple: "list",
        CelMap: "map",
        Timestamp: "timestamp",
        Duration: "duration",
        TypeValue: "type",
        Ticket: "ticket",
        Purchase: "purchase",
        Event: "event",
        Contact: "contact",
    }
)
"""The type of every value by its class; "none" for what is no value."""

DECLARED_TYPES: Final[dict[ValueType | None, Type]] = {
    ValueType.STRING: STRING,
    ValueType.INT: INT,
    ValueType.DOUBLE: DOUBLE,
    ValueType.BOOL: BOOL,
    ValueType.TIMESTAMP: TIMESTAMP,
    ValueType.STRINGS: list_of(STRING),
    ValueType.INTS: list_of(INT),
    ValueType.DOUBLES: list_of(DOUBLE),
    None: DYN,
}

FIELD_TYPES: Final[dict[FieldType, Type]] = {
    FieldType.STRING: STRING,
    FieldType.BOOL: BOOL,
    FieldType.STRINGS: list_of(STRING),
    FieldType.TIMESTAMP: TIMESTAMP,
}


class Kind(StrEnum):
    """What an expression is wanted to be."""

    BOOL = "bool"
    NUMBER = "number"
    STRING = "string"
    INT = "int"
    TIMESTAMP = "timestamp"
    ANY = "any"

    @property
    def types(self) -> frozenset[Type]:
        """The types that will do."""
        return _KINDS[self]


_KINDS: dict[Kind, frozenset[Type]] = {
    Kind.BOOL: frozenset({BOOL}),
    Kind.NUMBER: frozenset({INT, DOUBLE}),
    Kind.STRING: frozenset({STRING}),
    Kind.INT: frozenset({INT}),
    Kind.TIMESTAMP: frozenset({TIMESTAMP}),
    Kind.ANY: frozenset({STRING, INT, DOUBLE, BOOL, TIMESTAMP, list_of(STRING)}),
}
