"""The names and types that conditions may use, as environments of the CEL engine."""

import difflib
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, struct_pb2, timestamp_pb2

from nextbest_rules.declarations import ValueType

ROOTS = frozenset({"facts", "features", "context", "customer", "action"})
ACTION_FIELDS = ("id", "type", "issue", "group")
_PACKAGE = "nextbest_condition"
_Field = descriptor_pb2.FieldDescriptorProto
# The engine ships no types.
Environment: TypeAlias = Any
EnvironmentConfig: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What conditions may mention: per root, the fields and their types.

    A type of None accepts every use. It stands for a declaration that is itself faulty, so that one mistake
    is reported once.
    """

    facts: Mapping[str, ValueType | None]
    features: Mapping[str, ValueType | None]
    context: Mapping[str, ValueType | None]
    attributes: Mapping[str, ValueType | None]

    def roots(self) -> dict[str, Mapping[str, ValueType | None]]:
        """Return the fields of each root."""
        return {
            "facts": self.facts,
            "features": self.features,
            "context": self.context,
            "customer": {"known": ValueType.BOOL},
            "action": {**dict.fromkeys(ACTION_FIELDS, ValueType.STRING), **self.attributes},
        }

    def reword(self, message: str) -> str:
        """Say an engine's fault in the words of the catalog."""
        if match := _UNDEFINED_FIELD.match(message):
            root, field = match["root"].lower(), match["field"]
            return f"{root}.{field} is not declared{_suggestion(field, self.roots()[root])}"
        if match := _UNDECLARED.match(message):
            return f"unknown name '{match['name']}'{_suggestion(match['name'], _NAMES)}"
        if match := _NO_OVERLOAD.match(message):
            return _reword_operands(match["function"].strip("_@"), match["types"])
        return message.partition(" expecting {")[0].replace("Syntax error", "syntax error")


_NAMES = (*sorted(ROOTS), "now", "channel")
_UNDEFINED_FIELD = re.compile(
    rf"undefined field '(?P<field>\w+)' not found in struct '{_PACKAGE}\.(?P<root>\w+)'"
)
_UNDECLARED = re.compile(r"undeclared reference to '(?P<name>[^']+)'")
_NO_OVERLOAD = re.compile(
    r"found no matching overload for '(?P<function>[^']+)' applied to '\((?P<types>.*)\)'"
)
_ARITHMETIC = frozenset("+-*/%")


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def _reword_operands(function: str, types: str) -> str:
    hint = ""
    if function in _ARITHMETIC and set(types.split(", ")) == {"int", "double"}:
        hint = "; write whole numbers as 1.0 beside a double, or convert with double(…)"
    return f"'{function}' does not take ({types.replace(_PACKAGE + '.', '')}){hint}"


_FIELD_TYPES: dict[ValueType | None, tuple[Any, str]] = {
    ValueType.STRING: (_Field.TYPE_STRING, ""),
    ValueType.INT: (_Field.TYPE_INT64, ""),
    ValueType.DOUBLE: (_Field.TYPE_DOUBLE, ""),
    ValueType.BOOL: (_Field.TYPE_BOOL, ""),
    ValueType.TIMESTAMP: (_Field.TYPE_MESSAGE, ".google.protobuf.Timestamp"),
    ValueType.STRINGS: (_Field.TYPE_STRING, "repeated"),
    ValueType.INTS: (_Field.TYPE_INT64, "repeated"),
    ValueType.DOUBLES: (_Field.TYPE_DOUBLE, "repeated"),
    None: (_Field.TYPE_MESSAGE, ".google.protobuf.Value"),
}


def typed_environment(vocabulary: Vocabulary) -> Environment:
    """Return the environment that checks: each root is a message with exactly its declared fields."""
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="condition.proto", package=_PACKAGE, syntax="proto3")
    for known in (timestamp_pb2, struct_pb2, duration_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
        file.dependency.append(known.DESCRIPTOR.name)
    for root, fields in vocabulary.roots().items():
        _add_message(file, root, fields)
    pool.AddSerializedFile(file.SerializeToString())
    variables = {root: cel.Type(f"{_PACKAGE}.{root.capitalize()}") for root in ROOTS}
    return cel.NewEnv(
        descriptor_pool=pool, config=_mixed_comparisons(), variables=variables | _PLAIN_VARIABLES
    )


def _add_message(
    file: descriptor_pb2.FileDescriptorProto, root: str, fields: Mapping[str, ValueType | None]
) -> None:
    message = file.message_type.add(name=root.capitalize())
    for number, (name, value_type) in enumerate(fields.items(), start=1):
        kind, detail = _FIELD_TYPES[value_type]
        field = message.field.add(name=name, json_name=name, number=number, type=kind)
        field.label = _Field.LABEL_REPEATED if detail == "repeated" else _Field.LABEL_OPTIONAL
        if kind == _Field.TYPE_MESSAGE:
            field.type_name = detail


@functools.cache
def untyped_environment() -> Environment:
    """Return the environment that evaluates: each root is a map, so that an absent key is an error."""
    values = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    return cel.NewEnv(config=_mixed_comparisons(), variables=dict.fromkeys(ROOTS, values) | _PLAIN_VARIABLES)


_PLAIN_VARIABLES = {"now": cel.Type.TIMESTAMP, "channel": cel.Type.STRING}
_COMPARISONS = {
    "_==_": "equals",
    "_!=_": "not_equals",
    "_<_": "less",
    "_<=_": "less_equals",
    "_>_": "greater",
    "_>=_": "greater_equals",
}
_NUMBERS = ("int", "uint", "double")
_ORDERED = ("bool", "string", "bytes", "timestamp", "duration", *_NUMBERS)


@functools.cache
def _mixed_comparisons() -> EnvironmentConfig:
    """Return the standard library, with comparisons between numbers of different types.

    CEL compares 2.5 with 1 at run time, as its specification says, yet its checker refuses to. Marketers
    write `features.trips > 1`, so the comparisons are declared anew, the mixed ones beside the standard ones.
    """
    excluded = "".join(f'  - name: "{function}"\n' for function in _COMPARISONS)
    functions = "".join(
        f'- name: "{function}"\n  overloads:\n' + "".join(_overloads(word))
        for function, word in _COMPARISONS.items()
    )
    return cel.NewEnvConfigFromYaml(f"stdlib:\n  exclude_functions:\n{excluded}functions:\n{functions}")


def _overloads(word: str) -> Iterable[str]:
    if word in ("equals", "not_equals"):
        yield _overload(word, "A", "A", parameter=True)
    else:
        for kind in _ORDERED:
            yield _overload(f"{word}_{kind}", kind, kind)
    for left in _NUMBERS:
        for right in _NUMBERS:
            if left != right:
                yield _overload(f"{word}_{left}_{right}", left, right)


def _overload(overload_id: str, left: str, right: str, *, parameter: bool = False) -> str:
    generic = "\n      is_type_param: true" if parameter else ""
    arguments = "".join(f"    - type_name: {kind}{generic}\n" for kind in (left, right))
    return f"  - id: {overload_id}\n    args:\n{arguments}    return:\n      type_name: bool\n"
