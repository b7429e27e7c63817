"""From the domain to the wire.

Messages of protobuf merge when their bytes stand one behind the other. So what is the same in many answers is
kept as bytes, and only what belongs to this customer is put into a message and serialised.
"""

import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import cast

from nextbest.v1 import action_pb2, decision_pb2, proposition_pb2, version_pb2
from nextbest_models.ladder import Maturity
from nextbest_rules import ActionType, Stage
from nextbest_service.api.render_explanation import render_explanation
from nextbest_service.api.wire import tag, varint, with_length
from nextbest_service.api.write_value import write_value
from nextbest_service.customers.tokens import DecisionTokens
from nextbest_service.decisions.decision import (
    Decision,
    PlacedExclusion,
    PlacementDecision,
    Proposition,
    SelectionType,
    Timing,
)
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.lower_rungs import rung_of
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
    SelectionType.LAST_KNOWN_GOOD: decision_pb2.DEGRADATION_RUNG_LAST_KNOWN_GOOD,
    SelectionType.FALLBACK: decision_pb2.DEGRADATION_RUNG_PLACEMENT_FALLBACK,
}
_LOWER = frozenset({SelectionType.LAST_KNOWN_GOOD, SelectionType.FALLBACK})
_ID = tag(decision_pb2.DecideResponse, "decision_id")
_DECIDED_AT = tag(decision_pb2.DecideResponse, "decided_at_unix_ms")
_KNOWN = [decision_pb2.DecideResponse(customer_known=known).SerializeToString() for known in (False, True)]
_RECENT = 1024
_PLACEMENTS = tag(decision_pb2.DecideResponse, "placements")
_PROPOSITIONS = tag(proposition_pb2.PlacementDecision, "propositions")
_TOKEN = tag(proposition_pb2.Proposition, "token")
_FIGURES = ("propensity", "value", "context_weight", "lever", "priority", "selection_probability")
_FIGURE_TAGS = [tag(proposition_pb2.Proposition, name)[0] for name in _FIGURES]
_FIGURES_BYTES = struct.Struct("<" + "Bd" * len(_FIGURES))
_TIMING = tag(decision_pb2.DecideResponse, "timing")
_READ_US, _SCREEN_US, _SCORE_US, _ARBITRATE_US, _EXPLAIN_US, _RESERVE_US, _RENDER_US, _TOTAL_US = (
    tag(decision_pb2.Timing, f"{step}_us")
    for step in ("read", "screen", "score", "arbitrate", "explain", "reserve", "render", "total")
)


