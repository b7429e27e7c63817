"""A decision as its record has it, where it cannot be made again."""

from collections.abc import Mapping

import numpy as np

from nextbest.v1 import action_pb2, decision_pb2, proposition_pb2, version_pb2
from nextbest_service.decision_log.logged_decision import LoggedDecision, Offered


def render_record(logged: LoggedDecision) -> decision_pb2.DecideResponse:
    """Return the answer as far as its record tells: no content, no parameters, stages but no reasons."""
    versions = logged.legend.versions
    return decision_pb2.DecideResponse(
        decision_id=logged.id,
        decided_at_unix_ms=logged.decided_at_ms,
        customer_known=logged.known,
        versions=version_pb2.Versions(
            catalog=versions.catalog,
            ruleset=versions.ruleset,
            model=logged.model_version,
            feature_spec=versions.feature_spec,
        ),
        placements=[
            proposition_pb2.PlacementDecision(
                placement_id=it.placement,
                propositions=[_proposition(logged, offer, _places(logged)) for offer in it.offered],
            )
            for it in logged.placements
        ],
        exclusions=_exclusions(logged),
        stale_features=logged.stale_features,
        degraded=[decision_pb2.Degradation(reason=reason) for reason in logged.degraded],
        arms=[decision_pb2.ArmAssignment(experiment_id=name, arm=arm) for name, arm in logged.arms.items()],
    )


def _places(logged: LoggedDecision) -> Mapping[str, int]:
    rows = logged.competition.rows.tolist()
    return {logged.legend.actions[row]: place for place, row in enumerate(rows)}


def _proposition(
    logged: LoggedDecision, offer: Offered, places: Mapping[str, int]
) -> proposition_pb2.Proposition:
    message = proposition_pb2.Proposition(
        action_id=offer.action,
        rank=offer.rank,
        channel=offer.channel,
        treatment_id=offer.treatment,
        selection_probability=offer.selection_probability,
        send_at_unix_ms=offer.send_at_ms,
        selection_type=f"SELECTION_TYPE_{offer.selection}",
    )
    place = places.get(offer.action)
    if place is not None:  # a fallback never competed
        of = logged.competition
        figures = [of.propensity[place], of.value[place], of.context_weight[place], of.lever[place]]
        message.propensity, message.value, message.context_weight, message.lever = map(float, figures)
        message.priority = float(np.prod(np.array(figures, dtype=np.float64)))
    return message


def _exclusions(logged: LoggedDecision) -> list[proposition_pb2.Exclusion]:
    """Return what stopped each action first; where an answer has several placements, of each channel."""
    actions = logged.legend.actions
    return [
        proposition_pb2.Exclusion(action_id=actions[row], stage=_stage(stopped.stage))
        for stopped in logged.stopped
        for row in stopped.rows.tolist()
    ]


def _stage(name: str) -> action_pb2.Stage:
    number = action_pb2.Stage.DESCRIPTOR.values_by_name.get(f"STAGE_{name.upper()}")
    return action_pb2.STAGE_UNSPECIFIED if number is None else number.number  # type: ignore[return-value]
