"""Conditions as alternatives of literals: what must hold at the same time for a condition to be true.

CEL has three truth values. A condition is true exactly if all literals of one alternative are true: what may
be unknown makes no alternative hold. So a condition of which no alternative can hold is never true.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from nextbest_rules.cel.kinds import BOOL
from nextbest_rules.cel.nodes import And, Call, Choice, Constant, ListLiteral, Node, Or

MAX_ALTERNATIVES = 512
"""Conditions with more alternatives are not looked into."""

_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NEGATED = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<", "in": "not in"}
_OPERATORS = {f"_{sign}_": sign for sign in _MIRRORED}


@dataclass(frozen=True, slots=True)
class Compared:
    """A value held against constants: `value operator constant`, or `value in constants`."""

    value: Node
    operator: str
    constants: tuple[Constant, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition without further structure that must be true or must be false."""

    condition: Node
    wanted: bool


Literal: TypeAlias = Compared | Asked
Alternative: TypeAlias = tuple[Literal, ...]


def alternatives(tree: Node, *, wanted: bool = True) -> tuple[Alternative, ...] | None:
    """Return the alternatives under which a condition is true (or false, if that is wanted).

    None if there are too many of them to look into.
    """
    match tree:
        case Call("!_", (operand,)):
            return alternatives(operand, wanted=not wanted)
        case And(operands):
            return _all_of(operands, wanted) if wanted else _any_of(operands, wanted)
        case Or(operands):
            return _any_of(operands, wanted) if wanted else _all_of(operands, wanted)
        case Choice(condition, then, otherwise):
            return _choice(condition, then, otherwise, wanted)
        case Constant(_, value) if isinstance(value, bool):
            return ((),) if value is wanted else ()
        case _:
            return ((_literal(tree, wanted),),)


def _any_of(operands: Iterable[Node], wanted: bool) -> tuple[Alternative, ...] | None:
    found: list[Alternative] = []
    for operand in operands:
        below = alternatives(operand, wanted=wanted)
        if below is None or len(found) + len(below) > MAX_ALTERNATIVES:
            return None
        found.extend(below)
    return tuple(found)


def _all_of(operands: Iterable[Node], wanted: bool) -> tuple[Alternative, ...] | None:
    found: tuple[Alternative, ...] = ((),)
    for operand in operands:
        below = alternatives(operand, wanted=wanted)
        if below is None or len(found) * len(below) > MAX_ALTERNATIVES:
            return None
        found = tuple(one + other for one, other in product(found, below))
    return found


def _choice(condition: Node, then: Node, otherwise: Node, wanted: bool) -> tuple[Alternative, ...] | None:
    branches: list[Alternative] = []
    for side, branch in ((True, then), (False, otherwise)):
        asked, below = alternatives(condition, wanted=side), alternatives(branch, wanted=wanted)
        if asked is None or below is None or len(asked) * len(below) > MAX_ALTERNATIVES:
            return None
        branches.extend(one + other for one, other in product(asked, below))
    return tuple(branches)


def _literal(tree: Node, wanted: bool) -> Literal:
    compared = _comparison(tree)
    if compared is None:
        return Asked(tree, wanted)
    if compared.constants and compared.constants[0].type == BOOL and compared.operator in ("==", "!="):
        same = (compared.operator == "==") is wanted
        return Asked(compared.value, compared.constants[0].value is same)
    operator = compared.operator if wanted else _NEGATED[compared.operator]
    return Compared(compared.value, operator, compared.constants)


def _comparison(tree: Node) -> Compared | None:
    match tree:
        case Call(function, (Constant() as left, right)) if function in _OPERATORS:
            return Compared(right, _MIRRORED[_OPERATORS[function]], (left,))
        case Call(function, (left, Constant() as right)) if function in _OPERATORS:
            return Compared(left, _OPERATORS[function], (right,))
        case Call("@in", (left, ListLiteral(elements))):
            constants = tuple(element for element in elements if isinstance(element, Constant))
            return Compared(left, "in", constants) if len(constants) == len(elements) else None
        case _:
            return None
