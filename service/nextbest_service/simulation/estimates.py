"""What the log says that the next model will earn, by the off-policy estimators, beside the truth."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nextbest_models.logged.attribution import AttributionPlan
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
from nextbest_service.simulation.rounds import Round

ESTIMATORS = (Estimator.SNIPS, Estimator.DR)
ATTRIBUTION = AttributionPlan(positives=("CLICKED",), window_days=0.001)


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
    """What an export says of some decisions.

    person: str [decisions], pseudonyms. probability, reward: float64 [decisions, ranks].
    """

    person: NDArray[np.str_]
    probability: Floats
    reward: Floats


def read_log(directory: Path, decisions: NDArray[np.str_], ranks: int) -> Logged:
    """Read decisions, all with so many ranks, and what came of them, from an exported log."""
    from nextbest_models.logged.attributor import Attributor  # noqa: PLC0415 - needs pyarrow
    from nextbest_models.logged.export import LogExport  # noqa: PLC0415

    export = LogExport(directory)
    attributor = Attributor.of(export, ATTRIBUTION)
    place = {id_: row for row, id_ in enumerate(decisions.tolist())}
    shape = len(decisions), ranks
    logged = Logged(np.zeros(len(decisions), dtype="<U64"), np.zeros(shape), np.zeros(shape))
    for batch in export.batches():
        wanted = np.isin(batch.ids, decisions)
        if not wanted.any():
            continue
        came = attributor.came_of(batch)
        at = np.array([place.get(id_, -1) for id_ in batch.ids.tolist()])
        logged.person[at[wanted]] = batch.persons[wanted]
        slots = batch.slots
        kept = np.flatnonzero(wanted[slots.decision])
        row, rank = at[slots.decision[kept]], slots.rank[kept] - 1
        logged.probability[row, rank] = slots.selection_probability[kept]
        logged.reward[row, rank] = came.reward[kept]
    return logged


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the estimators say of the next policy, and how far logged probabilities are from what was done."""

    evaluation: PolicyEvaluation
    forecasts: Mapping[Estimator, Forecast]
    probability_error: float

    def figures(self) -> dict[str, object]:
        """Return the figures fit for JSON."""
        return {
            "decisions": self.evaluation.decisions,
            "truth": round(self.forecasts[Estimator.DR].truth, 4),
            **{
                it.value: {
                    "value": round(found.value, 4),
                    "low": round(found.low, 4),
                    "high": round(found.high, 4),
                    "covers": found.covers,
                }
                for it, found in self.forecasts.items()
            },
            "cautions": [it.text for it in self.evaluation.cautions],
            "probability_error": self.probability_error,
        }


def judge(
    round_: Round, logged: Logged, served: Policy, target: Policy, world: World, truth: float
) -> Judgement:
    """Estimate what a policy would have earned on logged decisions of another, per decision.

    The served policy's priorities stand in as the model of rewards: they were learned before.
    """
    decisions, ranks = round_.actions.shape
    size = len(world.value)
    done, wanted = (_probabilities(round_, policy) for policy in (served, target))
    predicted = np.stack([served.outlooks[visit].priority for visit in round_.visit.tolist()])
    slot = np.arange(decisions * ranks)
    slots = Slots(
        decision=slot // ranks,
        position=slot % ranks + 1,
        chosen=slot * size + round_.actions.ravel(),
        reward=logged.reward.ravel(),
        person=np.repeat(np.unique(logged.person, return_inverse=True)[1], ranks),
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


def _probabilities(round_: Round, policy: Policy) -> Floats:
    """Return what a policy picks at each rank below what was shown, float64 [decisions, ranks, actions]."""
    return np.array(
        [
            [policy.chances(visit, slate[:rank]) for rank in range(len(slate))]
            for visit, slate in zip(round_.visit.tolist(), round_.actions, strict=True)
        ]
    )


def _forecast(evaluation: PolicyEvaluation, estimator: Estimator, truth: float) -> Forecast:
    total = evaluation.estimates[estimator].total
    return Forecast(total.value, total.low, total.high, truth)
