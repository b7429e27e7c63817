"""Every rule of a catalog as one kind of thing: its id, what it is about, and when it has a say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from nextbest_rules.catalog import Action, Arm, Catalog, Emphasis
from nextbest_rules.policies import (
    Cap,
    ConditionRule,
    ConsentRule,
    ContextWeight,
    DoNotContact,
    ExclusiveRule,
    Guard,
    OwnedRule,
    QuietHours,
    Selector,
)
from nextbest_rules.selection import selects
from nextbest_rules.terms import Direction

Rule: TypeAlias = (
    ConsentRule
    | DoNotContact
    | Guard
    | ConditionRule
    | OwnedRule
    | Cap
    | QuietHours
    | ExclusiveRule
    | ContextWeight
)
VOLUME_CAP = "volume_cap"
BUILT_IN = frozenset(
    {"not_yet_valid", "expired", "brand", "killed", VOLUME_CAP, "type", "channel", "treatment", "excluded"}
    | {"candidates", "value", "parameters", "fallback"}
)
"""Rule ids that every catalog has: they name what no file declares as a rule."""


def rules_of(catalog: Catalog) -> Iterator[Rule]:
    """Yield every rule with an id, actions' own conditions included, in the order of the stages.

    Context weights, which stop nothing, come last.
    """
    policies = catalog.policies
    yield from policies.consent
    yield from policies.do_not_contact
    yield from policies.guards
    yield from policies.conditions
    for action in catalog.actions:
        yield from action.rules
    yield from policies.owned
    yield from policies.caps
    yield from policies.quiet_hours
    yield from policies.exclusive
    yield from policies.context_weights


def rule_ids(catalog: Catalog) -> frozenset[str]:
    """Return every rule id that an exclusion can name, holdouts and experiments among them."""
    tried = catalog.experimentation
    rules = (rule.id for rule in rules_of(catalog) if not isinstance(rule, ContextWeight))
    experiments = (experiment.id for experiment in tried.experiments)
    return BUILT_IN.union(rules, (holdout.id for holdout in tried.holdouts), experiments)


def stops_what(rule: Rule) -> Selector | None:
    """Return the actions that a rule may stop; None for a guard that holds nothing, and for weights."""
    if isinstance(rule, ContextWeight):
        return None
    return rule.hold if isinstance(rule, Guard) else rule.applies_to


def speaks_on(rule: Rule, channel: str, direction: Direction) -> bool:
    """Tell whether a rule has a say about contacts of this kind."""
    channels = getattr(rule, "channels", None)
    directions = getattr(rule, "directions", None)
    return (channels is None or channel in channels) and (directions is None or direction in directions)


@dataclass(frozen=True, slots=True)
class Lift:
    """A factor on some actions' priority: by a guard while it is in force, or under a goal or brand."""

    name: str
    owner: str
    applies_to: Selector
    lever: float
    pin: bool = False


def promotions_of(catalog: Catalog) -> Iterator[Lift]:
    """Yield what guards bring forward, named `<guard>.promote.<n from 1>`."""
    for guard in catalog.policies.guards:
        for number, promotion in enumerate(guard.promote, start=1):
            name = f"{guard.id}.promote.{number}"
            yield Lift(name, guard.id, promotion.applies_to, promotion.lever, promotion.pin)


def levers_of(emphases: Mapping[str, Emphasis], what: str) -> Iterator[Lift]:
    """Yield the levers of goals or brands, named `<what> <id>.lever.<n from 1>`."""
    for emphasis in emphases.values():
        for number, lever in enumerate(emphasis.levers, start=1):
            yield Lift(f"{what} {emphasis.id}.lever.{number}", emphasis.id, lever.applies_to, lever.lever)


def lever_of(of: Emphasis | Arm | None, action: Action) -> float:
    """Return the factor of a goal, a brand or an arm on one action."""
    factor = 1.0
    for lever in () if of is None else of.levers:
        factor *= lever.lever if selects(lever.applies_to, action) else 1.0
    return factor
