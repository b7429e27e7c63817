"""How far back an expression looks at records: having or lacking older ones makes no difference to it.

Where that cannot be told it looks back for ever: a record too many costs room, one too few changes answers.
A record's age counts from its end, or without one from when it happened. Open tickets have no age.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
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
    past = _PastTicket(variable, ages) if records == "tickets" else _Past(variable, ages)
    return past.limit(tree, answer=answer)


@dataclass(frozen=True, slots=True)
class _Past:
    """A record that has an age. `times` are its fields that certainly have a value then."""

    variable: Node
    ages: Ages
    times: frozenset[str] = frozenset({"at"})

    def limit(self, tree: Node, *, answer: bool) -> float:
        """Return the age beyond which a condition certainly has an answer."""
        match tree:
            case And() | Or():
                return self._logic(tree, answer=answer)
            case Choice(_, then, otherwise):
                return max(self.limit(branch, answer=answer) for branch in (then, otherwise))
            case Call("!_", (operand,)):
                return self.limit(operand, answer=not answer)
            case Call(function, (left, right)) if function in _MIRRORED:
                there = self._compared(function, left, right, answer=answer)
                return min(there, self._compared(_MIRRORED[function], right, left, answer=answer))
        return 0.0 if self.certain(tree) is answer else math.inf

    def _logic(self, tree: And | Or, *, answer: bool) -> float:
        if isinstance(tree, Or) is not answer:
            return max(self.limit(operand, answer=answer) for operand in tree.operands)
        ended = Presence(self.variable, "ended_at") in tree.operands and not answer
        known = replace(self, times=self.times | {"ended_at"}) if ended else self
        return min(known.limit(operand, answer=answer) for operand in tree.operands)

    def certain(self, tree: Node) -> bool | None:
        """Return what a condition certainly is, whatever the age; None for any other."""
        return tree.value if isinstance(tree, Constant) and isinstance(tree.value, bool) else None

    def _compared(self, function: str, left: Node, right: Node, *, answer: bool) -> float:
        """Return the limit of `now - x.at < span`, `now - span < x.at` and `other.at < x.at`."""
        match left, right:
            case Call("_-_", (Read(now), Select(of, field))), Constant(_, Duration() as length) if (
                now == _NOW
            ):
                span = _ms(length)
            case Call("_-_", (Read(now), Constant(_, Duration() as length))), Select(of, field) if (
                now == _NOW
            ):
                span = _ms(length)
            case Select(other, start), Select(of, field) if start in _STARTS:
                span = self.ages.get(other, math.inf)
            case _:
                return math.inf
        decides = (function in _YOUNGER) is not answer
        return span if decides and of == self.variable and field in self.times else math.inf


@dataclass(frozen=True, slots=True)
class _PastTicket(_Past):
    """A ticket that has an age: it is closed."""

    times: frozenset[str] = frozenset({"opened_at", "closed_at"})

    def certain(self, tree: Node) -> bool | None:
        """Return what a condition certainly is, whatever the age; None for any other."""
        if tree == Select(self.variable, "open"):
            return False
        return True if tree == Presence(self.variable, "closed_at") else _Past.certain(self, tree)


def _ms(span: Duration) -> float:
    return float(max(0, -(-int(span) // _NS_PER_MS)))
