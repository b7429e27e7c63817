"""Actions as domain types."""

import math
from collections.abc import Iterator
from types import MappingProxyType

from nextbest_rules.catalog import Action, Formula, Subject, Treatment, Window
from nextbest_rules.loading.assembly.selectors import Types, attribute_value, optional_set
from nextbest_rules.loading.documents import (
    ActionDocument,
    OwnConditionDocument,
    SubjectDocument,
    TreatmentDocument,
    ValidityDocument,
)
from nextbest_rules.loading.references.rules import TIERS, own_condition_id
from nextbest_rules.policies import ConditionRule, Selector
from nextbest_rules.terms import ActionType, Stage, UnknownMode


def action(item: ActionDocument, types: Types) -> Action:
    """Return an action; `types` are those of the attributes."""
    sells, about = _subject(item.sells), _subject(item.about)
    return Action(
        id=item.id,
        type=ActionType(item.type),
        issue=item.issue,
        group=item.group,
        title=item.title,
        value=Formula(item.value) if isinstance(item.value, str) else item.value,
        lever=item.lever,
        starting_propensity=item.starting_propensity,
        valid=_windows(item),
        channels=optional_set(item.channels),
        attributes=MappingProxyType(
            {name: attribute_value(value, types[name]) for name, value in item.attributes.items()}
        ),
        affinity=MappingProxyType(item.affinity),
        content=item.content,
        tags=frozenset(item.tags or ()),
        brands=optional_set(item.brands),
        sells=sells,
        about=_NOTHING if sells is about is _NOTHING else _union(sells, about),
        treatments=tuple(map(_treatment, item.treatments)),
        valid_for_ms=item.valid_for,
        volume_cap=item.volume_cap,
        rules=tuple(_rules(item)),
    )


def _windows(item: ActionDocument) -> tuple[Window, ...]:
    """Return the windows by time; one that is open on both sides says no more than none."""
    if not isinstance(item.valid, list):
        window = _window(item.valid)
        return () if window.from_ms is window.until_ms is None else (window,)
    windows = map(_window, item.valid)
    return tuple(sorted(windows, key=lambda window: -math.inf if window.from_ms is None else window.from_ms))


def _window(item: ValidityDocument) -> Window:
    return Window(item.from_ms, item.until_ms)


def _subject(item: SubjectDocument | None) -> Subject:
    if item is None:
        return _NOTHING
    return Subject(frozenset(item.products or ()), frozenset(item.categories or ()))


def _union(one: Subject, other: Subject) -> Subject:
    return Subject(one.products | other.products, one.categories | other.categories)


_NOTHING = Subject()


def _treatment(item: TreatmentDocument) -> Treatment:
    return Treatment(
        id=item.id,
        channels=optional_set(item.channels),
        locales=None if item.locales is None else tuple(item.locales),
        content=item.content,
        parameters=MappingProxyType({name: Formula(source) for name, source in item.parameters.items()}),
        valid_for_ms=item.valid_for,
    )


def _rules(item: ActionDocument) -> Iterator[ConditionRule]:
    """Yield the action's own conditions by tier, each as a rule that applies to this action only."""
    only_this = Selector(actions=frozenset({item.id}))
    for tier, own in zip(TIERS, (item.eligibility, item.applicability, item.suitability), strict=True):
        for position, condition in enumerate(own, start=1):
            rule = OwnConditionDocument(require=condition) if isinstance(condition, str) else condition
            yield ConditionRule(
                id=rule.id or own_condition_id(item.id, tier, position),
                stage=Stage(tier),
                applies_to=only_this,
                require=rule.require,
                reason=rule.reason,
                when_unknown=UnknownMode(rule.when_unknown),
            )
