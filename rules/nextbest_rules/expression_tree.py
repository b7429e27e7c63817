"""The checked syntax tree of a CEL expression: what it reads, and its partial evaluation.

The tree arrives in the wire format of `cel.expr.CheckedExpr`. The parts that matter here are described below
(no generated classes are needed); protobuf keeps all others as they are when a tree is written back.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.any_pb2 import Any as AnyMessage

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "double": _Field.TYPE_DOUBLE,
    "string": _Field.TYPE_STRING,
}
# message -> field -> (number, type); `*` repeats, `|` is a member of the message's only oneof.
_SHAPE: dict[str, dict[str, tuple[int, str]]] = {
    "CheckedExpr": {"expr": (4, "Expr"), "source_info": (5, "SourceInfo")},
    "SourceInfo": {"line_offsets": (3, "*int32"), "positions": (4, "*Position")},
    "Position": {"id": (1, "int64"), "offset": (2, "int32")},
    "Expr": {
        "id": (2, "int64"),
        "const_expr": (3, "|Constant"),
        "ident_expr": (4, "|Ident"),
        "select_expr": (5, "|Select"),
        "call_expr": (6, "|Call"),
        "list_expr": (7, "|CreateList"),
        "struct_expr": (8, "|CreateStruct"),
        "comprehension_expr": (9, "|Comprehension"),
    },
    "Constant": {
        "bool_value": (2, "|bool"),
        "int64_value": (3, "|int64"),
        "double_value": (5, "|double"),
        "string_value": (6, "|string"),
    },
    "Ident": {"name": (1, "string")},
    "Select": {"operand": (1, "Expr"), "field": (2, "string"), "test_only": (3, "bool")},
    "Call": {"target": (1, "Expr"), "function": (2, "string"), "args": (3, "*Expr")},
    "CreateList": {"elements": (1, "*Expr")},
    "CreateStruct": {"entries": (2, "*Entry")},
    "Entry": {"map_key": (3, "Expr"), "value": (4, "Expr")},
    "Comprehension": {
        "iter_var": (1, "string"),
        "iter_var2": (8, "string"),
        "iter_range": (2, "Expr"),
        "accu_init": (4, "Expr"),
        "loop_condition": (5, "Expr"),
        "loop_step": (6, "Expr"),
        "result": (7, "Expr"),
    },
}

# Messages of classes that are built from the shape above, and so known only at run time.
Node: TypeAlias = Any
Expr: TypeAlias = Any
AttributeValue: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True, order=True)
class Mention:
    """A declared value that an expression reads: `facts.age` is ("facts", "age")."""

    root: str
    field: str

    def __str__(self) -> str:
        return f"{self.root}.{self.field}"


@dataclass(frozen=True, slots=True)
class Misuse:
    """A use of a root name other than reading one of its fields. The offset counts characters from 0."""

    offset: int
    message: str


@functools.cache
def _tree_class() -> Callable[[], Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="nextbest_expression_tree.proto", package="nextbest_cel", syntax="proto3"
    )
    for name, fields in _SHAPE.items():
        message = file.message_type.add(name=name)
        for field_name, (number, kind) in fields.items():
            _add_field(message, field_name, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("nextbest_cel.CheckedExpr"))


def _add_field(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str) -> None:
    bare = kind.lstrip("*|")
    field = message.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
    if kind.startswith("*"):
        field.label = _Field.LABEL_REPEATED
    if kind.startswith("|"):
        if not message.oneof_decl:
            message.oneof_decl.add(name="kind")
        field.oneof_index = 0
    if bare in _SCALARS:
        field.type = _SCALARS[bare]
    else:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".nextbest_cel.{bare}"


def _unpack(serialized: bytes) -> tuple[AnyMessage, Any]:
    envelope = AnyMessage.FromString(serialized)
    tree = _tree_class()()
    tree.ParseFromString(envelope.value)
    return envelope, tree


def _walk(node: Node) -> Iterator[Node]:
    """Yield the message and every message below it, parents first."""
    yield node
    for field, value in node.ListFields():
        if field.message_type is not None:
            for below in value if field.is_repeated else (value,):
                yield from _walk(below)


def _kind(node: Node) -> str | None:
    name = node.DESCRIPTOR.name
    return node.WhichOneof("kind") if name == "Expr" else None


def _field_of_root(node: Expr, roots: frozenset[str]) -> Mention | None:
    if _kind(node) != "select_expr" or _kind(node.select_expr.operand) != "ident_expr":
        return None
    root = node.select_expr.operand.ident_expr.name
    return Mention(root, node.select_expr.field) if root in roots else None


def mentions(serialized: bytes, roots: frozenset[str]) -> tuple[tuple[Mention, ...], tuple[Misuse, ...]]:
    """Return which fields of `roots` the expression reads, in order, and what it does with roots beyond that.

    An expression without misuse reads nothing of the roots but the returned fields.
    """
    _, tree = _unpack(serialized)
    offsets = {position.id: position.offset for position in tree.source_info.positions}
    found: dict[Mention, None] = {}
    misuses: list[Misuse] = []
    operands: set[int] = set()
    for node in _walk(tree.expr):
        if mention := _field_of_root(node, roots):
            found[mention] = None
            operands.add(node.select_expr.operand.id)
        elif _kind(node) == "ident_expr" and node.id not in operands:
            misuses.extend(_whole_use(node, roots, offsets))
        elif _kind(node) == "comprehension_expr":
            misuses.extend(_shadowing(node, roots, offsets))
    return tuple(found), tuple(misuses)


def _whole_use(node: Expr, roots: frozenset[str], offsets: Mapping[int, int]) -> Iterator[Misuse]:
    name = node.ident_expr.name
    if name in roots:
        yield Misuse(offsets.get(node.id, 0), f"name one of the fields of '{name}', as in {name}.…")


def _shadowing(node: Expr, roots: frozenset[str], offsets: Mapping[int, int]) -> Iterator[Misuse]:
    for name in (node.comprehension_expr.iter_var, node.comprehension_expr.iter_var2):
        if name in roots:
            yield Misuse(
                offsets.get(node.id, 0), f"'{name}' has a meaning of its own; rename the loop variable"
            )


def bind(serialized: bytes, root: str, values: Mapping[str, AttributeValue]) -> bytes:
    """Return the tree with every `root.field` and `has(root.field)` replaced by its value.

    A field without a value stays, so that reading it is an error when the tree is evaluated.
    """
    envelope, tree = _unpack(serialized)
    roots = frozenset({root})
    for node in _walk(tree.expr):
        if mention := _field_of_root(node, roots):
            _replace(node, values.get(mention.field))
    envelope.value = tree.SerializeToString()
    return envelope.SerializeToString()


def _replace(node: Expr, value: AttributeValue | None) -> None:
    if node.select_expr.test_only:
        node.const_expr.bool_value = value is not None
        return
    match value:
        case bool():
            node.const_expr.bool_value = value
        case int():
            node.const_expr.int64_value = value
        case float():
            node.const_expr.double_value = value
        case str():
            node.const_expr.string_value = value
