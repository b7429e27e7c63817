"""C of P x C x V x L: how well actions fit the moment, by the catalog's context weights."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from nextbest_rules.catalog import Catalog
from nextbest_rules.cel import Kind
from nextbest_rules.policies import MOST_WEIGHT, ContextWeight
from nextbest_rules.selection import mask_of
from nextbest_rules.sight import Function, Layout, View


class Weighing(NamedTuple):
    """A context weight that has a say now: the actions, and the factor on their priority."""

    rule_id: str
    mask: int
    weight: float


@dataclass(frozen=True, slots=True)
class _Compiled:
    rule_id: str
    mask: int
    when: Function | None
    weight: float | Function

    def weigh(self, view: View) -> Weighing | None:
        """Return the weight, None while it has no say: its moment is not now, or cannot be told."""
        if self.when is not None and self.when(view.slots) is not True:
            return None
        if isinstance(self.weight, float):
            return Weighing(self.rule_id, self.mask, self.weight)
        weight = _usable(self.weight(view.slots))
        return None if weight is None else Weighing(self.rule_id, self.mask, weight)


@dataclass(frozen=True, slots=True)
class ContextWeights:
    """The compiled context weights of a catalog."""

    _weights: tuple[_Compiled, ...]

    @classmethod
    def of(cls, catalog: Catalog, layout: Layout) -> "ContextWeights":
        """Compile the context weights of a catalog."""
        return cls(tuple(_compile(rule, catalog, layout) for rule in catalog.policies.context_weights))

    def weighings(self, live: int, view: View) -> Iterator[Weighing]:
        """Yield what has a say about any of the live actions."""
        for compiled in self._weights:
            if compiled.mask & live and (weighing := compiled.weigh(view)) is not None:
                yield weighing


def _compile(rule: ContextWeight, catalog: Catalog, layout: Layout) -> _Compiled:
    check, weight = layout.expressions, rule.weight
    return _Compiled(
        rule_id=rule.id,
        mask=mask_of(rule.applies_to, catalog),
        when=None if rule.when is None else layout.function(check.condition(rule.when)),
        weight=layout.function(check.number(weight), Kind.NUMBER) if isinstance(weight, str) else weight,
    )


def _usable(value: object) -> float | None:
    """Return a weight that a formula gave; None unless it is a finite number above 0 and not absurd."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if 0 < value <= MOST_WEIGHT else None
