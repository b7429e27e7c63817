"""Operations with a constant that have a quicker form than the general one, and the same meaning."""

import math
from dataclasses import dataclass
from typing import Final

from nextbest_rules.cel.arithmetic import EQUALITIES, EXACT, ORDERINGS
from nextbest_rules.cel.kinds import BOOL, BYTES, DOUBLE, INT, STRING, TIMESTAMP, Type
from nextbest_rules.cel.nodes import Call, Constant, ListLiteral, Node
from nextbest_rules.cel.texts import searcher
from nextbest_rules.cel.values import Unevaluable

_COMPARISONS: Final = {function: symbol for function, (symbol, _) in {**ORDERINGS, **EQUALITIES}.items()}
# Types whose values Python finds in a list as CEL does. Not doubles: a NaN is in no list, even one with it.
_FINDABLE: Final = frozenset({STRING, INT, BOOL, BYTES, TIMESTAMP})


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A template over the arguments, and a constant for its {c}, with the node that it stands for."""

    template: str
    constant: tuple[Node, object] | None = None


def find_shortcut(call: Call, types: tuple[Type, ...]) -> Shortcut | None:
    """Return the quicker form of a call, if it has one."""
    match call:
        case Call("@in", (_, ListLiteral() as values)):
            return _in_constants(values, types)
        case Call("@in", _) if types[1].element in _FINDABLE and types[0] == types[1].element:
            return Shortcut("({0} in {1})")
        case Call("matches", (_, Constant(_, str() as pattern))) if types[0] == STRING:
            return _matching(call, pattern)
        case Call(function, (left, right)) if function in _COMPARISONS:
            return _with_number(_COMPARISONS[function], left, right, types)
    return None


def _in_constants(values: ListLiteral, types: tuple[Type, ...]) -> Shortcut | None:
    kind = types[0]
    if not all(isinstance(item, Constant) and item.type == kind for item in values.elements):
        return None
    constants = frozenset(item.value for item in values.elements if isinstance(item, Constant))
    if kind not in _FINDABLE or not constants:
        return None
    return Shortcut("({0} in {c})", (Call("frozenset", (values,)), constants))


def _matching(call: Call, pattern: str) -> Shortcut | None:
    search = searcher(pattern)
    if isinstance(search, Unevaluable):
        return None
    return Shortcut("({c}({0}.encode()) is not None)", (Call("search", call.arguments[1:]), search))


def _with_number(symbol: str, left: Node, right: Node, types: tuple[Type, ...]) -> Shortcut | None:
    """Compare an integer with a double that is constant, or the reverse, without converting either each time.

    Up to 2^53, where integers are exact as doubles, comparing by value is comparing as doubles.
    """
    if set(types) != {INT, DOUBLE}:
        return None
    if isinstance(right, Constant) and _is_exact(right.value):
        return Shortcut(f"({{0}} {symbol} {{c}})", _converted(right))
    if isinstance(left, Constant) and _is_exact(left.value):
        return Shortcut(f"({{c}} {symbol} {{1}})", _converted(left))
    return None


def _is_exact(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and abs(value) < EXACT


def _converted(constant: Constant) -> tuple[Node, object]:
    """Return the constant as the type of what it is compared with, where it has one."""
    value = constant.value
    if isinstance(value, float):
        return (Constant(INT, int(value)), int(value)) if value.is_integer() else (constant, value)
    return Constant(DOUBLE, float(value)), float(value)  # type: ignore[arg-type]
