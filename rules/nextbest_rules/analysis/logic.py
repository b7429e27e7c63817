"""Conditions that are always or never true, and conditions that contradict each other."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from nextbest_rules.analysis.satisfiability import never_false, never_true
from nextbest_rules.analysis.study import CatalogWarning, Study, WarningKind
from nextbest_rules.catalog import Action
from nextbest_rules.cel import Expression, conjuncts
from nextbest_rules.cel.nodes import Node
from nextbest_rules.observation import attribute
from nextbest_rules.policies import ConditionRule, ContextWeight, DoNotContact, Guard
from nextbest_rules.rulebook import rules_of
from nextbest_rules.terms import UnknownMode


def constant_conditions(study: Study) -> Iterator[CatalogWarning]:
    """Find conditions, or parts of them, that come out the same for everybody."""
    for condition in study.catalog.conditions:
        tree = study.expressions.condition(condition.when).tree
        yield from _constant(study, f"conditions.{condition.name}", tree)
    for rule in rules_of(study.catalog):
        match rule:
            case ConditionRule():
                tree = study.expressions.condition(rule.require).tree
                yield from _constant(
                    study, rule.id, tree, _effects(rule, "stops nothing", "stops everything")
                )
            case DoNotContact():
                tree = study.expressions.condition(rule.when).tree
                yield from _constant(
                    study, rule.id, tree, _effects(rule, "stops everything", "stops nothing")
                )
            case Guard():
                effects = _effects(rule, "is always in force", "is never in force")
                yield from _constant(study, rule.id, study.cause(rule).tree, effects)
            case ContextWeight(when=str(when)):
                tree = study.expressions.condition(when).tree
                yield from _constant(study, rule.id, tree, ("", "; it never has a say"))


def _effects(rule: ConditionRule | DoNotContact | Guard, if_true: str, if_false: str) -> tuple[str, str]:
    """Return what a rule does if its condition is never false, and if it is never true.

    It is told only if the rule does the same where the condition cannot be evaluated.
    """
    denies = rule.when_unknown is UnknownMode.DENY
    acts_on_truth = not isinstance(rule, ConditionRule)
    told = denies is acts_on_truth
    return f"; it {if_true}" if told else "", "" if told else f"; it {if_false}"


def _constant(
    study: Study, name: str, tree: Node, effects: tuple[str, str] = ("", "")
) -> Iterator[CatalogWarning]:
    for message in _verdicts(tree, effects):
        location = study.places.of_condition(name)
        yield CatalogWarning(WarningKind.CONSTANT_CONDITION, location, f"the condition of '{name}' {message}")


def _verdicts(tree: Node, effects: tuple[str, str]) -> Iterator[str]:
    if never_true(tree):
        yield f"can never be true{effects[1]}"
    elif never_false(tree):
        yield f"can never be false{effects[0]}"
    else:
        parts = conjuncts(tree)
        for number, part in enumerate(parts, start=1):
            if len(parts) > 1 and never_false(part):
                yield f"has a part that can never be false: number {number} of its &&"


@dataclass(frozen=True, slots=True)
class _Demand:
    """What must be true for an action to be offered, and which rule says so."""

    rule_id: str
    condition: Expression
    mask: int


def contradictions(study: Study) -> Iterator[CatalogWarning]:
    """Find rules of which no customer can meet both, and actions that no customer can ever have.

    A rule that lets pass what it cannot decide demands nothing.
    """
    demands = [demand for demand in _demands(study) if not never_true(demand.condition.tree)]
    told = 0
    for one, other in _related(demands):
        both = one.mask & other.mask & ~told
        if both and never_true(one.condition.tree, other.condition.tree):
            told |= both
            message = (
                f"no customer can meet both '{other.rule_id}' and '{one.rule_id}', "
                f"so nobody ever gets {study.names(both)}"
            )
            yield study.warn(WarningKind.CONTRADICTION, ("rule", other.rule_id), message)
    yield from _out_of_reach(study, demands, told)


def _demands(study: Study) -> Iterator[_Demand]:
    for rule in rules_of(study.catalog):
        if isinstance(rule, ConditionRule) and rule.when_unknown is UnknownMode.DENY:
            condition = study.expressions.condition(rule.require)
            yield _Demand(rule.id, condition, study.mask(rule.applies_to))


def _related(demands: Iterable[_Demand]) -> Iterator[tuple[_Demand, _Demand]]:
    """Yield the pairs of demands that look at a common value."""
    reads = [(demand, frozenset(demand.condition.mentions)) for demand in demands]
    for (one, of_one), (other, of_other) in combinations(reads, 2):
        if of_one & of_other and one.mask & other.mask:
            yield one, other


def _out_of_reach(study: Study, demands: list[_Demand], told: int) -> Iterator[CatalogWarning]:
    """Find actions whose attributes, or whose demands all together, leave no customer."""
    verdicts: dict[tuple[Node, ...], bool] = {}
    for bit, action in enumerate(study.catalog.actions):
        own = [demand for demand in demands if demand.mask >> bit & 1]
        if told >> bit & 1 or not own:
            continue
        trees = tuple(_bound(demand.condition, action) for demand in own)
        if trees not in verdicts:
            verdicts[trees] = never_true(*trees)
        if verdicts[trees]:
            rules = _culprits([demand.rule_id for demand in own], trees)
            message = f"no customer can ever get action '{action.id}': {rules}"
            yield study.warn(WarningKind.UNREACHABLE_ACTION, ("action", action.id), message)


def _bound(condition: Expression, action: Action) -> Node:
    names = [mention.field for mention in condition.mentions if mention.root == "action"]
    if not names:
        return condition.tree
    values = {name: attribute(action, name) for name in names}
    return condition.bind({name: value for name, value in values.items() if value is not None}).tree


def _culprits(names: list[str], trees: tuple[Node, ...]) -> str:
    """Return the fewest rules that leave no customer, found by leaving out one after the other."""
    kept = list(range(len(trees)))
    for position in range(len(trees)):
        rest = [place for place in kept if place != position]
        if rest and never_true(*(trees[place] for place in rest)):
            kept = rest
    *others, last = [f"'{names[place]}'" for place in kept]
    if not others:
        return f"{last} can never hold for it"
    return f"{', '.join(others)} and {last} can never hold together"


def held_for_ever(study: Study) -> Iterator[CatalogWarning]:
    """Find actions that a guard without an end always holds."""
    held = 0
    for guard in study.catalog.policies.guards:
        lasting = guard.hold is not None and not guard.over and guard.ended is None
        if lasting and guard.when_unknown is UnknownMode.DENY and never_false(study.cause(guard).tree):
            assert guard.hold is not None
            for action in study.actions(study.mask(guard.hold) & ~held):
                message = f"action '{action.id}' is never offered: guard '{guard.id}' always holds it"
                yield study.warn(WarningKind.UNREACHABLE_ACTION, ("action", action.id), message)
            held |= study.mask(guard.hold)
