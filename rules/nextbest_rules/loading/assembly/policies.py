"""The rules of policies.yaml as domain types."""

from collections.abc import Iterable, Iterator
from itertools import chain

from nextbest_rules.loading.assembly.selectors import Types, optional_set, selector
from nextbest_rules.loading.documents import (
    BoughtDocument,
    CapDocument,
    ConsentDocument,
    ContextWeightDocument,
    DeclinedDocument,
    DoNotContactDocument,
    ExclusiveDocument,
    GuardDocument,
    OwnedDocument,
    PoliciesDocument,
    PromotionDocument,
    QuietHoursDocument,
)
from nextbest_rules.policies import (
    Cap,
    ConditionRule,
    ConsentRule,
    ContextWeight,
    Dimension,
    DoNotContact,
    ExclusiveRule,
    Guard,
    GuardScope,
    OwnedRule,
    Policies,
    ProductKey,
    Promotion,
    QuietHours,
)
from nextbest_rules.records import Outcome
from nextbest_rules.terms import Direction, Stage, UnknownMode

_DAYS = {day: number for number, day in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), start=1)}
_DAY_MINUTES = 24 * 60


def policies(document: PoliciesDocument, types: Types) -> Policies:
    """Return the policies; `types` are those of the attributes."""
    suppression, contact_policy = document.suppression, document.contact_policy
    return Policies(
        consent=tuple(_consent(item, types) for item in document.consent),
        do_not_contact=tuple(_do_not_contact(item, types) for item in document.do_not_contact),
        guards=tuple(_guard(item, types) for item in document.guards),
        conditions=tuple(_conditions(document, types)),
        owned=tuple(_owned(item, types) for item in chain(suppression.owned, suppression.bought)),
        caps=tuple(
            chain(
                (_declined(item, types) for item in suppression.declined),
                (_cap(item, types) for item in contact_policy.caps),
            )
        ),
        quiet_hours=tuple(_quiet_hours(item, types) for item in contact_policy.quiet_hours),
        exclusive=tuple(_exclusive(item, types) for item in suppression.exclusive),
        context_weights=tuple(_context_weight(item, types) for item in document.context_weights),
    )


def _directions(names: Iterable[str]) -> frozenset[Direction]:
    return frozenset(map(Direction, names))


def _consent(item: ConsentDocument, types: Types) -> ConsentRule:
    return ConsentRule(
        id=item.id,
        applies_to=selector(item.applies_to, types),
        purpose=item.purpose,
        directions=_directions(item.directions),
        channels=optional_set(item.channels),
        max_age_ms=item.max_age,
        reason=item.reason,
    )


def _do_not_contact(item: DoNotContactDocument, types: Types) -> DoNotContact:
    return DoNotContact(
        id=item.id,
        applies_to=selector(item.applies_to, types),
        when=item.when,
        directions=_directions(item.directions),
        reason=item.reason,
        when_unknown=UnknownMode(item.when_unknown),
    )


def _guard(item: GuardDocument, types: Types) -> Guard:
    return Guard(
        id=item.id,
        over=item.over or "",
        when=item.when,
        hold=None if item.hold is None else selector(item.hold, types),
        scope=GuardScope(item.scope),
        ended=item.ended,
        decay_ms=item.decay or 0,
        promote=tuple(_promotion(promotion, types) for promotion in item.promote),
        reason=item.reason,
        when_unknown=UnknownMode(item.when_unknown),
    )


def _promotion(item: PromotionDocument, types: Types) -> Promotion:
    return Promotion(selector(item.applies_to, types), item.lever, item.pin)


def _conditions(document: PoliciesDocument, types: Types) -> Iterator[ConditionRule]:
    tiers = (
        (Stage.ELIGIBILITY, document.eligibility),
        (Stage.APPLICABILITY, document.applicability),
        (Stage.SUITABILITY, document.suitability),
    )
    for stage, items in tiers:
        for item in items:
            yield ConditionRule(
                id=item.id,
                stage=stage,
                applies_to=selector(item.applies_to, types),
                require=item.require,
                reason=item.reason,
                when_unknown=UnknownMode(item.when_unknown),
            )


def _owned(item: OwnedDocument, types: Types) -> OwnedRule:
    return OwnedRule(
        id=item.id,
        applies_to=selector(item.applies_to, types),
        by=ProductKey(item.by),
        window_ms=item.for_ms if isinstance(item, BoughtDocument) else None,
        reason=item.reason,
        when_unknown=UnknownMode(item.when_unknown),
    )


def _declined(item: DeclinedDocument, types: Types) -> Cap:
    """Return the rule as a cap: after one refusal no more, counted by what the refusal is taken to mean."""
    applies_to = selector(item.applies_to, types)
    return Cap(
        id=item.id,
        applies_to=applies_to,
        counts=applies_to,
        per=frozenset() if item.by == "everywhere" else frozenset({Dimension(item.by)}),
        outcomes=frozenset(map(Outcome, item.outcomes)),
        channels=None,
        directions=frozenset(Direction),
        window_ms=item.for_ms,
        max=1,
        reason=item.reason,
        when_unknown=UnknownMode(item.when_unknown),
    )


def _cap(item: CapDocument, types: Types) -> Cap:
    applies_to = selector(item.applies_to, types)
    window_ms, limit = (item.window, item.max) if item.cool_down is None else (item.cool_down, 1)
    assert window_ms is not None
    assert limit is not None
    return Cap(
        id=item.id,
        applies_to=applies_to,
        counts=applies_to if item.counts is None else selector(item.counts, types),
        per=frozenset(map(Dimension, item.per)),
        outcomes=frozenset(map(Outcome, item.outcomes)),
        channels=optional_set(item.channels),
        directions=_directions(item.directions),
        window_ms=window_ms,
        max=limit,
        reason=item.reason,
        when_unknown=UnknownMode(item.when_unknown),
    )


def _quiet_hours(item: QuietHoursDocument, types: Types) -> QuietHours:
    return QuietHours(
        id=item.id,
        applies_to=selector(item.applies_to, types),
        channels=optional_set(item.channels),
        directions=_directions(item.directions),
        from_minute=item.from_minute,
        until_minute=item.until_minute % _DAY_MINUTES,
        days=frozenset(_DAYS[day] for day in item.days),
        time_zone=item.time_zone,
        default_zone=item.default_zone or "",
        reason=item.reason,
        when_unknown=UnknownMode(item.when_unknown),
    )


def _exclusive(item: ExclusiveDocument, types: Types) -> ExclusiveRule:
    return ExclusiveRule(item.id, selector(item.applies_to, types), item.reason)


def _context_weight(item: ContextWeightDocument, types: Types) -> ContextWeight:
    return ContextWeight(item.id, selector(item.applies_to, types), item.when, item.weight, item.reason)
