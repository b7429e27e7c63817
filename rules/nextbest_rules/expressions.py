"""The expressions of a catalog: each checked once, with all that it names filled in."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias

from nextbest_rules.catalog import Catalog
from nextbest_rules.cel import (
    MAX_NODES,
    Expression,
    ExpressionChecker,
    ExpressionFault,
    Kind,
    Mention,
    Node,
    Vocabulary,
)
from nextbest_rules.declarations import ValueType
from nextbest_rules.definitions import Definition, definitions, users_last, way_round

Checked: TypeAlias = Expression | tuple[ExpressionFault, ...]

MAX_DEPTH = 64
"""How deep an expression may be nested once all that it names is filled in."""


class CheckedExpressions:
    """Checks expressions against one vocabulary and what its names mean, and remembers what it found.

    `cycles` gives, for each name that leads back to itself, the way round: a, b, a.
    """

    def __init__(self, vocabulary: Vocabulary, meanings: Mapping[Mention, Definition]) -> None:
        self._checker = ExpressionChecker(vocabulary)
        self._written: dict[tuple[str, Kind, str | None], Checked] = {}
        self._filled: dict[tuple[str, Kind, str | None], Checked] = {}
        uses = {name: self._names_of(meaning) for name, meaning in meanings.items()}
        order = users_last(uses)
        circling = uses.keys() - set(order)
        self.cycles = {name: way for name in meanings if name in circling and (way := way_round(name, uses))}
        self._named: dict[Mention, Expression] = {}
        for name in order:
            found = self._meaning(name, meanings)
            if found is not None and self._named.keys() >= set(uses[name]):
                self._named[name] = found

    def as_written(self, source: str, kind: Kind, element: str | None = None) -> Checked:
        """Return the expression as it is written, or everything that is wrong with it."""
        key = source, kind, element
        if key not in self._written:
            self._written[key] = self._checker.check(source, kind, element)
        return self._written[key]

    def check(self, source: str, kind: Kind, element: str | None = None) -> Checked:
        """Return the expression with all that it names filled in, or everything that is wrong with it.

        What names an unsound condition or segment stays as it is written: that fault is enough.
        """
        key = source, kind, element
        if key not in self._filled:
            written = self.as_written(source, kind, element)
            self._filled[key] = self._fill(written) if isinstance(written, Expression) else written
        return self._filled[key]

    def _names_of(self, meaning: Definition) -> tuple[Mention, ...]:
        written = self.as_written(meaning.when, Kind.BOOL)
        own = _names_in(written) if isinstance(written, Expression) else ()
        return *own, *meaning.unless

    def _meaning(self, name: Mention, meanings: Mapping[Mention, Definition]) -> Expression | None:
        """Return what a name stands for, or None if it is unsound."""
        asked = (name, *meanings[name].unless)
        checked = [self.check(meanings[item].when, Kind.BOOL) for item in asked]
        sound = [item for item in checked if isinstance(item, Expression)]
        return sound[0].but_not(sound[1:]) if len(sound) == len(checked) else None

    def _fill(self, expression: Expression) -> Checked:
        used = {name: self._named.get(name) for name in _names_in(expression)}
        sound = {name: found for name, found in used.items() if found is not None}
        if not used or len(sound) < len(used):
            return expression
        filled = expression.inline(sound)
        return filled if _is_handy(filled.tree) else (_TOO_LARGE,)


_TOO_LARGE = ExpressionFault(
    1,
    1,
    f"too large once all that it names is filled in: at most {MAX_NODES:,} parts and {MAX_DEPTH} levels",
)


def _names_in(expression: Expression) -> Iterator[Mention]:
    return (mention for mention in expression.mentions if mention.root in ("conditions", "segments"))


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


class UnsoundExpressionError(ValueError):
    """An expression that no catalog could be loaded with."""

    def __init__(self, source: str, faults: tuple[ExpressionFault, ...]) -> None:
        super().__init__(f"{source}: " + "; ".join(fault.message for fault in faults))
        self.faults = faults


class Expressions:
    """The expressions of a loaded catalog, as the engine compiles them: all that they name is filled in.

    Loading has checked them already, and what it found is still known, so this is cheap. All methods raise
    `UnsoundExpressionError` for what could not have been loaded.
    """

    def __init__(self, catalog: Catalog) -> None:
        conditions = ((item.name, item.when) for item in catalog.conditions)
        segments = ((item.id, item.when, item.group) for item in catalog.segments)
        self._checked = checked_expressions(_vocabulary(catalog), definitions(conditions, segments))

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


def checked_expressions(vocabulary: Vocabulary, meanings: Mapping[Mention, Definition]) -> CheckedExpressions:
    """Return the expressions of a vocabulary and what its names mean: the same object for equal ones.

    So the engine finds checked what the loader has just checked.
    """
    declared = (vocabulary.facts, vocabulary.features, vocabulary.context, vocabulary.attributes)
    return _shared(tuple(tuple(types.items()) for types in declared), tuple(meanings.items()))


@lru_cache(maxsize=8)
def _shared(
    declared: tuple[_Types, ...], meanings: tuple[tuple[Mention, Definition], ...]
) -> CheckedExpressions:
    facts, features, context, attributes = map(dict, declared)
    conditions, segments = (
        frozenset(name.field for name, _ in meanings if name.root == root)
        for root in ("conditions", "segments")
    )
    vocabulary = Vocabulary(facts, features, context, attributes, conditions, segments)
    return CheckedExpressions(vocabulary, dict(meanings))
