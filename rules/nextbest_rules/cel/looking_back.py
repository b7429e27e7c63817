"""How far back an expression looks at records: having or lacking older ones makes no difference to it.

Where that cannot be told it looks back for ever: a record too many costs room, one too few changes answers.
A record's age counts from its end, or without one from when it happened. Open tickets have no age.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from nextbest_rules.cel.kinds import RECORD_TYPES
from nextbest_rules.cel.nodes import (
    And,
    Call,
    Choice,
    Constant,
    Loop,
    Macro,
    Node,
    Or,
    Presence,
    Read,
    Select,
)
from nextbest_rules.cel.values import Duration, Mention

Reach: TypeAlias = tuple[str, float]
"""A list of records, such as `tickets`, and the age in milliseconds up to which they matter; inf for any."""
Ages: TypeAlias = Mapping[Node, float]
"""Per variable, the age beyond which its record makes no difference to what stands around."""

_LISTS: Final = frozenset(f"{record}s" for record in RECORD_TYPES)
_NOW: Final = Mention("now")
_CONTACTS: Final = Mention("contacts")
_YOUNGER: Final = frozenset({"_<_", "_<=_"})
_MIRRORED: Final = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_"}
_STARTS: Final = frozenset({"at", "opened_at"})
# Which times of a record are certain to be there once it has an age.
_TIMES: Final = {"tickets": frozenset({"opened_at", "closed_at"})}
_NO_AGES: Final[Ages] = {}
_NS_PER_MS: Final = 1_000_000


def reaches(tree: Node, ages: Ages = _NO_AGES) -> Iterator[Reach]:
    """Yield how far back the tree looks at each list that it reads, once per place where it does."""
    match tree:
        case Read(mention) if mention.root in _LISTS:
            yield mention.root, math.inf
        case Call("count", (Read(mention), Read(now), *texts, Constant(_, Duration() as span))) if (
            mention == _CONTACTS and now == _NOW
        ):
            yield mention.root, _ms(span)
            yield from _all(texts, ages)
        case Loop(range=Read(mention)) if mention.root in _LISTS:
            age = _age_of_loop(tree, mention.root, ages)
            yield mention.root, age
            yield from _all(tree.children[1:], {**ages, tree.variable: age})
        case _:
            yield from _all(tree.children, ages)


def _all(trees: Iterable[Node], ages: Ages) -> Iterator[Reach]:
    return (reach for tree in trees for reach in reaches(tree, ages))


def _age_of_loop(loop: Loop, records: str, ages: Ages) -> float:
    """Return beyond which age an element makes no difference to a loop."""
    if loop.macro is Macro.MAP:
        return math.inf if loop.chosen is None else age_limit(loop.chosen, loop.variable, records, ages)
    return age_limit(loop.asked, loop.variable, records, ages, answer=loop.macro is Macro.ALL)


def age_limit(
    tree: Node, variable: Node, records: str, ages: Ages = _NO_AGES, *, answer: bool = False
) -> float:
    """Return the age in milliseconds beyond which a condition on a record certainly has this answer.

    Args:
        tree: the condition.
        variable: what stands for the record in it.
        records: the list that the record is of.
        ages: the same for variables around it.
        answer: the answer that makes no difference.
    """
    times = _TIMES.get(records, frozenset({"at"}))
    return _limit(tree, variable, times, ages, answer=answer)


def _limit(tree: Node, variable: Node, times: frozenset[str], ages: Ages, *, answer: bool) -> float:
    match tree:
        case And(operands) | Or(operands):
            decisive = isinstance(tree, Or) is answer
            if decisive and not answer and Presence(variable, "ended_at") in operands:
                times |= {"ended_at"}
            limits = [_limit(operand, variable, times, ages, answer=answer) for operand in operands]
            return min(limits) if decisive else max(limits)
        case Choice(_, then, otherwise):
            return max(
                _limit(branch, variable, times, ages, answer=answer) for branch in (then, otherwise)
            )
        case Call("!_", (operand,)):
            return _limit(operand, variable, times, ages, answer=not answer)
        case Constant(_, bool() as value):
            return 0.0 if value is answer else math.inf
        case Call(function, (left, right)) if function in _MIRRORED:
            return min(
                _compared(function, left, right, variable, times, ages, answer=answer),
                _compared(_MIRRORED[function], right, left, variable, times, ages, answer=answer),
            )
    return math.inf


def _compared(
    function: str,
    left: Node,
    right: Node,
    variable: Node,
    times: frozenset[str],
    ages: Ages,
    *,
    answer: bool,
) -> float:
    """Return the limit of `now - x.at < span`, `now - span < x.at` and `other.at < x.at`."""
    span = math.inf
    match left, right:
        case Call("_-_", (Read(now), Select(of, field))), Constant(_, Duration() as length) if now == _NOW:
            span = _ms(length)
        case Call("_-_", (Read(now), Constant(_, Duration() as length))), Select(of, field) if now == _NOW:
            span = _ms(length)
        case Select(other, start), Select(of, field) if start in _STARTS:
            span = ages.get(other, math.inf)
        case _:
            return math.inf
    decides = (function in _YOUNGER) is not answer
    return span if decides and of == variable and field in times else math.inf


def _ms(span: Duration) -> float:
    return float(max(0, -(-int(span) // _NS_PER_MS)))
