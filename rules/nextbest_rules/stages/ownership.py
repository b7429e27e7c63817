"""Suppression in stage applicability: nobody wants to be sold what they have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nextbest_rules.catalog import Action, Catalog
from nextbest_rules.dates import iso
from nextbest_rules.durations import show_duration
from nextbest_rules.explanation import Finding, Stop, stop
from nextbest_rules.policies import OwnedRule, ProductKey
from nextbest_rules.records import Purchase
from nextbest_rules.selection import selects
from nextbest_rules.sight import View
from nextbest_rules.terms import Stage, UnknownMode


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A rule, all actions it could stop, and by product or category those that sell it."""

    rule: OwnedRule
    mask: int
    selling: Mapping[str, int]

    def key(self, purchase: Purchase) -> str:
        return purchase.product if self.rule.by is ProductKey.PRODUCT else purchase.category

    def until_ms(self, purchase: Purchase) -> int | None:
        """Return when the purchase counts no more, at the latest when it is given back; None: not known."""
        window_ms, at_ms = self.rule.window_ms, purchase.at_ms
        over_ms = None if window_ms is None or at_ms is None else at_ms + window_ms
        return min((end for end in (over_ms, purchase.ended_at_ms) if end is not None), default=None)

    def holds(self, purchase: Purchase, now_ms: int) -> bool:
        """Tell whether the purchase still counts. Whether one of unknown time does is for the rule to say."""
        until_ms = self.until_ms(purchase)
        if until_ms is not None and now_ms >= until_ms:
            return False
        dated = self.rule.window_ms is None or purchase.at_ms is not None
        return dated or self.rule.when_unknown is UnknownMode.DENY


@dataclass(frozen=True, slots=True)
class OwnershipStage:
    """All rules about what the customer has or just bought."""

    _rules: tuple[_Compiled, ...]

    @classmethod
    def of(cls, catalog: Catalog) -> "OwnershipStage":
        """Compile the rules of a catalog."""
        return cls(tuple(_compile(rule, catalog) for rule in catalog.policies.owned))

    @property
    def idle(self) -> bool:
        """Whether there is nothing to ask."""
        return not self._rules

    def screen(self, live: int, view: View) -> int:
        """Return what the customer does not have yet."""
        purchases, now_ms = view.situation.purchases, view.situation.now_ms
        for compiled in self._rules:
            if not live & compiled.mask:
                continue
            if purchases is None:
                live &= ~_stopped_if_unknown(compiled)
                continue
            for purchase in purchases:
                selling = compiled.selling.get(compiled.key(purchase), 0)
                if live & selling and compiled.holds(purchase, now_ms):
                    live &= ~selling
        return live

    def stops(self, view: View) -> Iterator[Stop]:
        """Yield what this stage stops."""
        purchases = view.situation.purchases
        for compiled in self._rules:
            if purchases is None:
                yield stop(
                    Stage.APPLICABILITY,
                    _stopped_if_unknown(compiled),
                    Finding(compiled.rule.id, compiled.rule.reason, "the purchases cannot be read"),
                )
                continue
            for purchase in _longest_first(compiled, purchases):
                if compiled.holds(purchase, view.situation.now_ms):
                    selling = compiled.selling.get(compiled.key(purchase), 0)
                    yield stop(Stage.APPLICABILITY, selling, _finding(compiled, purchase))


def _compile(rule: OwnedRule, catalog: Catalog) -> _Compiled:
    selling: dict[str, int] = {}
    mask = 0
    for bit, action in enumerate(catalog.actions):
        if selects(rule.applies_to, action):
            for key in _sold(action, rule.by):
                selling[key] = selling.get(key, 0) | 1 << bit
                mask |= 1 << bit
    return _Compiled(rule, mask, selling)


def _sold(action: Action, by: ProductKey) -> frozenset[str]:
    return action.sells.products if by is ProductKey.PRODUCT else action.sells.categories


def _longest_first(compiled: _Compiled, purchases: tuple[Purchase, ...]) -> list[Purchase]:
    """Return the purchases in the order of how long they stop: of several, the longest explains best."""

    def length(purchase: Purchase) -> tuple[bool, int]:
        until_ms = compiled.until_ms(purchase)
        return until_ms is None, until_ms or 0

    return sorted(purchases, key=length, reverse=True)


def _stopped_if_unknown(compiled: _Compiled) -> int:
    return compiled.mask if compiled.rule.when_unknown is UnknownMode.DENY else 0


def _finding(compiled: _Compiled, purchase: Purchase) -> Finding:
    rule = compiled.rule
    when = "" if purchase.at_ms is None else f" at {iso(purchase.at_ms)}"
    what, until_ms = f"{rule.by} {compiled.key(purchase)}", compiled.until_ms(purchase)
    if rule.window_ms is None:
        bought = f", bought{when}" if when else ""
        return Finding(rule.id, rule.reason, f"has {what}{bought}", "not held", until_ms)
    required = f"bought {show_duration(rule.window_ms)} ago or longer"
    return Finding(rule.id, rule.reason, f"bought {what}{when}", required, until_ms)
