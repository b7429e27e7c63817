"""Whether a condition can hold at all. The answer "never" is certain; anything else means "perhaps"."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nextbest_rules.analysis.literals import Alternative, Asked, Compared, alternatives
from nextbest_rules.cel.kinds import BOOL, DOUBLE, INT, STRING, TIMESTAMP, UINT, Type
from nextbest_rules.cel.nodes import (
    And,
    Call,
    Has,
    ListLiteral,
    Missing,
    Node,
    Read,
    Select,
)

_NUMBERS = frozenset({INT, UINT, DOUBLE})
_ORDERED = frozenset({*_NUMBERS, STRING, TIMESTAMP})
_NEVER_NEGATIVE = frozenset({"size", "count"})


def never_true(*trees: Node) -> bool:
    """Tell whether conditions can certainly never be true together."""
    found = alternatives(And(trees) if len(trees) > 1 else trees[0])
    return found is not None and all(map(_contradicts_itself, found))


def never_false(tree: Node) -> bool:
    """Tell whether a condition can certainly never be false: it holds whenever it can be evaluated."""
    found = alternatives(tree, wanted=False)
    return found is not None and all(map(_contradicts_itself, found))


def _contradicts_itself(alternative: Alternative) -> bool:
    asked = {(literal.condition, literal.wanted) for literal in alternative if isinstance(literal, Asked)}
    if any((condition, not wanted) in asked for condition, wanted in asked):
        return True
    by_value: dict[Node, list[Compared]] = {}
    for literal in alternative:
        if isinstance(literal, Compared):
            by_value.setdefault(literal.value, []).append(literal)
    absent = {node.mention for node, wanted in asked if isinstance(node, Has) and not wanted}
    needed = {value for tree in (*by_value, *(node for node, _ in asked)) for value in _needed(tree)}
    if any(isinstance(value, Missing) or value.mention in absent for value in needed):
        return True
    return any(_empty(value, compared) for value, compared in by_value.items())


def _needed(tree: Node) -> Iterator[Read | Missing]:
    """Yield what must have a value for the tree to have one. Logic and loops may do without some."""
    if isinstance(tree, Read | Missing):
        yield tree
    elif isinstance(tree, Call | Select | ListLiteral):
        for below in tree.children:
            yield from _needed(below)


@dataclass(slots=True)
class _Range:
    """The values that comparisons leave: between two bounds, of `allowed` (None: any), not `barred`."""

    low: Any = None
    low_open: bool = False
    high: Any = None
    high_open: bool = False
    allowed: frozenset[Any] | None = None
    barred: frozenset[Any] = frozenset()

    def above(self, bound: Any, *, is_open: bool) -> None:  # noqa: ANN401 - any value that has an order
        if self.low is None or bound > self.low or (bound == self.low and is_open):
            self.low, self.low_open = bound, is_open

    def below(self, bound: Any, *, is_open: bool) -> None:  # noqa: ANN401 - any value that has an order
        if self.high is None or bound < self.high or (bound == self.high and is_open):
            self.high, self.high_open = bound, is_open

    def among(self, values: Iterable[Any]) -> None:
        chosen = frozenset(values)
        self.allowed = chosen if self.allowed is None else self.allowed & chosen

    def without(self, values: Iterable[Any]) -> None:
        self.barred |= frozenset(values)

    def holds(self, value: Any) -> bool:  # noqa: ANN401 - any value that has an order
        if value in self.barred:
            return False
        if self.low is not None and (value < self.low or (self.low_open and value == self.low)):
            return False
        return self.high is None or not (value > self.high or (self.high_open and value == self.high))

    def empty(self, *, whole: bool) -> bool:
        """Tell whether no value is left; `whole` values are integers."""
        if self.allowed is not None:
            return not any(map(self.holds, self.allowed))
        if self.low is None or self.high is None:
            return False
        if whole:
            return self._no_whole_number()
        if self.low == self.high:
            return self.low_open or self.high_open or self.low in self.barred
        return bool(self.low > self.high)

    def _no_whole_number(self) -> bool:
        lowest, highest = math.ceil(self.low), math.floor(self.high)
        lowest += self.low_open and lowest == self.low
        highest -= self.high_open and highest == self.high
        if highest - lowest >= len(self.barred):
            return False
        return all(value in self.barred for value in range(lowest, highest + 1))


def _empty(value: Node, compared: Sequence[Compared]) -> bool:
    types = {constant.type for literal in compared for constant in literal.constants}
    if not _comparable(types):
        return False
    left = _Range()
    if _never_negative(value) and types <= _NUMBERS:
        left.above(0, is_open=False)
    for literal in compared:
        _narrow(left, literal)
    return left.empty(whole=_is_whole(value))


def _comparable(types: set[Type]) -> bool:
    """Tell whether constants have one order; of types such as bytes only equality would be known."""
    return bool(types) and (types <= _NUMBERS or (len(types) == 1 and types <= _ORDERED | {BOOL}))


def _narrow(left: _Range, literal: Compared) -> None:
    values = [constant.value for constant in literal.constants]
    match literal.operator:
        case "==" | "in":
            left.among(values)
        case "!=" | "not in":
            left.without(values)
        case "<" | "<=" as operator:
            left.below(values[0], is_open=operator == "<")
        case ">" | ">=" as operator:
            left.above(values[0], is_open=operator == ">")


def _never_negative(value: Node) -> bool:
    return isinstance(value, Call) and value.function in _NEVER_NEGATIVE


def _is_whole(value: Node) -> bool:
    return _never_negative(value) or (isinstance(value, Read) and value.type == INT)
