"""Rules that select nothing, or select what they can do nothing with."""

from collections.abc import Iterator

from nextbest_rules.analysis.study import CatalogWarning, Study, WarningKind, takes
from nextbest_rules.policies import ContextWeight, Guard, OwnedRule, ProductKey
from nextbest_rules.rulebook import promotions_of, rules_of, speaks_on


def idle_rules(study: Study) -> Iterator[CatalogWarning]:
    """Find rules that never have a say."""
    for rule in rules_of(study.catalog):
        if isinstance(rule, Guard):
            if rule.hold is not None and not study.mask(rule.hold):
                yield _idle(study, rule.id, "holds no action: no action matches its hold")
            continue
        mask = study.mask(rule.applies_to)
        if not mask:
            yield _idle(study, rule.id, "applies to no action")
        elif isinstance(rule, OwnedRule) and not _sells(study, rule, mask):
            yield _idle(study, rule.id, f"stops nothing: none of its actions sells a {rule.by}")
        elif isinstance(rule, ContextWeight) and rule.weight == 1:
            yield _idle(study, rule.id, "changes nothing: its weight is 1")
        elif not any(
            speaks_on(rule, channel, placement.direction)
            for placement in study.catalog.placements.values()
            for channel in placement.channels
        ):
            yield _idle(study, rule.id, "never has a say: no placement has its channels and directions")


def _sells(study: Study, rule: OwnedRule, mask: int) -> bool:
    by_product = rule.by is ProductKey.PRODUCT
    return any(
        action.sells.products if by_product else action.sells.categories for action in study.actions(mask)
    )


def _idle(study: Study, rule_id: str, what: str) -> CatalogWarning:
    return study.warn(WarningKind.NO_EFFECT, ("rule", rule_id), f"rule '{rule_id}' {what}")


def idle_promotions(study: Study) -> Iterator[CatalogWarning]:
    """Find promotions that bring nothing forward, or only what cannot come."""
    holds = {guard.id: guard.hold for guard in study.catalog.policies.guards}
    for lift in promotions_of(study.catalog):
        place, promoted = ("promotion", lift.name), study.mask(lift.applies_to)
        if not promoted:
            yield study.warn(WarningKind.NO_EFFECT, place, f"guard '{lift.owner}' promotes no action")
            continue
        hold = holds[lift.owner]
        held = promoted & study.mask(hold) if hold is not None else 0
        if held:
            message = f"guard '{lift.owner}' promotes what it holds: {study.names(held)}"
            yield study.warn(WarningKind.CONTRADICTION, place, message)
        homeless = _homeless(study, promoted) if lift.pin else 0
        if homeless:
            message = f"guard '{lift.owner}' pins what no placement takes: {study.names(homeless)}"
            yield study.warn(WarningKind.CONTRADICTION, place, message)


def _homeless(study: Study, mask: int) -> int:
    placements = study.catalog.placements.values()
    return sum(
        1 << study.catalog.index[action.id]
        for action in study.actions(mask)
        if not any(takes(placement, action) for placement in placements)
    )


def idle_goals(study: Study) -> Iterator[CatalogWarning]:
    """Find goals whose levers change nothing."""
    for goal in study.catalog.goals.values():
        if not any(lever.lever != 1 and study.mask(lever.applies_to) for lever in goal.levers):
            message = f"goal '{goal.id}' has no effect: no lever of it changes any action"
            yield study.warn(WarningKind.NO_EFFECT, ("goal", goal.id), message)


def idle_placements(study: Study) -> Iterator[CatalogWarning]:
    """Find placements that no action fits."""
    for placement in study.catalog.placements.values():
        if not any(takes(placement, action) for action in study.catalog.actions):
            message = f"placement '{placement.id}' stays empty: no action has its types and channels"
            yield study.warn(WarningKind.NO_EFFECT, ("placement", placement.id), message)
