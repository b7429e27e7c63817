"""Why every other action was not offered: the rules' reasons and those of arbitration, on demand only."""

from collections.abc import Iterator, Mapping, Sequence

from nextbest_rules import Exclusion, RuleSet, Situation, Stage
from nextbest_service.decisions.arbitration import Factors, Rows
from nextbest_service.decisions.decision import PlacedExclusion
from nextbest_service.decisions.request import DecisionRequest, PlacementRequest


def explain_exclusions(
    rules: RuleSet,
    situation: Situation,
    request: DecisionRequest,
    factors: Factors,
    slates: Sequence[Rows],
) -> tuple[PlacedExclusion, ...]:
    """Return, in catalog order, why each action that is in no placement of the answer was left out.

    An action that all placements leave out for the same reason is reported once, without a placement.
    """
    offered = {rules.catalog.actions[row].id for slate in slates for row in factors.rows[slate].tolist()}
    by_placement = {
        asked.placement.id: _in_placement(rules, situation, request, asked, factors, slate)
        for asked, slate in zip(request.placements, slates, strict=True)
    }
    return tuple(
        placed
        for action in rules.catalog.actions
        if action.id not in offered
        for placed in _merged(action.id, by_placement)
    )


def _in_placement(
    rules: RuleSet,
    situation: Situation,
    request: DecisionRequest,
    asked: PlacementRequest,
    factors: Factors,
    slate: Rows,
) -> Mapping[str, Exclusion]:
    stopped = rules.explain(situation, asked.placement.id, asked.excluded, request.candidates)
    found = {exclusion.action_id: exclusion for exclusion in stopped}
    lowest = f"{factors.priority[slate].min():.6g}" if len(slate) else "any"
    for row, priority in zip(factors.rows.tolist(), factors.priority.tolist(), strict=True):
        action_id = rules.catalog.actions[row].id
        found.setdefault(action_id, _outranked(action_id, asked, priority, lowest))
    return found


def _outranked(action_id: str, asked: PlacementRequest, priority: float, lowest: str) -> Exclusion:
    return Exclusion(
        action_id=action_id,
        stage=Stage.ARBITRATION,
        rule_id="",
        reason=f"Other actions have a higher priority, and the placement shows {asked.limit}.",
        actual=f"priority = {priority:.6g}",
        required=f"priority above {lowest}",
    )


def _merged(action_id: str, by_placement: Mapping[str, Mapping[str, Exclusion]]) -> Iterator[PlacedExclusion]:
    reasons = {placement_id: found[action_id] for placement_id, found in by_placement.items()}
    if len(set(reasons.values())) == 1:
        yield PlacedExclusion(next(iter(reasons.values())))
    else:
        for placement_id, exclusion in reasons.items():
            yield PlacedExclusion(exclusion, placement_id)
