"""The syntax tree that the reference engine hands out, in the wire format of `cel.expr.CheckedExpr`.

The parts that matter here are described below, so that no generated classes are needed.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.any_pb2 import Any as AnyMessage

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "uint64": _Field.TYPE_UINT64,
    "double": _Field.TYPE_DOUBLE,
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
}
# message -> field -> (number, type); `*` repeats, `|` is a member of the message's only oneof.
_SHAPE: dict[str, dict[str, tuple[int, str]]] = {
    "CheckedExpr": {"expr": (4, "Expr"), "source_info": (5, "SourceInfo")},
    "SourceInfo": {"positions": (4, "*Position")},
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
        "null_value": (1, "|int32"),
        "bool_value": (2, "|bool"),
        "int64_value": (3, "|int64"),
        "uint64_value": (4, "|uint64"),
        "double_value": (5, "|double"),
        "string_value": (6, "|string"),
        "bytes_value": (7, "|bytes"),
    },
    "Ident": {"name": (1, "string")},
    "Select": {"operand": (1, "Expr"), "field": (2, "string"), "test_only": (3, "bool")},
    "Call": {"target": (1, "Expr"), "function": (2, "string"), "args": (3, "*Expr")},
    "CreateList": {"elements": (1, "*Expr"), "optional_indices": (2, "*int32")},
    "CreateStruct": {"message_name": (1, "string"), "entries": (2, "*Entry")},
    "Entry": {"map_key": (3, "Expr"), "value": (4, "Expr"), "optional_entry": (5, "bool")},
    "Comprehension": {
        "iter_var": (1, "string"),
        "iter_var2": (8, "string"),
        "iter_range": (2, "Expr"),
        "accu_var": (3, "string"),
        "accu_init": (4, "Expr"),
        "loop_condition": (5, "Expr"),
        "loop_step": (6, "Expr"),
        "result": (7, "Expr"),
    },
}

# Messages of classes that are built from the shape above, and so known only at run time.
Expr: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class SyntaxTree:
    """The root of a tree, and the offset in the source, in characters, of each node by its id."""

    root: Expr
    offsets: Mapping[int, int]


@functools.cache
def _tree_class() -> Callable[[], Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="nextbest_cel_tree.proto", package="nextbest_cel", syntax="proto3"
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


def read_tree(serialized: bytes) -> SyntaxTree:
    """Read what the engine serialised."""
    tree = _tree_class()()
    tree.ParseFromString(AnyMessage.FromString(serialized).value)
    return SyntaxTree(tree.expr, {position.id: position.offset for position in tree.source_info.positions})


def kind_of(node: Expr) -> str:
    """Return the name of the one field that is set: `call_expr`, say."""
    return node.WhichOneof("kind") or ""


def is_call(node: Expr, function: str) -> bool:
    """Tell whether the node calls a function."""
    return kind_of(node) == "call_expr" and bool(node.call_expr.function == function)
