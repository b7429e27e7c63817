"""Every expression of a catalog, checked and with all that it names filled in."""

from collections.abc import Iterator

from nextbest_rules.catalog import Catalog, Formula
from nextbest_rules.cel import Expression
from nextbest_rules.expressions import Expressions
from nextbest_rules.policies import ConditionRule, ContextWeight, DoNotContact, Guard, QuietHours
from nextbest_rules.rulebook import rules_of
from nextbest_rules.stages.guards import ELEMENTS


def named_expressions(catalog: Catalog, check: Expressions) -> Iterator[Expression]:
    """Yield what conditions and segments mean on their own."""
    yield from (check.condition(item.when) for item in catalog.conditions)
    yield from (check.condition(item.when) for item in catalog.segments)


def guard_expressions(guard: Guard, check: Expressions) -> Iterator[Expression]:
    """Yield the cause of a guard, and when it ended."""
    yield check.condition(guard.when, ELEMENTS.get(guard.over))
    if guard.ended is not None:
        yield check.instant(guard.ended, ELEMENTS.get(guard.over))


def rule_expressions(catalog: Catalog, check: Expressions) -> Iterator[Expression]:
    """Yield the expressions of all rules but guards."""
    for rule in rules_of(catalog):
        match rule:
            case ConditionRule():
                yield check.condition(rule.require)
            case DoNotContact():
                yield check.condition(rule.when)
            case QuietHours() if rule.time_zone is not None:
                yield check.text(rule.time_zone)
            case ContextWeight():
                if rule.when is not None:
                    yield check.condition(rule.when)
                if isinstance(rule.weight, str):
                    yield check.number(rule.weight)


def formulas(catalog: Catalog, check: Expressions) -> Iterator[Expression]:
    """Yield what actions and placements compute."""
    for action in catalog.actions:
        if isinstance(action.value, Formula):
            yield check.number(action.value.source)
        for treatment in action.treatments:
            yield from (check.parameter(formula.source) for formula in treatment.parameters.values())
    for placement in catalog.placements.values():
        yield from (check.number(formula.source) for formula in placement.channel_weights.values())
        if placement.best_hour is not None:
            yield check.integer(placement.best_hour.source)
        if placement.time_zone is not None:
            yield check.text(placement.time_zone.source)
