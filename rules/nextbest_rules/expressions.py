"""The expressions of a catalog: each checked once, with the named conditions that it uses filled in."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

from nextbest_rules.catalog import Catalog
from nextbest_rules.cel import (
    MAX_NODES,
    Expression,
    ExpressionChecker,
    ExpressionFault,
    Kind,
    Node,
    Vocabulary,
)
from nextbest_rules.declarations import ValueType

Checked: TypeAlias = Expression | tuple[ExpressionFault, ...]

MAX_DEPTH = 64
"""How deep an expression may be nested once its named conditions are filled in."""


class CheckedExpressions:
    """Checks expressions against one vocabulary and one set of named conditions, and remembers what it found.

    `cycles` gives, for each named condition that leads back to itself, the way round: a, b, a.
    """

    def __init__(self, vocabulary: Vocabulary, conditions: Mapping[str, str]) -> None:
        self._checker = ExpressionChecker(vocabulary)
        self._written: dict[tuple[str, Kind, str | None], Checked] = {}
        self._filled: dict[tuple[str, Kind, str | None], Checked] = {}
        uses = {name: self._conditions_of(source) for name, source in conditions.items()}
        order = _users_last(uses)
        circling = uses.keys() - set(order)
        self.cycles = {
            name: way for name in conditions if name in circling and (way := _way_round(name, uses))
        }
        self._named: dict[str, Expression] = {}
        for name in order:
            found = self.check(conditions[name], Kind.BOOL)
            if isinstance(found, Expression) and self._named.keys() >= set(uses[name]):
                self._named[name] = found

    def as_written(self, source: str, kind: Kind, element: str | None = None) -> Checked:
        """Return the expression as it is written, or everything that is wrong with it."""
        key = source, kind, element
        if key not in self._written:
            self._written[key] = self._checker.check(source, kind, element)
        return self._written[key]

    def check(self, source: str, kind: Kind, element: str | None = None) -> Checked:
        """Return the expression with its named conditions filled in, or everything that is wrong with it.

        What uses a named condition that is unsound stays as it is written: that fault is enough.
        """
        key = source, kind, element
        if key not in self._filled:
            written = self.as_written(source, kind, element)
            self._filled[key] = self._fill(written) if isinstance(written, Expression) else written
        return self._filled[key]

    def _conditions_of(self, source: str) -> tuple[str, ...]:
        written = self.as_written(source, Kind.BOOL)
        return tuple(_conditions_in(written)) if isinstance(written, Expression) else ()

    def _fill(self, expression: Expression) -> Checked:
        used = {name: self._named.get(name) for name in _conditions_in(expression)}
        sound = {name: found for name, found in used.items() if found is not None}
        if not used or len(sound) < len(used):
            return expression
        filled = expression.inline(sound)
        return filled if _is_handy(filled.tree) else (_TOO_LARGE,)


_TOO_LARGE = ExpressionFault(
    1,
    1,
    f"too large once its named conditions are filled in: at most {MAX_NODES:,} parts and {MAX_DEPTH} levels",
)


def _conditions_in(expression: Expression) -> Iterator[str]:
    return (mention.field for mention in expression.mentions if mention.root == "conditions")


def _is_handy(tree: Node) -> bool:
    """Tell whether a tree is within the limits, looking at no more of it than they allow."""
    nodes, level = 0, [tree]
    for _ in range(MAX_DEPTH):
        nodes += len(level)
        if nodes > MAX_NODES:
            return False
        level = [below for node in level for below in node.children]
        if not level:
            return True
    return False


def _users_last(uses: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the conditions, each after those that it uses, without those that lead into a cycle."""
    sorter, order = TopologicalSorter(uses), list[str]()
    with suppress(CycleError):
        sorter.prepare()
    while ready := sorter.get_ready():
        order += ready
        sorter.done(*ready)
    return order


def _way_round(start: str, uses: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the shortest way from a condition back to itself, or nothing if there is none."""
    came_from: dict[str, str] = {}
    reached = [start]
    for name in reached:
        for used in uses.get(name, ()):
            if used == start:
                return _trace(start, name, came_from)
            if used not in came_from:
                came_from[used] = name
                reached.append(used)
    return ()


def _trace(start: str, last: str, came_from: Mapping[str, str]) -> tuple[str, ...]:
    way = [start, last]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return tuple(reversed(way))


class UnsoundExpressionError(ValueError):
    """An expression that no catalog could be loaded with."""

    def __init__(self, source: str, faults: tuple[ExpressionFault, ...]) -> None:
        super().__init__(f"{source}: " + "; ".join(fault.message for fault in faults))
        self.faults = faults


class Expressions:
    """The expressions of a loaded catalog, as the engine compiles them: named conditions are filled in.

    Loading has checked them already, and what it found is still known, so this is cheap. All methods raise
    `UnsoundExpressionError` for what could not have been loaded.
    """

    def __init__(self, catalog: Catalog) -> None:
        conditions = {condition.name: condition.when for condition in catalog.conditions}
        self._checked = checked_expressions(_vocabulary(catalog), conditions)

    def condition(self, source: str, element: str | None = None) -> Expression:
        """Return a condition; `element` names the record that it looks at, such as ticket."""
        return self._sound(source, Kind.BOOL, element)

    def instant(self, source: str, element: str | None = None) -> Expression:
        """Return an expression for a time; `element` names the record that it looks at, such as ticket."""
        return self._sound(source, Kind.TIMESTAMP, element)

    def number(self, source: str) -> Expression:
        """Return an expression for an int or a double."""
        return self._sound(source, Kind.NUMBER)

    def integer(self, source: str) -> Expression:
        """Return an expression for an int."""
        return self._sound(source, Kind.INT)

    def text(self, source: str) -> Expression:
        """Return an expression for a text."""
        return self._sound(source, Kind.STRING)

    def parameter(self, source: str) -> Expression:
        """Return an expression for anything that a parameter of a treatment can be."""
        return self._sound(source, Kind.ANY)

    def _sound(self, source: str, kind: Kind, element: str | None = None) -> Expression:
        found = self._checked.check(source, kind, element)
        if isinstance(found, tuple):
            raise UnsoundExpressionError(source, found)
        return found


def _vocabulary(catalog: Catalog) -> Vocabulary:
    return Vocabulary(
        facts={name: item.type for name, item in catalog.facts.declarations.items()},
        features={item.name: ValueType.DOUBLE for item in catalog.features if item.source == "customer"},
        context={name: item.type for name, item in catalog.context.declarations.items()},
        attributes=catalog.action_attributes,
    )


_Types: TypeAlias = tuple[tuple[str, ValueType | None], ...]


def checked_expressions(vocabulary: Vocabulary, conditions: Mapping[str, str]) -> CheckedExpressions:
    """Return the expressions of a vocabulary with its named conditions: the same object for equal ones.

    So the engine finds checked what the loader has just checked.
    """
    declared = (vocabulary.facts, vocabulary.features, vocabulary.context, vocabulary.attributes)
    return _shared(tuple(tuple(types.items()) for types in declared), tuple(conditions.items()))


@lru_cache(maxsize=8)
def _shared(declared: tuple[_Types, ...], conditions: tuple[tuple[str, str], ...]) -> CheckedExpressions:
    facts, features, context, attributes = map(dict, declared)
    names = frozenset(name for name, _ in conditions)
    return CheckedExpressions(Vocabulary(facts, features, context, attributes, names), dict(conditions))