class AnswerRenderer:
    """Renders the answers of one generation. Kept bytes are as many as its catalog has things to show."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._shown: dict[tuple[str, str, str, bool], bytes] = {}
        self._versions: dict[str, bytes] = {}

    def render(self, decision: Decision, ring: KeyRing | None) -> bytes:
        """Return an answer but for its timing, with tokens signed by the ring; None signs none."""
        tokens = None if ring is None else tokens_of(decision, ring)
        parts = [
            _ID,
            with_length(decision.id.encode()),
            _DECIDED_AT,
            varint(decision.decided_at_ms),
            _KNOWN[decision.customer_known],
            self._versions_of(decision.basis.ranking.version),
        ]
        for placement in decision.placements:
            parts += _PLACEMENTS, with_length(self._placement(decision, placement, tokens))
        if decision.stale_features or decision.degraded or decision.exclusions or decision.basis.arms:
            parts.append(_uncommon(decision).SerializeToString())
        return b"".join(parts)

    def _versions_of(self, model: str) -> bytes:
        found = self._versions.get(model)
        if found is None:
            own = self._generation.versions
            versions = version_pb2.Versions(
                catalog=own.catalog, ruleset=own.ruleset, model=model, feature_spec=own.feature_spec
            )
            message = decision_pb2.DecideResponse(versions=versions)
            found = self._versions[model] = message.SerializeToString()
        return found

    def _placement(
        self, decision: Decision, placement: PlacementDecision, tokens: DecisionTokens | None
    ) -> bytes:
        place, brand = placement.request.placement.id, decision.basis.request.brand
        parts = [proposition_pb2.PlacementDecision(placement_id=place).SerializeToString()]
        for proposition in placement.propositions:
            token = b"" if tokens is None else token_of(tokens, place, brand, proposition)
            parts += _PROPOSITIONS, with_length(self._proposition(proposition, token))
        return b"".join(parts)

    def _proposition(self, proposition: Proposition, token: bytes) -> bytes:
        p1, p2, p3, p4, p5, p6 = _FIGURE_TAGS
        figures = _FIGURES_BYTES.pack(
            p1,
            proposition.propensity,
            p2,
            proposition.value,
            p3,
            proposition.context_weight,
            p4,
            proposition.lever,
            p5,
            proposition.priority,
            p6,
            proposition.selection_probability,
        )
        parts = [
            self._shown_as(proposition),
            figures,
            _ranked_as(proposition.rank, proposition.selection, proposition.maturity),
            _when(proposition.expires_at_ms, proposition.send_at_ms),
        ]
        if token:
            parts += _TOKEN, with_length(token)
        if proposition.parameters or proposition.explanation is not None:
            parts.append(_detailed(proposition).SerializeToString())
        return b"".join(parts)

    def _shown_as(self, proposition: Proposition) -> bytes:
        """Return what the catalog says of a proposition: the content follows from action and treatment."""
        action, content = proposition.action, proposition.content_json
        key = action.id, proposition.treatment_id, proposition.channel, bool(content)
        found = self._shown.get(key)
        if found is None:
            found = self._shown[key] = proposition_pb2.Proposition(
                action_id=action.id,
                action_type=_ACTION_TYPE[action.type],
                issue=action.issue,
                group=action.group,
                treatment_id=proposition.treatment_id,
                content_json=content,
                channel=proposition.channel,
            ).SerializeToString()
        return found


def render_timing(timing: Timing, render_us: int, total_us: int) -> bytes:
    """Return the timing of an answer, which goes behind the rest of it."""
    laps = (
        _READ_US,
        varint(timing.read_us),
        _SCREEN_US,
        varint(timing.screen_us),
        _SCORE_US,
        varint(timing.score_us),
        _ARBITRATE_US,
        varint(timing.arbitrate_us),
        _EXPLAIN_US,
        varint(timing.explain_us),
        _RESERVE_US,
        varint(timing.reserve_us),
        _RENDER_US,
        varint(render_us),
        _TOTAL_US,
        varint(total_us),
    )
    return _TIMING + with_length(b"".join(laps))


@lru_cache(_RECENT)
def _ranked_as(rank: int, selection: SelectionType, maturity: Maturity | None) -> bytes:
    return proposition_pb2.Proposition(
        rank=rank, selection_type=_SELECTION[selection], maturity=_MATURITY[maturity]
    ).SerializeToString()


@lru_cache(_RECENT)
def _when(expires_at_ms: int | None, send_at_ms: int | None) -> bytes:
    return proposition_pb2.Proposition(
        expires_at_unix_ms=expires_at_ms, send_at_unix_ms=send_at_ms
    ).SerializeToString()


def _detailed(proposition: Proposition) -> proposition_pb2.Proposition:
    message = proposition_pb2.Proposition()
    for name, value in proposition.parameters.items():
        write_value(value, message.parameters[name])
    if proposition.explanation is not None:
        message.explanation.CopyFrom(render_explanation(proposition.explanation))
    return message


def tokens_of(decision: Decision, ring: KeyRing) -> DecisionTokens:
    """Return what signs the tokens of a decision's propositions: outcomes are reported with them."""
    expires_ms = decision.decided_at_ms + decision.basis.generation.catalog.memory.late_outcomes_ms
    return DecisionTokens(ring, decision.id, decision.origin, decision.decided_at_ms, expires_ms)


def token_of(tokens: DecisionTokens, placement: str, brand: str, proposition: Proposition) -> bytes:
    """Return the token of a proposition, in ASCII."""
    names = proposition.action.id, placement, proposition.channel, brand, proposition.treatment_id
    return tokens.issue(names, proposition.rank, proposition.selection_probability, proposition.propensity)


def _uncommon(decision: Decision) -> decision_pb2.DecideResponse:
    """Return what most answers have nothing of."""
    return decision_pb2.DecideResponse(
        exclusions=[_exclusion(placed) for placed in decision.exclusions],
        stale_features=decision.stale_features,
        degraded=_degraded(decision),
        arms=[
            decision_pb2.ArmAssignment(experiment_id=name, arm=arm)
            for name, arm in decision.basis.arms.items()
        ],
    )


def _degraded(decision: Decision) -> Iterator[decision_pb2.Degradation]:
    """Yield what fell short; on the lower rungs the first reason stands for each placement, with its rung."""
    lower = decision.selection_type in _LOWER
    for placement in decision.placements if lower else ():
        yield decision_pb2.Degradation(
            rung=_RUNG[rung_of(placement)],
            reason=decision.degraded[0],
            placement_id=placement.request.placement.id,
        )
    for reason in decision.degraded[lower:]:
        yield decision_pb2.Degradation(rung=_RUNG[decision.selection_type], reason=reason)


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
