"""Trees that compare one mention with constants, recognised so that many of them can share a table."""

from dataclasses import dataclass
from typing import Final

from nextbest_rules.cel.arithmetic import EXACT
from nextbest_rules.cel.kinds import BOOL, DOUBLE, DURATION, INT, STRING, TIMESTAMP, Type
from nextbest_rules.cel.nodes import Call, Constant, ListLiteral, Node, Read
from nextbest_rules.cel.values import Mention

_MIRRORED: Final = {
    "_==_": "_==_",
    "_!=_": "_!=_",
    "_<_": "_>_",
    "_<=_": "_>=_",
    "_>_": "_<_",
    "_>=_": "_<=_",
}
_SYMBOLS: Final = {"_==_": "==", "_!=_": "!=", "_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">="}
_SCALARS: Final = frozenset({BOOL, INT, DOUBLE, STRING, TIMESTAMP, DURATION})


@dataclass(frozen=True, slots=True)
class Comparison:
    """`mention operator constant`: true or false by the mention's value alone, and unknown where that is missing.

    The operators are ==, !=, <, <=, >, >= with one constant; `in` for a mention that is one of the constants; and
    `contains` for a mention that is a list with the one constant in it. A bool is `== True` or `== False`. The
    constants are Python values that compare with the mention's as CEL would compare them; `type` is the mention's.
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
        case Call("@in", (Read(mention, kind), ListLiteral(elements))):
            return _membership(mention, kind, elements)
        case Call("@in", (Constant(of, value), Read(mention, kind))) if kind.element == of and of in _SCALARS:
            return Comparison(mention, "contains", (value,), kind)
        case Call(function, (Read(mention, kind), Constant() as constant)) if function in _SYMBOLS:
            return _compared(mention, kind, function, constant)
        case Call(function, (Constant() as constant, Read(mention, kind))) if function in _SYMBOLS:
            return _compared(mention, kind, _MIRRORED[function], constant)
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


def _membership(mention: Mention, kind: Type, elements: tuple[Node, ...]) -> Comparison | None:
    constants = [_constant(kind, item) for item in elements if isinstance(item, Constant)]
    if len(constants) != len(elements) or None in [None if item is None else 0 for item in constants]:
        return None
    return Comparison(mention, "in", tuple(item[0] for item in constants if item is not None), kind)


def _compared(mention: Mention, kind: Type, function: str, constant: Constant) -> Comparison | None:
    value = _constant(kind, constant)
    return None if value is None else Comparison(mention, _SYMBOLS[function], value, kind)


def _constant(kind: Type, constant: Constant) -> tuple[object] | None:
    """Return the constant's value if Python compares it with values of a type as CEL does."""
    if kind == constant.type and kind in _SCALARS:
        return (constant.value,)
    value = constant.value
    if {kind, constant.type} == {INT, DOUBLE} and isinstance(value, int | float) and abs(value) < EXACT:
        return (value,)
    return None
