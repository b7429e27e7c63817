"""Shared predicates over bitmasks of actions: what makes screening cheap.

A condition is split into the parts that decide it on their own; equal parts of all rules are one predicate,
with the masks of the actions that each of its answers stops. Predicates that compare one value with
constants (most of them do) become a table per value: one search finds what all of them leave. The rest is
generated code, one straight function for all, in which a predicate that no live action needs is skipped.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from nextbest_rules.cel import (
    UNKNOWN,
    CodeWriter,
    Comparison,
    Expression,
    Mention,
    Node,
    comparison_of,
    conjuncts,
    disjuncts,
)
from nextbest_rules.sight import Layout, Slots
from nextbest_rules.terms import UnknownMode

_CHUNK = 400
"""Predicates per generated function: CPython compiles very long functions slowly."""


@dataclass(slots=True)
class Draft:
    """A shared predicate while rules are still being compiled: what each of its answers stops."""

    if_true: int = 0
    if_false: int = 0
    if_unknown: int = 0

    @property
    def concerned(self) -> int:
        """The actions that any answer stops."""
        return self.if_true | self.if_false | self.if_unknown

    def stopped_by(self, answer: object) -> int:
        """Return what an answer stops."""
        return self.if_true if answer is True else self.if_false if answer is False else self.if_unknown


class _Step(Protocol):
    def __call__(self, live: int, slots: Slots, /) -> int: ...


@dataclass(slots=True)
class PredicateCompiler:
    """Collects conditions and shares their parts."""

    layout: Layout
    _drafts: dict[Node, Draft] = field(default_factory=dict)

    def require(self, condition: Expression, mask: int, when_unknown: UnknownMode) -> None:
        """Stop the actions of `mask` unless the condition holds.

        `a && b` stops them exactly if a or b does on its own: it is false if either is false, whatever the
        other one is, and unknown only if neither is false and one is unknown.
        """
        self.layout.reserve(condition)
        for part in conjuncts(condition.tree):
            draft = self._drafts.setdefault(part, Draft())
            draft.if_false |= mask
            if when_unknown is UnknownMode.DENY:
                draft.if_unknown |= mask

    def forbid(self, condition: Expression, mask: int, when_unknown: UnknownMode) -> None:
        """Stop the actions of `mask` while the condition holds: the mirror image of `require`, over `||`."""
        self.layout.reserve(condition)
        for part in disjuncts(condition.tree):
            draft = self._drafts.setdefault(part, Draft())
            draft.if_true |= mask
            if when_unknown is UnknownMode.DENY:
                draft.if_unknown |= mask

    def compile(self) -> "Predicates":
        """Return the compiled predicates."""
        tables: dict[Mention, list[tuple[Comparison, Draft]]] = {}
        others: list[tuple[Node, Draft]] = []
        for tree, draft in self._drafts.items():
            comparison = comparison_of(tree)
            if comparison is not None and comparison.operator in _TABLES:
                tables.setdefault(comparison.mention, []).append((comparison, draft))
            else:
                others.append((tree, draft))
        steps: list[_Step] = [
            _table(self.layout.slots[mention], entries) for mention, entries in tables.items()
        ]
        steps += [
            _generated(others[start : start + _CHUNK], self.layout.slots)
            for start in range(0, len(others), _CHUNK)
        ]
        concerned = 0
        for draft in self._drafts.values():
            concerned |= draft.concerned
        return Predicates(tuple(steps), concerned)


@dataclass(frozen=True, slots=True)
class Predicates:
    """All predicates of a rule set. `concerned` are the actions that any of them may stop."""

    steps: tuple[_Step, ...]
    concerned: int

    def screen(self, live: int, slots: Slots) -> int:
        """Return what the predicates leave of `live`."""
        for step in self.steps:
            live = step(live, slots)
        return live


# Whether a comparison holds, given where the value lies (`cell`) and where the constant lies (`mark`).
_TABLES: Mapping[str, Callable[[int, int], bool]] = {
    "==": lambda cell, mark: cell == mark,
    "!=": lambda cell, mark: cell != mark,
    "<": lambda cell, mark: cell < mark,
    "<=": lambda cell, mark: cell <= mark,
    ">": lambda cell, mark: cell > mark,
    ">=": lambda cell, mark: cell >= mark,
    "in": lambda cell, mark: cell == mark,
}
_EXACT = frozenset({"==", "!=", "in"})


def _table(slot: int, entries: Sequence[tuple[Comparison, Draft]]) -> _Step:
    """Return one search in place of all comparisons of one value with constants."""
    points: list[Any] = sorted({value for comparison, _ in entries for value in comparison.constants})
    concerned = 0
    for _, draft in entries:
        concerned |= draft.concerned
    kept = [_kept(entries, points, cell) for cell in range(2 * len(points) + 1)]
    unknown = _kept_if_unknown(entries)
    if all(comparison.operator in _EXACT for comparison, _ in entries) and all(
        isinstance(point, str | bool) for point in points
    ):
        by_value = {point: kept[2 * place + 1] for place, point in enumerate(points)}
        return _hash_step(slot, concerned, by_value, kept[0], unknown)
    return _interval_step(slot, concerned, points, kept, unknown)


def _kept(entries: Iterable[tuple[Comparison, Draft]], points: Sequence[object], cell: int) -> int:
    """Return what a value in a cell leaves: cell 2i lies below points[i], cell 2i + 1 is that point."""
    kept = -1
    for comparison, draft in entries:
        test = _TABLES[comparison.operator]
        marks = (2 * points.index(value) + 1 for value in comparison.constants)
        answer = any(test(cell, mark) for mark in marks)
        kept &= ~draft.stopped_by(answer)
    return kept


def _kept_if_unknown(entries: Iterable[tuple[Comparison, Draft]]) -> int:
    kept = -1
    for _, draft in entries:
        kept &= ~draft.if_unknown
    return kept


def _hash_step(slot: int, concerned: int, by_value: Mapping[object, int], other: int, unknown: int) -> _Step:
    table = {**by_value, UNKNOWN: unknown}

    def step(live: int, slots: Slots) -> int:
        return live & table.get(slots[slot], other) if live & concerned else live

    return step


def _interval_step(
    slot: int, concerned: int, points: Sequence[Any], kept: Sequence[int], unknown: int
) -> _Step:
    count = len(points)

    def step(live: int, slots: Slots) -> int:
        if not live & concerned:
            return live
        value: Any = slots[slot]
        if value is UNKNOWN:
            return live & unknown
        place = bisect_left(points, value)
        at_point = place < count and points[place] == value
        return live & kept[2 * place + at_point]

    return step


def _generated(predicates: Sequence[tuple[Node, Draft]], layout: Mapping[Mention, int]) -> _Step:
    """Return one function that evaluates the predicates in a row, each only if a live action needs it."""
    names = {mention: f"v{slot}" for mention, slot in layout.items()}
    writer = CodeWriter(names)
    lines = ["def step(live, slots):"]
    body: list[str] = []
    for tree, draft in predicates:
        masks = {"C": draft.concerned, "T": ~draft.if_true, "F": ~draft.if_false, "U": ~draft.if_unknown}
        number = len(writer.constants)
        for letter, mask in masks.items():
            writer.constants[f"mask_{letter}{number}"] = mask
        source = writer.expression(tree)
        body += [
            f" if live & mask_C{number}:",
            f"  r = {source}",
            f"  live &= mask_T{number} if r is True else mask_F{number} if r is False else mask_U{number}",
        ]
    code = "\n".join(body)
    used = [f" {name} = slots[{layout[mention]}]" for mention, name in names.items() if name in code]
    namespace: dict[str, object] = {**writer.constants}
    exec(compile("\n".join([*lines, *used, *body, " return live"]), "<predicates>", "exec"), namespace)  # noqa: S102 - built from a checked tree, texts are constants
    return namespace["step"]  # type: ignore[return-value]
