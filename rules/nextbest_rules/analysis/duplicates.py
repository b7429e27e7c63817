"""Rules that say the same as another one."""

from collections.abc import Hashable, Iterator
from dataclasses import fields

from nextbest_rules.analysis.literals import alternatives
from nextbest_rules.analysis.study import CatalogWarning, Study, WarningKind
from nextbest_rules.cel.nodes import Node
from nextbest_rules.policies import ConditionRule, ContextWeight, DoNotContact, Guard, Selector
from nextbest_rules.rulebook import Rule, rules_of

_WORDS = frozenset({"id", "reason"})
_CONDITIONS = frozenset({"require", "when"})


def duplicate_rules(study: Study) -> Iterator[CatalogWarning]:
    """Find rules that differ from an earlier one in their words only."""
    first: dict[Hashable, str] = {}
    for rule in rules_of(study.catalog):
        known = first.setdefault(_meaning(study, rule), rule.id)
        if known != rule.id:
            message = f"rule '{rule.id}' says the same as '{known}'"
            yield study.warn(WarningKind.DUPLICATE_RULE, ("rule", rule.id), message)


def _meaning(study: Study, rule: Rule) -> Hashable:
    """Return what a rule does, whatever it is called."""
    apart = _WORDS | _CONDITIONS
    own = tuple(_part(study, getattr(rule, item.name)) for item in fields(rule) if item.name not in apart)
    return type(rule), own, _condition(study, rule)


def _part(study: Study, value: object) -> Hashable:
    if isinstance(value, Selector):
        return study.mask(value)
    if isinstance(value, tuple):
        return tuple(
            (study.mask(promotion.applies_to), promotion.lever, promotion.pin) for promotion in value
        )
    assert isinstance(value, Hashable)
    return value


def _condition(study: Study, rule: Rule) -> Hashable:
    match rule:
        case ConditionRule():
            return _logic(study.expressions.condition(rule.require).tree)
        case DoNotContact():
            return _logic(study.expressions.condition(rule.when).tree)
        case ContextWeight(when=str(when)):
            return _logic(study.expressions.condition(when).tree)
        case Guard():
            return _logic(study.cause(rule).tree)
        case _:
            return None


def _logic(tree: Node) -> Hashable:
    """Return when a condition holds, in whatever order and direction it is written."""
    found = alternatives(tree)
    return tree if found is None else frozenset(map(frozenset, found))
