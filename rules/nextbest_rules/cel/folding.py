"""Expressions with some of their values filled in, and what that settles."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Final

from nextbest_rules.cel.containers import make_list, make_map
from nextbest_rules.cel.functions import dispatcher
from nextbest_rules.cel.inference import type_of
from nextbest_rules.cel.kinds import (
    BOOL,
    BYTES,
    CLASS_NAMES,
    DOUBLE,
    DURATION,
    INT,
    NULL_TYPE,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
)
from nextbest_rules.cel.nodes import (
    And,
    Call,
    Choice,
    Constant,
    Has,
    ListLiteral,
    MapLiteral,
    Missing,
    Node,
    Or,
    Read,
    rebuild,
)
from nextbest_rules.cel.values import Mention, Timestamp, Unevaluable

TRUE: Final = Constant(BOOL, True)
FALSE: Final = Constant(BOOL, False)
_SCALARS: Final = {
    kind.name: kind for kind in (BOOL, BYTES, DOUBLE, DURATION, INT, NULL_TYPE, STRING, TIMESTAMP, TYPE, UINT)
}


def bind(tree: Node, attributes: Mapping[str, object]) -> Node:
    """Return the tree for these attributes, with every `action.x` and `has(action.x)` replaced."""
    return fold(_bound(attributes, tree))


def _bound(attributes: Mapping[str, object], node: Node) -> Node:
    match node:
        case Read(mention) if mention.root == "action":
            value = attributes.get(mention.field)
            return Missing(mention) if value is None else literal(value)
        case Has(mention) if mention.root == "action":
            return FALSE if attributes.get(mention.field) is None else TRUE
    return rebuild(node, partial(_bound, attributes))


def inline(tree: Node, meanings: Mapping[Mention, Node]) -> Node:
    """Return the tree with every name, such as `conditions.x`, replaced by the tree that it stands for."""
    return fold(_inlined(meanings, tree))


def _inlined(meanings: Mapping[Mention, Node], node: Node) -> Node:
    match node:
        case Read(mention) if mention in meanings:
            return _condition(meanings[mention])
    return rebuild(node, partial(_inlined, meanings))


def but_not(tree: Node, others: Iterable[Node]) -> Node:
    """Return the tree of a condition that holds while one does and none of the others."""
    return fold(And((tree, *(Call("!_", (_condition(other),)) for other in others))))


def _condition(tree: Node) -> Node:
    # An && of one operand is true, false or an error, as a condition must be.
    return And((tree,))


def literal(value: object) -> Node:
    """Return a value of an attribute as a node."""
    if isinstance(value, list | tuple):
        return ListLiteral(tuple(map(literal, value)))
    return _constant(Timestamp.of(value) if isinstance(value, datetime) else value)


def _constant(value: object) -> Constant:
    return Constant(_SCALARS[CLASS_NAMES[value.__class__]], value)


def fold(node: Node) -> Node:
    """Return a tree of the same meaning, with all that can be known replaced by what it is.

    What fails stays, so that it fails when the tree is evaluated.
    """
    node = rebuild(node, fold)
    match node:
        case Call(function, arguments):
            return _fold_call(node, function, arguments)
        case And(operands):
            return _fold_logic(And, operands, neutral=TRUE, decisive=FALSE)
        case Or(operands):
            return _fold_logic(Or, operands, neutral=FALSE, decisive=TRUE)
        case Choice(condition, then, otherwise) if condition in (TRUE, FALSE):
            return then if condition == TRUE else otherwise
        case _:
            return node


def _fold_call(node: Node, function: str, arguments: tuple[Node, ...]) -> Node:
    values = [value_of(argument) for argument in arguments]
    if any(value is None for value in values):
        return node
    result = dispatcher(function)(*values)
    return _constant(result) if CLASS_NAMES.get(result.__class__) in _SCALARS else node


def value_of(node: Node) -> object | None:
    """Return the value of a node that reads nothing, as far as folding goes; None for all others."""
    match node:
        case Constant(_, value):
            return value
        case ListLiteral(elements):
            values = [value_of(element) for element in elements]
            return None if any(value is None for value in values) else make_list(*values)
        case MapLiteral():
            values = [value_of(item) for item in node.children]
            made = None if any(value is None for value in values) else make_map(*values)
            return None if isinstance(made, Unevaluable) else made
    return None


def _fold_logic(
    kind: type[And] | type[Or], operands: tuple[Node, ...], *, neutral: Constant, decisive: Constant
) -> Node:
    left: list[Node] = []
    for operand in operands:
        left.extend(operand.operands if isinstance(operand, kind) else (operand,))
    if decisive in left:
        return decisive
    left = [operand for operand in left if operand != neutral]
    if not left:
        return neutral
    # A single operand of unknown type stays beneath its operator, which makes an error of what is no bool.
    return left[0] if len(left) == 1 and type_of(left[0]) == BOOL else kind(tuple(left))
