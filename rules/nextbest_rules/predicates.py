"""Shared predicates over bitmasks of actions: what makes screening cheap.

A condition is split into the parts that decide it on their own; equal parts of all rules are one predicate,
with the masks of the actions that each of its answers stops. Predicates that compare one value with
constants (most of them do) share a table per value: one search finds what all of them leave. Tables and the
remaining predicates become one straight generated function, in which whatever no live action needs is
skipped.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from nextbest_rules.bitmask import union
from nextbest_rules.cel import (
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
from nextbest_rules.value_tables import OPERATORS, Draft, ValueTable

Step: TypeAlias = Callable[[int, Slots], int]
_CHUNK = 400
"""Tables and predicates per generated function: CPython compiles very long functions slowly."""


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
        compared: dict[Mention, list[tuple[Comparison, Draft]]] = {}
        others: list[tuple[Node, Draft]] = []
        for tree, draft in self._drafts.items():
            comparison = comparison_of(tree)
            if comparison is not None and comparison.operator in OPERATORS:
                compared.setdefault(comparison.mention, []).append((comparison, draft))
            else:
                others.append((tree, draft))
        work: list[_Part] = [(mention, ValueTable.of(entries)) for mention, entries in compared.items()]
        work += others
        concerned = union(draft.concerned for draft in self._drafts.values())
        chunks = (work[start : start + _CHUNK] for start in range(0, len(work), _CHUNK))
        return Predicates(tuple(_generate(chunk, self.layout.slots) for chunk in chunks), concerned)


@dataclass(frozen=True, slots=True)
class Predicates:
    """All predicates of a rule set. `concerned` are the actions that any of them may stop."""

    steps: tuple[Step, ...]
    concerned: int

    def screen(self, live: int, slots: Slots) -> int:
        """Return what the predicates leave of `live`."""
        for step in self.steps:
            live = step(live, slots)
        return live


_Part: TypeAlias = tuple[Mention, ValueTable] | tuple[Node, Draft]


def _generate(parts: Sequence[_Part], layout: Mapping[Mention, int]) -> Step:
    """Return one function that goes through tables and predicates in a row."""
    names = {mention: f"v{slot}" for mention, slot in layout.items()}
    source = _Source(CodeWriter(names), layout)
    body = [line for number, part in enumerate(parts) for line in source.lines(number, *part)]
    code = "\n".join(body)
    used = [f" {name} = slots[{layout[mention]}]" for mention, name in names.items() if name in code]
    text = "\n".join(["def step(live, slots):", *used, *body, " return live"])
    namespace: dict[str, object] = {**source.writer.constants, **source.masks}
    # Built from checked trees; the texts of users are constants, bound by name.
    exec(compile(text, "<predicates>", "exec"), namespace)  # noqa: S102
    # Taken out of its own globals: no circle, so it goes with the catalog that it is of.
    return namespace.pop("step")  # type: ignore[return-value]


@dataclass(slots=True)
class _Source:
    """Writes the statements of a generated function, and keeps the masks and tables that they name."""

    writer: CodeWriter
    layout: Mapping[Mention, int]
    masks: dict[str, object] = field(default_factory=lambda: {"bisect_left": bisect_left})

    def lines(self, number: int, what: Mention | Node, stops: ValueTable | Draft) -> Iterator[str]:
        """Yield the statements for one table or predicate, which is skipped if no live action needs it."""
        yield f" if live & {self._name('concerned', number, stops.concerned)}:"
        if isinstance(stops, Draft):
            assert not isinstance(what, Mention)
            yield from self._predicate(number, what, stops)
        else:
            assert isinstance(what, Mention)
            yield from self._table(number, self.layout[what], stops)

    def _predicate(self, number: int, tree: Node, draft: Draft) -> Iterator[str]:
        """Write the cheapest test that tells apart what differs: mostly one answer from all others."""
        one_sided = ((True, draft.if_true, draft.if_false), (False, draft.if_false, draft.if_true))
        for answer, stopped_by_it, stopped in one_sided:
            if stopped_by_it or draft.if_unknown not in (0, stopped):
                continue
            kept = self._name("kept", number, ~stopped)
            if draft.if_unknown:
                yield f"  if not {self.writer.decides(tree, answer=answer)}: live &= {kept}"
            else:
                yield f"  if {self.writer.decides(tree, answer=not answer)}: live &= {kept}"
            return
        true, false, unknown = (
            self._name(answer, number, ~stopped)
            for answer, stopped in (
                ("true", draft.if_true),
                ("false", draft.if_false),
                ("unknown", draft.if_unknown),
            )
        )
        yield f"  r = {self.writer.expression(tree)}"
        yield f"  live &= {true} if r is True else {false} if r is False else {unknown}"

    def _table(self, number: int, slot: int, table: ValueTable) -> Iterator[str]:
        by_value = table.by_value
        if by_value is not None:
            find = self._name("find", number, {**by_value, None: table.unknown}.get)
            yield f"  live &= {find}(slots[{slot}], {self._name('other', number, table.kept[0])})"
            return
        points, kept = self._name("points", number, table.points), self._name("kept", number, table.kept)
        yield f"  value = slots[{slot}]"
        yield f"  if value is None: live &= {self._name('unknown', number, table.unknown)}"
        yield "  else:"
        yield f"   place = bisect_left({points}, value)"
        yield f"   at_point = place < {len(table.points)} and {points}[place] == value"
        yield f"   live &= {kept}[place + place + at_point]"

    def _name(self, what: str, number: int, value: object) -> str:
        name = f"{what}_{number}"
        self.masks[name] = value
        return name
