"""One search in place of all comparisons of one value with constants.

Constants cut the line of values into cells: cell 2i + 1 is the i-th constant, cell 2i lies right below it.
In each cell every comparison has one answer, so what all of them together stop can be looked up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nextbest_rules.bitmask import union
from nextbest_rules.cel import Comparison

_ORDERED = frozenset({"<", "<=", ">", ">="})
OPERATORS = frozenset({"==", "!=", "in"}) | _ORDERED


@dataclass(slots=True)
class Draft:
    """A shared predicate while rules are still being compiled: the actions that each of its answers stops."""

    if_true: int = 0
    if_false: int = 0
    if_unknown: int = 0

    @property
    def concerned(self) -> int:
        """The actions that any answer stops."""
        return self.if_true | self.if_false | self.if_unknown


@dataclass(frozen=True, slots=True)
class ValueTable:
    """What is left of the live actions, by cell. `unknown` is what a missing value leaves."""

    points: Sequence[Any]
    kept: Sequence[int]
    unknown: int
    concerned: int

    @classmethod
    def of(cls, entries: Sequence[tuple[Comparison, Draft]]) -> "ValueTable":
        """Tabulate comparisons of one value."""
        points: list[Any] = sorted({value for comparison, _ in entries for value in comparison.constants})
        marks = {value: 2 * place + 1 for place, value in enumerate(points)}
        cells = 2 * len(points) + 1
        ordered = [entry for entry in entries if entry[0].operator in _ORDERED]
        exact = [entry for entry in entries if entry[0].operator not in _ORDERED]
        stopped = zip(_by_order(ordered, marks, cells), _by_equality(exact, marks, cells), strict=True)
        return cls(
            points=points,
            kept=[~(above | equal) for above, equal in stopped],
            unknown=~union(draft.if_unknown for _, draft in entries),
            concerned=union(draft.concerned for _, draft in entries),
        )

    @property
    def by_value(self) -> Mapping[Any, int] | None:
        """What each constant leaves, if values of this type have no order that matters: texts and bools."""
        if not all(isinstance(point, str | bool) for point in self.points):
            return None
        if any(self.kept[cell] != self.kept[0] for cell in range(0, len(self.kept), 2)):
            return None
        return {point: self.kept[2 * place + 1] for place, point in enumerate(self.points)}


def _by_order(
    entries: Sequence[tuple[Comparison, Draft]], marks: Mapping[Any, int], cells: int
) -> Sequence[int]:
    """Return what comparisons of order stop, by cell: each answers one way below a boundary, else another."""
    below, from_on = [0] * (cells + 1), [0] * (cells + 1)
    for comparison, draft in entries:
        boundary = marks[comparison.constants[0]] + (comparison.operator in ("<=", ">"))
        first, then = draft.if_true, draft.if_false
        if comparison.operator in (">", ">="):
            first, then = then, first
        below[boundary] |= first
        from_on[boundary] |= then
    for cell in range(1, cells):
        from_on[cell] |= from_on[cell - 1]
    for cell in range(cells - 1, -1, -1):
        below[cell] |= below[cell + 1]
    return [from_on[cell] | below[cell + 1] for cell in range(cells)]


def _by_equality(
    entries: Sequence[tuple[Comparison, Draft]], marks: Mapping[Any, int], cells: int
) -> Sequence[int]:
    """Return what comparisons of equality stop, by cell: one answer at their constants, another elsewhere."""
    at, elsewhere = [], []
    members: dict[int, list[int]] = {}
    for number, (comparison, draft) in enumerate(entries):
        matching, other = draft.if_true, draft.if_false
        if comparison.operator == "!=":
            matching, other = other, matching
        at.append(matching)
        elsewhere.append(other)
        for value in set(comparison.constants):
            members.setdefault(marks[value], []).append(number)
    without = _Unions(elsewhere)
    stopped = [without.all_but(())] * cells
    for cell, numbers in members.items():
        mask = without.all_but(numbers)
        for number in numbers:
            mask |= at[number]
        stopped[cell] = mask
    return stopped


class _Unions:
    """Unions of all masks of a list but a few, without going through the list each time."""

    __slots__ = ("_after", "_before", "_masks")

    def __init__(self, masks: Sequence[int]) -> None:
        self._masks = masks
        self._before, self._after = [0], [0]
        for mask in masks:
            self._before.append(self._before[-1] | mask)
        for mask in reversed(masks):
            self._after.append(self._after[-1] | mask)

    def all_but(self, left_out: Sequence[int]) -> int:
        """Return the union of all masks but those at the given ascending places."""
        if not left_out:
            return self._before[-1]
        union = self._before[left_out[0]] | self._after[len(self._masks) - 1 - left_out[-1]]
        for place in range(left_out[0] + 1, left_out[-1]):
            if place not in left_out:
                union |= self._masks[place]
        return union
