"""Declarations that nothing in the catalog refers to."""

import re
from collections.abc import Iterable, Iterator

from nextbest_rules.analysis.study import CatalogWarning, Study, WarningKind
from nextbest_rules.analysis.unused_events import texts_in
from nextbest_rules.catalog import Catalog, Formula
from nextbest_rules.catalog_expressions import (
    formulas,
    guard_expressions,
    named_expressions,
    rule_expressions,
)
from nextbest_rules.cel import Expression
from nextbest_rules.expressions import Expressions
from nextbest_rules.policies import Cap, Guard, Selector
from nextbest_rules.rulebook import levers_of, rules_of

_NAMED_CONDITION = re.compile(r"\bconditions\s*\.\s*([a-z0-9_]+)")


def unused_declarations(study: Study) -> Iterator[CatalogWarning]:
    """Find what is declared, and read by no expression, selector, rule or feature."""
    catalog = study.catalog
    read = {
        str(mention)
        for expression in _expressions(catalog, study.expressions)
        for mention in expression.mentions
    }
    # What features read is the models' business: any text in their definitions may be a name.
    learned = {text for item in catalog.features for text in texts_in(item.definition)}
    selectors = [part for selector in _selectors(catalog) for part in _with_exceptions(selector)]
    selected = {name for selector in selectors for name in selector.attributes or ()}
    tags = {tag for selector in selectors for tag in selector.tags or ()}
    conditions = {name for source in _sources(catalog) for name in _NAMED_CONDITION.findall(source)}
    purposes = {rule.purpose for rule in catalog.policies.consent}
    for kind, declared, used in (
        ("fact", catalog.facts.declarations, _fields(read, "facts")),
        ("context value", catalog.context.declarations, _fields(read, "context") | learned),
        ("attribute", catalog.action_attributes, _fields(read, "action") | selected | learned),
        ("named condition", [item.name for item in catalog.conditions], conditions),
        ("purpose", catalog.purposes, purposes),
        ("tag", sorted({tag for action in catalog.actions for tag in action.tags}), tags),
    ):
        for name in declared:
            if name not in used:
                message = f"{kind} '{name}' is used nowhere"
                yield study.warn(WarningKind.UNUSED, (kind, name), message)


def _fields(mentions: Iterable[str], root: str) -> set[str]:
    return {mention.removeprefix(f"{root}.") for mention in mentions if mention.startswith(f"{root}.")}


# --- every expression


def _expressions(catalog: Catalog, check: Expressions) -> Iterator[Expression]:
    yield from named_expressions(catalog, check)
    yield from rule_expressions(catalog, check)
    for guard in catalog.policies.guards:
        yield from guard_expressions(guard, check)
    yield from formulas(catalog, check)


def _sources(catalog: Catalog) -> Iterator[str]:
    """Yield the text of every expression, as it is written."""
    yield from (item.when for item in catalog.conditions)
    yield from (item.when for item in catalog.segments)
    for rule in rules_of(catalog):
        for field in ("when", "require", "ended", "time_zone", "weight"):
            source = getattr(rule, field, None)
            if isinstance(source, str):
                yield source
    for action in catalog.actions:
        formulas = [formula for treatment in action.treatments for formula in treatment.parameters.values()]
        yield from (formula.source for formula in formulas)
        if isinstance(action.value, Formula):
            yield action.value.source
    for placement in catalog.placements.values():
        optional = (*placement.channel_weights.values(), placement.best_hour, placement.time_zone)
        yield from (formula.source for formula in optional if formula is not None)


# --- every selector


def _selectors(catalog: Catalog) -> Iterator[Selector]:
    for rule in rules_of(catalog):
        if not isinstance(rule, Guard):
            yield rule.applies_to
            if isinstance(rule, Cap):
                yield rule.counts
            continue
        yield from (promotion.applies_to for promotion in rule.promote)
        if rule.hold is not None:
            yield rule.hold
    for emphases, what in ((catalog.goals, "goal"), (catalog.brands, "brand")):
        yield from (lift.applies_to for lift in levers_of(emphases, what))
    yield from (holdout.applies_to for holdout in catalog.experimentation.holdouts)
    for arm in (arm for experiment in catalog.experimentation.experiments for arm in experiment.arms):
        yield from (lever.applies_to for lever in arm.levers)
        yield from () if arm.withhold is None else (arm.withhold,)


def _with_exceptions(selector: Selector) -> Iterator[Selector]:
    yield selector
    if selector.but_not is not None:
        yield from _with_exceptions(selector.but_not)
