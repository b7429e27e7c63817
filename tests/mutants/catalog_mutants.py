"""Every way in which one rule of a catalog can be broken: what its policy tests must notice."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from nextbest_rules import Action, Catalog
from nextbest_rules.catalog import Emphasis, Formula, Lever, Placement, Treatment, Window
from nextbest_rules.policies import (
    Cap,
    ConditionRule,
    ContextWeight,
    DoNotContact,
    Guard,
    GuardScope,
    QuietHours,
    Selector,
)
from nextbest_rules.rulebook import rules_of
from nextbest_rules.terms import UnknownMode

REMOVED, NEGATED, CHANGED, MODE = "removed", "negated", "changed", "mode"
SECOND_MS = 1_000
_DAY_MINUTES = 24 * 60
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A catalog with one thing broken: the names that tests know it by, how it is broken, and the catalog."""

    things: tuple[str, ...]
    kind: str
    how: str
    catalog: Catalog

    def __str__(self) -> str:
        return f"{self.things[0]}: {self.how}"


def mutants_of(catalog: Catalog) -> Iterator[Mutant]:
    """Yield every mutant of a catalog."""
    yield from _of_policies(catalog)
    yield from _of_actions(catalog)
    yield from _of_levers(catalog)
    yield from _of_named_conditions(catalog)
    yield from _of_placements(catalog)


# --- policies


def _of_policies(catalog: Catalog) -> Iterator[Mutant]:
    for section in fields(catalog.policies):
        rules: Sequence[Any] = getattr(catalog.policies, section.name)
        for place, rule in enumerate(rules):

            def broken(kind: str, how: str, *changed: object) -> Mutant:
                edited = (*rules[:place], *changed, *rules[place + 1 :])  # noqa: B023 - used at once
                policies = replace(catalog.policies, **{section.name: edited})  # noqa: B023
                return Mutant((rule.id,), kind, how, replace(catalog, policies=policies))  # noqa: B023

            yield broken(REMOVED, "removed")
            for kind, how, changed in _changes(rule):
                yield broken(kind, how, changed)


def _changes(rule: Any) -> Iterator[tuple[str, str, object]]:
    match rule:
        case ConditionRule():
            yield NEGATED, "condition turned over", replace(rule, require=f"!({rule.require})")
        case DoNotContact():
            yield NEGATED, "condition turned over", replace(rule, when=f"!({rule.when})")
        case Guard():
            yield from _guard_changes(rule)
        case ContextWeight():
            if rule.when is not None:
                yield NEGATED, "condition turned over", replace(rule, when=f"!({rule.when})")
            doubled = f"2.0 * double({rule.weight})" if isinstance(rule.weight, str) else 2 * rule.weight
            yield CHANGED, "weight doubled", replace(rule, weight=doubled)
        case Cap():
            yield CHANGED, "one more allowed", replace(rule, max=rule.max + 1)
            if rule.max:
                yield CHANGED, "one less allowed", replace(rule, max=rule.max - 1)
        case QuietHours():
            yield CHANGED, "begins a minute late", replace(rule, from_minute=rule.from_minute + 1)
            yield (
                CHANGED,
                "ends a minute early",
                replace(rule, until_minute=(rule.until_minute - 1) % _DAY_MINUTES),
            )
    yield from _timed_changes(rule)
    yield from _scope_changes(rule)


def _guard_changes(guard: Guard) -> Iterator[tuple[str, str, object]]:
    yield NEGATED, "condition turned over", replace(guard, when=f"!({guard.when})")
    if guard.hold is not None:
        yield REMOVED, "holds nothing", replace(guard, hold=None)
    for place in range(len(guard.promote)):
        rest = guard.promote[:place] + guard.promote[place + 1 :]
        yield REMOVED, f"promotion {place + 1} removed", replace(guard, promote=rest)
    if guard.scope is GuardScope.PRODUCT:
        yield CHANGED, "scope overall", replace(guard, scope=GuardScope.OVERALL)
    if guard.ended is not None:
        yield CHANGED, "decays a second late", replace(guard, decay_ms=guard.decay_ms + SECOND_MS)
        yield CHANGED, "decays a second early", replace(guard, decay_ms=guard.decay_ms - SECOND_MS)


def _timed_changes(rule: Any) -> Iterator[tuple[str, str, object]]:
    for name in ("window_ms", "max_age_ms"):
        length = getattr(rule, name, None)
        if length is not None:
            yield CHANGED, f"{name} a second longer", replace(rule, **{name: length + SECOND_MS})
            yield CHANGED, f"{name} a second shorter", replace(rule, **{name: length - SECOND_MS})


def _scope_changes(rule: Any) -> Iterator[tuple[str, str, object]]:
    if hasattr(rule, "when_unknown"):
        flipped = UnknownMode.ALLOW if rule.when_unknown is UnknownMode.DENY else UnknownMode.DENY
        yield MODE, f"{flipped} when unknown", replace(rule, when_unknown=flipped)
    for name in ("applies_to", "hold"):
        selector = getattr(rule, name, None)
        if isinstance(selector, Selector) and selector.but_not is not None:
            yield CHANGED, "no exception", replace(rule, **{name: replace(selector, but_not=None)})
    if isinstance(rule, Cap) and rule.per:
        yield CHANGED, "counts all together", replace(rule, per=frozenset())


# --- actions


