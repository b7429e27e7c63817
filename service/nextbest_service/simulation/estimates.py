"""What the log says that the next model will earn, by the off-policy estimators, beside the truth."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nextbest_models.offpolicy import (
    Candidates,
    Estimator,
    PolicyEvaluation,
    Slots,
    evaluate,
    log_from_candidates,
    scaled_by_position,
)
from nextbest_models.offpolicy.arrays import Floats
from nextbest_models.world import World
from nextbest_service.simulation.policies import Policy
from nextbest_service.simulation.weeks import Week

ESTIMATORS = (Estimator.SNIPS, Estimator.DR)
LARGEST_ROUNDING = 1e-4
"""Logged probabilities and features are float32."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A 95 % interval of an estimator for what the next model earns per decision, and the truth."""

    value: float
    low: float
    high: float
    truth: float

    @property
    def covers(self) -> bool:
        """Whether the truth is inside."""
        return self.low <= self.truth <= self.high


@dataclass(frozen=True, slots=True)
class Logged:
    """What an export says of some decisions: probabilities and rewards, both float64 [decisions, ranks]."""

    probability: Floats
    reward: Floats


def read_log(directory: Path, decisions: NDArray[np.str_], ranks: int) -> Logged:
    """Read decisions and what came of them from the files of `nextbest log export`."""
    import pyarrow.dataset as ds  # noqa: PLC0415 - slow to import

    wanted = decisions.tolist()
    rows = ds.dataset(directory / "decisions").to_table(
        columns=["decision_id", "propositions"], filter=ds.field("decision_id").isin(wanted)
    )
    outcomes = ds.dataset(directory / "outcomes").to_table(
        columns=["decision_id", "rank", "amount"], filter=ds.field("type") == "CLICKED"
    )
    place = {id_: row for row, id_ in enumerate(wanted)}
    logged = Logged(np.zeros((len(wanted), ranks)), np.zeros((len(wanted), ranks)))
    for row in rows.to_pylist():
        for it in row["propositions"]:
            logged.probability[place[row["decision_id"]], it["rank"] - 1] = it["selection_probability"]
    for it in outcomes.to_pylist():
        if it["decision_id"] in place:
            logged.reward[place[it["decision_id"]], it["rank"] - 1] += it["amount"]
    return logged


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the estimators say of the next policy, and how far logged probabilities are from what was done."""

    evaluation: PolicyEvaluation
    forecasts: Mapping[Estimator, Forecast]
    probability_error: float


def judge(week: Week, logged: Logged, served: Policy, target: Policy, world: World, truth: float) -> Judgement:
    """Estimate what a policy would have earned on logged decisions of another, per decision.

    The served policy's priorities stand in as the model of rewards: they were learned before.
    """
    decisions, ranks = week.actions.shape
    size = len(world.value)
    done, wanted = (_probabilities(week, policy) for policy in (served, target))
    predicted = np.stack([served.outlooks[visit].priority for visit in week.visit.tolist()])
    slot = np.arange(decisions * ranks)
    slots = Slots(
        decision=slot // ranks,
        position=slot % ranks + 1,
        chosen=slot * size + week.actions.ravel(),
        reward=logged.reward.ravel(),
        person=np.repeat(_customers(world, week), ranks),
    )
    candidates = Candidates(
        slot=np.repeat(slot, size),
        logged_probability=done.ravel(),
        target_probability=wanted.ravel(),
        predicted=np.repeat(predicted, ranks, axis=0).ravel(),
    )
    log = log_from_candidates(slots, scaled_by_position(slots, candidates))
    evaluation = evaluate(replace(log, logged_probability=logged.probability.ravel()))
    return Judgement(
        evaluation=evaluation,
        forecasts={it: _forecast(evaluation, it, truth) for it in ESTIMATORS},
        probability_error=float(np.abs(done.ravel()[slots.chosen] - logged.probability.ravel()).max()),
    )


def _probabilities(week: Week, policy: Policy) -> Floats:
    """Return what a policy picks at each rank below what was shown, float64 [decisions, ranks, actions]."""
    return np.array(
        [
            [policy.chances(visit, slate[:rank]) for rank in range(len(slate))]
            for visit, slate in zip(week.visit.tolist(), week.actions, strict=True)
        ]
    )


def _customers(world: World, week: Week) -> Any:
    return np.unique(world.customers[week.visit], axis=0, return_inverse=True)[1].ravel()


def _forecast(evaluation: PolicyEvaluation, estimator: Estimator, truth: float) -> Forecast:
    total = evaluation.estimates[estimator].total
    return Forecast(total.value, total.low, total.high, truth)
