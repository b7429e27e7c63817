"""From the domain to the wire."""

from collections.abc import Mapping
from typing import cast

from nextbest.v1 import action_pb2, decision_pb2, proposition_pb2, version_pb2
from nextbest_rules import ActionType, Stage
from nextbest_service.decisions.decision import (
    Decision,
    PlacedExclusion,
    PlacementDecision,
    Proposition,
    SelectionType,
)
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.request import DecisionRequest

_ACTION_TYPE: Mapping[ActionType, action_pb2.ActionType] = {
    kind: cast(action_pb2.ActionType, action_pb2.ActionType.Value(f"ACTION_TYPE_{kind.name}"))
    for kind in ActionType
}
_STAGE: Mapping[Stage, action_pb2.Stage] = {
    stage: cast(action_pb2.Stage, action_pb2.Stage.Value(f"STAGE_{stage.name}")) for stage in Stage
}
_SELECTION: Mapping[SelectionType, action_pb2.SelectionType] = {
    kind: cast(action_pb2.SelectionType, action_pb2.SelectionType.Value(f"SELECTION_TYPE_{kind.name}"))
    for kind in SelectionType
}
_MATURITY = {
    SelectionType.RANKED: action_pb2.MATURITY_MODEL,
    SelectionType.STATIC: action_pb2.MATURITY_PRIOR,
}
_RUNG = {
    SelectionType.RANKED: decision_pb2.DEGRADATION_RUNG_FULL_MODEL,
    SelectionType.STATIC: decision_pb2.DEGRADATION_RUNG_STATIC_PRIORITY,
}


def render_answer(
    decision: Decision, request: DecisionRequest, generation: Generation
) -> decision_pb2.DecideResponse:
    """Return the answer as the caller gets it; the caller of this function adds the total time."""
    versions = generation.versions
    timing = decision.timing
    return decision_pb2.DecideResponse(
        decision_id=decision.id,
        decided_at_unix_ms=decision.decided_at_ms,
        placements=[
            _placement(placement, decision, request, generation) for placement in decision.placements
        ],
        exclusions=[_exclusion(placed) for placed in decision.exclusions],
        versions=version_pb2.Versions(
            catalog=versions.catalog,
            ruleset=versions.ruleset,
            model=versions.model,
            feature_spec=versions.feature_spec,
        ),
        customer_known=decision.customer_known,
        degraded=[
            decision_pb2.Degradation(rung=_RUNG[decision.selection_type], reason=part)
            for part in decision.degraded
        ],
        stale_features=decision.stale_features,
        timing=decision_pb2.Timing(
            read_us=timing.read_us,
            screen_us=timing.screen_us,
            score_us=timing.score_us,
            arbitrate_us=timing.arbitrate_us,
            explain_us=timing.explain_us,
        ),
    )


def _placement(
    placement: PlacementDecision, decision: Decision, request: DecisionRequest, generation: Generation
) -> proposition_pb2.PlacementDecision:
    chosen = placement.request.placement
    return proposition_pb2.PlacementDecision(
        placement_id=chosen.id,
        propositions=[
            _proposition(
                proposition,
                decision.selection_type,
                chosen.channel,
                generation.contents[proposition.row] if request.include_content else "",
            )
            for proposition in placement.propositions
        ],
    )


def _proposition(
    proposition: Proposition, selection: SelectionType, channel: str, content_json: str
) -> proposition_pb2.Proposition:
    action = proposition.action
    return proposition_pb2.Proposition(
        action_id=action.id,
        action_type=_ACTION_TYPE[action.type],
        issue=action.issue,
        group=action.group,
        rank=proposition.rank,
        propensity=proposition.propensity,
        value=proposition.value,
        context_weight=proposition.context_weight,
        lever=proposition.lever,
        priority=proposition.priority,
        selection_probability=1.0,  # nothing explores yet: the best is picked with certainty
        selection_type=_SELECTION[selection],
        content_json=content_json,
        expires_at_unix_ms=action.valid_until_ms or 0,
        maturity=_MATURITY[selection],
        channel=channel,
    )


def _exclusion(placed: PlacedExclusion) -> proposition_pb2.Exclusion:
    exclusion = placed.exclusion
    return proposition_pb2.Exclusion(
        action_id=exclusion.action_id,
        stage=_STAGE[exclusion.stage],
        rule_id=exclusion.rule_id,
        reason=exclusion.reason,
        actual=exclusion.actual,
        required=exclusion.required,
        eligible_at_unix_ms=exclusion.eligible_at_ms or 0,
        placement_id=placed.placement_id,
    )