def _of_actions(catalog: Catalog) -> Iterator[Mutant]:
    for place, action in enumerate(catalog.actions):

        def broken(thing: str, kind: str, how: str, **changes: object) -> Mutant:
            edited = replace(action, **changes)  # type: ignore[arg-type]  # noqa: B023 - used at once
            actions = (*catalog.actions[:place], edited, *catalog.actions[place + 1 :])  # noqa: B023
            return Mutant((thing, action.id), kind, how, replace(catalog, actions=actions))  # noqa: B023

        yield from _own_conditions(action, broken)
        yield from _treatments(action, broken)
        if action.volume_cap is not None:
            yield broken(action.id, REMOVED, "volume cap removed", volume_cap=None)
            yield broken(action.id, CHANGED, "volume cap one higher", volume_cap=action.volume_cap + 1)
        if action.valid:
            yield broken(action.id, REMOVED, "always valid", valid=())
            later = tuple(map(_a_second_later, action.valid))
            yield broken(action.id, CHANGED, "validity a second later", valid=later)
        if action.brands is not None:
            yield broken(action.id, CHANGED, "of every brand", brands=None)
        if isinstance(action.value, Formula):
            doubled = Formula(f"2.0 * double({action.value.source})")
            yield broken(action.id, CHANGED, "value doubled", value=doubled)
        if action.valid_for_ms is not None:
            yield broken(action.id, REMOVED, "does not expire", valid_for_ms=None)


def _a_second_later(window: Window) -> Window:
    from_ms = None if window.from_ms is None else window.from_ms + SECOND_MS
    until_ms = None if window.until_ms is None else window.until_ms + SECOND_MS
    return Window(from_ms, until_ms)


def _own_conditions(action: Action, broken: Callable[..., Mutant]) -> Iterator[Mutant]:
    for rule in action.rules:
        yield broken(rule.id, REMOVED, "removed", rules=_with(action.rules, rule))
        for kind, how, changed in _changes(rule):
            yield broken(rule.id, kind, how, rules=_with(action.rules, rule, changed))


def _treatments(action: Action, broken: Callable[..., Mutant]) -> Iterator[Mutant]:
    for treatment in action.treatments:
        yield broken(
            treatment.id, CHANGED, "treatment removed", treatments=_with(action.treatments, treatment)
        )
        for kind, how, changed in _treatment_changes(treatment):
            yield broken(treatment.id, kind, how, treatments=_with(action.treatments, treatment, changed))


def _treatment_changes(treatment: Treatment) -> Iterator[tuple[str, str, Treatment]]:
    for name in treatment.parameters:
        rest = {other: formula for other, formula in treatment.parameters.items() if other != name}
        yield REMOVED, f"parameter {name} removed", replace(treatment, parameters=rest)
    if treatment.valid_for_ms is not None:
        yield CHANGED, "does not expire", replace(treatment, valid_for_ms=None)
    if treatment.channels is not None:
        yield CHANGED, "on every channel", replace(treatment, channels=None)


def _with(items: tuple[Item, ...], old: Item, *new: Any) -> tuple[Any, ...]:
    """Return the items with one replaced, or left out."""
    place = next(place for place, item in enumerate(items) if item is old)
    return (*items[:place], *new, *items[place + 1 :])


# --- goals, brands, named conditions, placements


def _of_levers(catalog: Catalog) -> Iterator[Mutant]:
    for section, emphases in (("goals", catalog.goals), ("brands", catalog.brands)):
        for emphasis in emphases.values():
            for number, lever in enumerate(emphasis.levers, start=1):
                rest = _with(emphasis.levers, lever)
                doubled = _with(emphasis.levers, lever, Lever(lever.applies_to, 2 * lever.lever))
                things = (emphasis.id,)
                yield Mutant(
                    things, REMOVED, f"lever {number} removed", _with_levers(catalog, section, emphasis, rest)
                )
                yield Mutant(
                    things,
                    CHANGED,
                    f"lever {number} doubled",
                    _with_levers(catalog, section, emphasis, doubled),
                )


def _with_levers(catalog: Catalog, section: str, emphasis: Emphasis, levers: tuple[Lever, ...]) -> Catalog:
    edited = {**getattr(catalog, section), emphasis.id: replace(emphasis, levers=levers)}
    return replace(catalog, **{section: edited})


def _of_named_conditions(catalog: Catalog) -> Iterator[Mutant]:
    for condition in catalog.conditions:
        turned = replace(condition, when=f"!({condition.when})")
        edited = _with(catalog.conditions, condition, turned)
        things = (f"conditions.{condition.name}", *_users(catalog, condition.name))
        yield Mutant(things, NEGATED, "turned over", replace(catalog, conditions=edited))


def _users(catalog: Catalog, name: str) -> Iterator[str]:
    """Yield the rules that use a named condition."""
    for rule in rules_of(catalog):
        if f"conditions.{name}" in (getattr(rule, "when", "") or getattr(rule, "require", "")):
            yield rule.id


def _of_placements(catalog: Catalog) -> Iterator[Mutant]:
    for placement in catalog.placements.values():
        for kind, how, changed in _placement_changes(placement):
            edited = {**catalog.placements, placement.id: changed}
            yield Mutant((placement.id,), kind, how, replace(catalog, placements=edited))


def _placement_changes(placement: Placement) -> Iterator[tuple[str, str, Placement]]:
    if placement.fallback is not None:
        yield REMOVED, "no fallback", replace(placement, fallback=None)
    if placement.best_hour is not None:
        yield REMOVED, "no best hour", replace(placement, best_hour=None)
    for channel in placement.channel_weights:
        rest = {other: formula for other, formula in placement.channel_weights.items() if other != channel}
        channels = tuple(other for other in placement.channels if other != channel)
        fewer = replace(placement, channel_weights=rest, channels=channels)
        yield REMOVED, f"without channel {channel}", fewer
