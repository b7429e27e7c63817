"""The environments in which the reference engine parses and checks expressions."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, struct_pb2, timestamp_pb2

from nextbest_rules.cel.kinds import FIELD_TYPES, Type
from nextbest_rules.cel.vocabulary import Names, Vocabulary
from nextbest_rules.records import RECORDS

PACKAGE: Final = "nextbest_condition"
_Field = descriptor_pb2.FieldDescriptorProto
# The engine ships no types.
Environment: TypeAlias = Any
EngineType: TypeAlias = Any
Configuration: TypeAlias = Any

_FIELD_TYPES: Final[dict[str, tuple[Any, str]]] = {
    "string": (_Field.TYPE_STRING, ""),
    "int": (_Field.TYPE_INT64, ""),
    "double": (_Field.TYPE_DOUBLE, ""),
    "bool": (_Field.TYPE_BOOL, ""),
    "timestamp": (_Field.TYPE_MESSAGE, ".google.protobuf.Timestamp"),
    "dyn": (_Field.TYPE_MESSAGE, ".google.protobuf.Value"),
}


def typed_environment(vocabulary: Vocabulary, element: str | None) -> Environment:
    """Return the environment that checks: roots and records are messages of exactly their fields."""
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="condition.proto", package=PACKAGE, syntax="proto3")
    for known in (timestamp_pb2, struct_pb2, duration_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
        file.dependency.append(known.DESCRIPTOR.name)
    names = Names.of(vocabulary, element)
    for message, fields in {**names.roots, **record_fields()}.items():
        _add_message(file, message, fields)
    pool.AddSerializedFile(file.SerializeToString())
    variables = {root: _message_type(root) for root in names.roots}
    variables |= {name: _engine_type(kind) for name, kind in names.variables.items()}
    return cel.NewEnv(descriptor_pool=pool, config=_configuration(history=True), variables=variables)


@functools.lru_cache(maxsize=64)
def untyped_environment(names: tuple[str, ...]) -> Environment:
    """Return the environment for expressions about values of any type."""
    return cel.NewEnv(config=_configuration(history=False), variables=dict.fromkeys(names, cel.Type.DYN))


@functools.cache
def record_fields() -> Mapping[str, Mapping[str, Type]]:
    """Return the fields of each record with their types."""
    return {
        record: {name: FIELD_TYPES[field.type] for name, field in fields.items()}
        for record, fields in RECORDS.items()
    }


def _message_type(name: str) -> EngineType:
    return cel.Type(f"{PACKAGE}.{name.capitalize()}")


def _engine_type(kind: Type) -> EngineType:
    if kind.element is not None:
        return cel.Type.List(_engine_type(kind.element))
    return _message_type(kind.name) if kind.name in RECORDS else getattr(cel.Type, kind.name.upper())


def _add_message(file: descriptor_pb2.FileDescriptorProto, name: str, fields: Mapping[str, Type]) -> None:
    message = file.message_type.add(name=name.capitalize())
    for number, (field_name, field_type) in enumerate(fields.items(), start=1):
        kind, type_name = _FIELD_TYPES[(field_type.element or field_type).name]
        field = message.field.add(name=field_name, json_name=field_name, number=number, type=kind)
        field.label = _Field.LABEL_REPEATED if field_type.element else _Field.LABEL_OPTIONAL
        if type_name:
            field.type_name = type_name


_COMPARISONS: Final = {
    "_==_": "equals",
    "_!=_": "not_equals",
    "_<_": "less",
    "_<=_": "less_equals",
    "_>_": "greater",
    "_>=_": "greater_equals",
}
_NUMBERS: Final = ("int", "uint", "double")
_ORDERED: Final = ("bool", "string", "bytes", "timestamp", "duration", *_NUMBERS)
_TEXTS: Final = ("string", "string", "string")


@functools.cache
def _configuration(*, history: bool) -> Configuration:
    """Return the standard library, with comparisons between numbers of different types.

    CEL compares 2.5 with 1 at run time, as its specification says, yet its checker refuses to. Marketers
    write `features.trips > 1`, so the comparisons are declared anew, the mixed ones beside the standard ones.
    """
    excluded = "".join(f'  - name: "{function}"\n' for function in _COMPARISONS)
    functions = "".join(
        _function(function, _comparison_overloads(word)) for function, word in _COMPARISONS.items()
    )
    if history:
        functions += _function("count", _count_overloads())
        functions += _function("last", (_overload("last", _TEXTS, "timestamp"),))
    return cel.NewEnvConfigFromYaml(f"stdlib:\n  exclude_functions:\n{excluded}functions:\n{functions}")


def _function(name: str, overloads: Iterable[str]) -> str:
    return f'- name: "{name}"\n  overloads:\n' + "".join(overloads)


def _count_overloads() -> Iterable[str]:
    yield _overload("count", _TEXTS, "int")
    yield _overload("count_within", (*_TEXTS, "duration"), "int")


def _comparison_overloads(word: str) -> Iterable[str]:
    if word in ("equals", "not_equals"):
        yield _overload(word, ("A", "A"), "bool", parameter=True)
    else:
        for kind in _ORDERED:
            yield _overload(f"{word}_{kind}", (kind, kind), "bool")
    for left in _NUMBERS:
        for right in _NUMBERS:
            if left != right:
                yield _overload(f"{word}_{left}_{right}", (left, right), "bool")


def _overload(overload_id: str, types: Iterable[str], result: str, *, parameter: bool = False) -> str:
    generic = "\n      is_type_param: true" if parameter else ""
    arguments = "".join(f"    - type_name: {kind}{generic}\n" for kind in types)
    return f"  - id: {overload_id}\n    args:\n{arguments}    return:\n      type_name: {result}\n"
