"""Trees that compare one mention with constants, recognised so that many of them can share a table."""

import math
from dataclasses import dataclass
from typing import Final

from nextbest_rules.cel.arithmetic import EXACT
from nextbest_rules.cel.kinds import BOOL, DOUBLE, DURATION, INT, STRING, TIMESTAMP, Type
from nextbest_rules.cel.nodes import Call, Constant, ListLiteral, Node, Read
from nextbest_rules.cel.values import Mention

_MIRRORED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SYMBOLS: Final = {"_==_": "==", "_!=_": "!=", "_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">="}
_SCALARS: Final = frozenset({BOOL, INT, DOUBLE, STRING, TIMESTAMP, DURATION})


@dataclass(frozen=True, slots=True)
class Comparison:
    """`mention operator constant`: settled by the value of the mention, unknown where that is missing.

    The operators are ==, !=, <, <=, >, >= with one constant; `in` for a mention that is one of several; and
    `contains` for a mention that is a list with the constant in it. A bool is `== True` or `== False`.
    The constants are Python values that compare with the mention's as CEL has it; `type` is the mention's.
    """

    mention: Mention
    operator: str
    constants: tuple[object, ...]
    type: Type


def comparison_of(tree: Node) -> Comparison | None:
    """Return what the tree compares, or None if it is anything else."""
    match tree:
        case Read(mention, kind) if kind == BOOL:
            return Comparison(mention, "==", (True,), BOOL)
        case Call("!_", (operand,)):
            return _negated(operand)
        case Call("@in", (needle, haystack)):
            return _membership(needle, haystack)
        case Call(function, (left, right)) if function in _SYMBOLS:
            return _compared(_SYMBOLS[function], left, right)
    return None


_NEGATED: Final = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def _negated(operand: Node) -> Comparison | None:
    """Negate a comparison. Values of slots are never NaN, so the opposite of < is >=."""
    found = comparison_of(operand)
    if found is None or found.operator not in _NEGATED:
        return None
    if found.type == BOOL and found.operator == "==":
        return Comparison(found.mention, "==", (not found.constants[0],), BOOL)
    return Comparison(found.mention, _NEGATED[found.operator], found.constants, found.type)


def _membership(needle: Node, haystack: Node) -> Comparison | None:
    match needle, haystack:
        case Constant(of, value), Read(mention, kind) if kind.element == of and of in _SCALARS:
            return Comparison(mention, "contains", (value,), kind)
        case Read(mention, kind), ListLiteral(elements):
            constants = [_constant(kind, item) for item in elements]
            found = tuple(constant[0] for constant in constants if constant is not None)
            return Comparison(mention, "in", found, kind) if len(found) == len(elements) else None
    return None


def _compared(symbol: str, left: Node, right: Node) -> Comparison | None:
    match left, right:
        case Read(mention, kind), Constant():
            value = _constant(kind, right)
        case Constant(), Read(mention, kind):
            value, symbol = _constant(kind, left), _MIRRORED[symbol]
        case _:
            return None
    return None if value is None else Comparison(mention, symbol, value, kind)


def _constant(kind: Type, constant: Node) -> tuple[object] | None:
    """Return a constant's value if Python compares it with values of a type as CEL does."""
    if not isinstance(constant, Constant):
        return None
    value = constant.value
    if isinstance(value, float) and math.isnan(value):  # has no place among other numbers
        return None
    if kind == constant.type and kind in _SCALARS:
        return (value,)
    if {kind, constant.type} == {INT, DOUBLE} and isinstance(value, int | float) and abs(value) < EXACT:
        return (value,)
    return None
