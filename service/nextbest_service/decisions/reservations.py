"""What a decision takes of limits: contacts that are held until they are reported, or their time is up."""

from collections.abc import Iterator, Mapping

from nextbest_rules import RuleSet
from nextbest_rules.bitmask import mask_where, union
from nextbest_service.customers.portion import Reservation
from nextbest_service.decisions.decision import Decision, PlacementDecision, Proposition


def reservations_of(decision: Decision, rules: RuleSet) -> tuple[Reservation, ...]:
    """Return the contacts that caps must count from now on, one per action."""
    return tuple(
        Reservation(
            action=it.action.id,
            decision=decision.id,
            at_ms=decision.decided_at_ms,
            until_ms=until_ms,
            channel=it.channel,
            brand=decision.basis.request.brand,
            type=it.action.type.value,
            issue=it.action.issue,
            group=it.action.group,
        )
        for it, until_ms in _each_action(decision, rules)
        if rules.reserving(it.channel) >> rules.catalog.index[it.action.id] & 1
    )


def volumes_of(decision: Decision, rules: RuleSet) -> Mapping[str, int]:
    """Return the actions with a volume cap, and until when (Unix milliseconds) a contact of each is held."""
    return {
        it.action.id: until_ms
        for it, until_ms in _each_action(decision, rules)
        if it.action.volume_cap is not None
    }


def limited(rules: RuleSet) -> int:
    """Return the mask of the actions that need a reservation on some channel."""
    capped = mask_where(rules.catalog.actions, lambda action: action.volume_cap is not None)
    return capped | union(rules.reserving(channel) for channel in rules.catalog.channels)


def _each_action(decision: Decision, rules: RuleSet) -> Iterator[tuple[Proposition, int]]:
    """Yield every action that is offered, once, and until when its contact is held."""
    seen = set()
    for placement in decision.placements:
        for proposition in placement.propositions:
            if proposition.action.id not in seen:
                seen.add(proposition.action.id)
                yield proposition, _until_ms(decision, placement, proposition, rules)


def _until_ms(
    decision: Decision, placement: PlacementDecision, proposition: Proposition, rules: RuleSet
) -> int:
    """Return the end of the hold: it begins when the message goes out."""
    own, general = placement.request.placement.hold_ms, rules.catalog.memory.hold_ms
    return (proposition.send_at_ms or decision.decided_at_ms) + (general if own is None else own)
