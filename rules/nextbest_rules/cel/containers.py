"""Equality and order of any two values, lists and maps."""

from collections.abc import Callable
from typing import Final

from nextbest_rules.cel.arithmetic import EQUALITIES, ORDERINGS
from nextbest_rules.cel.kinds import BOOL, CLASS_NAMES, DYN, Type
from nextbest_rules.cel.overloads import Overload, Overloads
from nextbest_rules.cel.texts import MAX_LENGTH, TOO_LONG
from nextbest_rules.cel.times import timestamp_of_ms
from nextbest_rules.cel.values import CelMap, TypeValue, Unevaluable, key_of
from nextbest_rules.records import RECORDS, FieldType, RecordField

_BAD_INDEX: Final = Unevaluable("the index is not in the list")
_BAD_KEY: Final = Unevaluable("a value of this type is no key of a map")
_NO_KEY: Final = Unevaluable("the map has no such key")
_NO_FIELDS: Final = Unevaluable("there is no such field")
_NUMBERS: Final = frozenset({"int", "uint", "double"})
_TYPE_NAMES: Final = {"timestamp": "google.protobuf.Timestamp", "duration": "google.protobuf.Duration"}


def equal(left: object, right: object) -> bool:
    """Tell whether two values are equal: numbers of any type by value, and nothing else across types."""
    kind, other = CLASS_NAMES[left.__class__], CLASS_NAMES[right.__class__]
    if kind in _NUMBERS and other in _NUMBERS:
        return _equal_numbers(left, right)
    if kind != other:
        return False
    if kind == "list":
        return len(left) == len(right) and all(map(equal, left, right))  # type: ignore[arg-type, call-overload]
    if kind == "map":
        return _equal_maps(left, right)  # type: ignore[arg-type]
    return left == right


def _equal_numbers(left: object, right: object) -> bool:
    if isinstance(left, float) or isinstance(right, float):
        return float(left) == float(right)  # type: ignore[arg-type]
    return left == right


def _equal_maps(left: CelMap, right: CelMap) -> bool:
    if len(left) != len(right):
        return False
    return all(
        (entry := right.find(key)) is not None and equal(value, entry[1]) for key, value in left.items()
    )


def _contains(value: object, values: list[object] | tuple[object, ...]) -> bool:
    return any(equal(value, item) for item in values)


def _has_key(key: object, entries: CelMap) -> bool | Unevaluable:
    if key_of(key) is None and not isinstance(key, float):
        return _BAD_KEY
    return entries.find(key) is not None


def _at(values: list[object], index: float) -> object:
    if isinstance(index, float) and not index.is_integer():
        return _BAD_INDEX
    return values[int(index)] if 0 <= index < len(values) else _BAD_INDEX


def _value_of(entries: CelMap, key: object) -> object:
    entry = entries.find(key)
    return _NO_KEY if entry is None else entry[1]


def _concatenate(left: list[object], right: list[object]) -> list[object] | Unevaluable:
    return TOO_LONG if len(left) + len(right) > MAX_LENGTH else [*left, *right]


def type_of(value: object) -> TypeValue:
    """Return the type of a value, as a value."""
    name = CLASS_NAMES[value.__class__]
    return TypeValue(_TYPE_NAMES.get(name, name))


def make_list(*elements: object) -> list[object] | Unevaluable:
    """Return the list, unless an element has no value."""
    for element in elements:
        if element.__class__ is Unevaluable:
            return element
    return list(elements)


def make_map(*keys_and_values: object) -> CelMap | Unevaluable:
    """Return the map of keys and values that come in turn, unless a value is missing. No key comes twice."""
    made = make_list(*keys_and_values)
    if isinstance(made, Unevaluable):
        return made
    return CelMap(zip(made[::2], made[1::2], strict=True))  # type: ignore[arg-type]


def select(value: object, field: str) -> object:
    """Return the value of a field of a record, or what a map has under a text."""
    if value.__class__ is CelMap:
        entry = value.get_text(field)
        return _NO_KEY if entry is None else entry[1]
    declared = _declared(value, field)
    if isinstance(declared, Unevaluable):
        return declared
    held = getattr(value, declared.attribute)
    return timestamp_of_ms(held) if declared.type is FieldType.TIMESTAMP else held


def has_field(value: object, field: str) -> bool | Unevaluable:
    """Tell whether a record has a value in a field, or a map a text among its keys."""
    if value.__class__ is CelMap:
        return value.get_text(field) is not None
    declared = _declared(value, field)
    return declared if isinstance(declared, Unevaluable) else getattr(value, declared.attribute) is not None


def _declared(value: object, field: str) -> RecordField | Unevaluable:
    if isinstance(value, Unevaluable):
        return value
    return RECORDS.get(CLASS_NAMES[value.__class__], {}).get(field, _NO_FIELDS)


def _not_equal(left: object, right: object) -> bool:
    return not equal(left, right)


# Values of one of these types compare with each other as Python compares them.
_ORDERED: Final = ("bool", "string", "bytes", "timestamp", "duration")
# So do these, and any others but numbers, as far as equality goes.
_PLAIN: Final = (*_ORDERED, "type", "null_type")
_KEYS: Final = ("bool", "int", "uint", "double", "string")


def _comparisons() -> dict[tuple[str, tuple[str, ...]], Overload]:
    found: dict[tuple[str, tuple[str, ...]], Overload] = {
        (function, (kind, kind)): Overload(BOOL, compare, f"({{0}} {symbol} {{1}})")
        for function, (symbol, compare) in ORDERINGS.items()
        for kind in _ORDERED
    }
    for function, (symbol, compare) in EQUALITIES.items():
        for kind in _PLAIN:
            found[function, (kind, kind)] = Overload(BOOL, compare, f"({{0}} {symbol} {{1}})")
    return found


OVERLOADS: Overloads = {
    **_comparisons(),
    **{("@in", (kind, "list")): Overload(BOOL, _contains) for kind in sorted(set(CLASS_NAMES.values()))},
    **{("@in", (kind, "map")): Overload(BOOL, _has_key) for kind in sorted(set(CLASS_NAMES.values()))},
    **{("_[_]", ("list", kind)): Overload(DYN, _at) for kind in ("int", "uint", "double")},
    **{("_[_]", ("map", kind)): Overload(DYN, _value_of) for kind in _KEYS},
    ("_+_", ("list", "list")): Overload(Type("list"), _concatenate),
}

ANY_TYPES: Final[dict[str, tuple[Type, Callable[..., object]]]] = {
    "_==_": (BOOL, equal),
    "_!=_": (BOOL, _not_equal),
    "type": (Type("type"), type_of),
    "dyn": (DYN, lambda value: value),
}
"""Functions that take values of any types."""
