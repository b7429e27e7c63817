"""Answers as one would write them with protobuf's classes: what the bytes of the service have to say."""

from collections.abc import Mapping
from typing import cast

from nextbest.v1 import action_pb2, decision_pb2, proposition_pb2, version_pb2
from nextbest_models.ladder import Maturity
from nextbest_rules import ActionType, Stage
from nextbest_service.api.render_explanation import render_explanation
from nextbest_service.api.write_value import write_value
from nextbest_service.customers import tokens
from nextbest_service.decisions.decision import (
    Decision,
    PlacedExclusion,
    PlacementDecision,
    Proposition,
    SelectionType,
)
from nextbest_service.store.keys import KeyRing

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
_MATURITY: Mapping[Maturity | None, action_pb2.Maturity] = {
    None: action_pb2.MATURITY_UNSPECIFIED,
    Maturity.PRIOR: action_pb2.MATURITY_PRIOR,
    Maturity.POOLED: action_pb2.MATURITY_POOLED,
    Maturity.MODEL: action_pb2.MATURITY_MODEL,
}
_RUNG = {
    SelectionType.RANKED: decision_pb2.DEGRADATION_RUNG_FULL_MODEL,
    SelectionType.STATIC: decision_pb2.DEGRADATION_RUNG_STATIC_PRIORITY,
}


def plain_answer(decision: Decision, ring: KeyRing | None) -> decision_pb2.DecideResponse:
    """Return an answer, with tokens signed by the ring; None signs none."""
    timing, basis, versions = decision.timing, decision.basis, decision.basis.generation.versions
    return decision_pb2.DecideResponse(
        decision_id=decision.id,
        decided_at_unix_ms=decision.decided_at_ms,
        placements=[_placement(decision, placement, ring) for placement in decision.placements],
        exclusions=[_exclusion(placed) for placed in decision.exclusions],
        versions=version_pb2.Versions(
            catalog=versions.catalog,
            ruleset=versions.ruleset,
            model=basis.ranking.version,
            feature_spec=versions.feature_spec,
        ),
        customer_known=decision.customer_known,
        degraded=[
            decision_pb2.Degradation(rung=_RUNG[decision.selection_type], reason=part)
            for part in decision.degraded
        ],
        stale_features=decision.stale_features,
        arms=[decision_pb2.ArmAssignment(experiment_id=name, arm=arm) for name, arm in basis.arms.items()],
        timing=decision_pb2.Timing(
            read_us=timing.read_us,
            screen_us=timing.screen_us,
            score_us=timing.score_us,
            arbitrate_us=timing.arbitrate_us,
            explain_us=timing.explain_us,
            reserve_us=timing.reserve_us,
        ),
    )


def _placement(
    decision: Decision, placement: PlacementDecision, ring: KeyRing | None
) -> proposition_pb2.PlacementDecision:
    message = proposition_pb2.PlacementDecision(placement_id=placement.request.placement.id)
    for proposition in placement.propositions:
        rendered = _proposition(proposition)
        if ring is not None:
            rendered.token = _token(decision, placement, proposition, ring)
        message.propositions.append(rendered)
    return message


def _token(decision: Decision, placement: PlacementDecision, proposition: Proposition, ring: KeyRing) -> str:
    basis = decision.basis
    attribution = tokens.Attribution(
        decision=decision.id,
        ref=decision.origin,
        action=proposition.action.id,
        placement=placement.request.placement.id,
        channel=proposition.channel,
        brand=basis.request.brand,
        treatment=proposition.treatment_id,
        rank=proposition.rank,
        selection_probability=proposition.selection_probability,
        propensity=proposition.propensity,
        decided_at_ms=decision.decided_at_ms,
        expires_ms=decision.decided_at_ms + basis.generation.catalog.memory.late_outcomes_ms,
    )
    return tokens.issue(ring, attribution)


def _proposition(proposition: Proposition) -> proposition_pb2.Proposition:
    action, selection = proposition.action, proposition.selection
    message = proposition_pb2.Proposition(
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
        selection_probability=proposition.selection_probability,
        selection_type=_SELECTION[selection],
        treatment_id=proposition.treatment_id,
        content_json=proposition.content_json,
        expires_at_unix_ms=proposition.expires_at_ms or 0,
        maturity=_MATURITY[proposition.maturity],
        channel=proposition.channel,
        send_at_unix_ms=proposition.send_at_ms or 0,
    )
    for name, value in proposition.parameters.items():
        write_value(value, message.parameters[name])
    if proposition.explanation is not None:
        message.explanation.CopyFrom(render_explanation(proposition.explanation))
    return message


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
