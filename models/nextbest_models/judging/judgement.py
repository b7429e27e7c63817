"""A judgement with everything that one has to know to believe it, or not."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import JsonValue

from nextbest_models.judging.gates import GateReport, Gates
from nextbest_models.judging.slots import CANDIDATE
from nextbest_models.judging.verdict import ModelFigures, Verdict
from nextbest_models.offpolicy import Estimate, Estimated, Estimator, PolicyEvaluation


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was judged, on what, and the verdict.

    candidate, serving: model versions; serving is empty where none is. first, last: times of the first and
    the last decision judged. left_out: decisions that could not be judged, by reason. cautions: what makes
    the whole of it doubtful, in words.
    """

    candidate: str
    serving: str
    first: datetime
    last: datetime
    decisions: int
    left_out: Mapping[str, int]
    cautions: tuple[str, ...]
    verdict: Verdict
    gates: GateReport

    @property
    def auc(self) -> float:
        """The candidate's AUC on what was shown."""
        return self.verdict.models[CANDIDATE].metrics.auc

    @property
    def lift(self) -> Estimated:
        """What the candidate earns more than the serving model per decision, doubly robust."""
        return self.verdict.lifts[CANDIDATE][Estimator.DR]

    def with_gates(self, gates: Gates) -> "Judgement":
        """Return the judgement with the gates checked."""
        return replace(self, gates=gates.checked(self.auc, self.lift.low))

    def plain(self) -> dict[str, JsonValue]:
        """Return everything fit for JSON; numbers that are none are None."""
        verdict = self.verdict
        return {
            "candidate": self.candidate,
            "serving": self.serving or None,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "decisions": self.decisions,
            "left_out": dict(self.left_out),
            "cautions": list(self.cautions),
            "reward": verdict.reward.value,
            "models": {name: _model(found) for name, found in verdict.models.items()},
            "policies": {name: _policy(found) for name, found in verdict.policies.items()},
            "lifts": {
                name: {estimator.value: _estimated(found) for estimator, found in lifts.items()}
                for name, lifts in verdict.lifts.items()
            },
            **plain_gates(self.gates),
        }


def plain_gates(gates: GateReport) -> dict[str, JsonValue]:
    """Return gates fit for JSON."""
    return {
        "gates_met": gates.met,
        "gates": {
            name: {"found": _number(gate.found), "least": gate.least, "met": gate.met}
            for name, gate in gates.gates.items()
        },
    }


def _model(found: ModelFigures) -> JsonValue:
    metrics = found.metrics
    return {
        "rows": metrics.rows,
        "positives": metrics.positives,
        "groups": metrics.groups,
        "auc": _number(metrics.auc),
        "ndcg_at_10": _number(metrics.ndcg_at_10),
        "recall_at_10": _number(metrics.recall_at_10),
        "log_loss": found.log_loss,
        "calibration_error": found.calibration_error,
        "calibration_error_by_type": dict(found.errors_by_type),
    }


def _policy(found: PolicyEvaluation) -> JsonValue:
    return {
        "decisions": found.decisions,
        "persons": found.clusters,
        "weighting": found.weighting.value,
        "confidence": found.options.confidence,
        "served": _estimate(found.served),
        "estimates": {name.value: _estimate(item) for name, item in found.estimates.items()},
        "support": {
            str(place): {
                "slots": item.slots,
                "effective_slots": item.effective_slots,
                "mean_weight": item.mean_weight,
                "largest_weight": item.largest_weight,
                "unsupported": item.unsupported,
            }
            for place, item in found.support.items()
        },
        "cautions": [
            {"doubt": it.doubt.value, "position": it.position, "text": it.text} for it in found.cautions
        ],
    }


def _estimate(found: Estimate) -> JsonValue:
    return {
        "total": _estimated(found.total),
        "uplift": _estimated(found.uplift),
        "by_position": {str(place): _estimated(item) for place, item in found.by_position.items()},
    }


def _estimated(found: Estimated) -> JsonValue:
    names = ("value", "standard_error", "low", "high")
    return {name: _number(getattr(found, name)) for name in names}


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
