"""The judgement: how well models rank and foresee, and what their policies would have earned."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nextbest_models.evaluation import (
    CalibrationBin,
    RankingMetrics,
    calibration_bins,
    expected_calibration_error,
    log_loss,
    ranking_metrics,
)
from nextbest_models.judging.reward_model import expected_rewards
from nextbest_models.judging.slots import LOGGED, SERVING, JudgedLog, Reward
from nextbest_models.offpolicy import (
    Candidates,
    Estimated,
    Estimator,
    Options,
    PolicyEvaluation,
    SlotLog,
    Slots,
    evaluate,
    lift,
    log_from_candidates,
)
from nextbest_models.offpolicy.arrays import Floats

MOST_ALTERNATIVES = 5_000_000
"""From so many choices on, switch-DR does without its own threshold and support is not told: memory."""


class JudgementError(ValueError):
    """There is nothing to judge by; the message says why."""


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """How a model did on what was shown. Scores are taken as probabilities of a positive outcome.

    types: calibration by type of action.
    """

    metrics: RankingMetrics
    log_loss: float
    calibration: tuple[CalibrationBin, ...]
    types: Mapping[str, tuple[CalibrationBin, ...]]

    @property
    def calibration_error(self) -> float:
        """The expected calibration error over all types."""
        return expected_calibration_error(self.calibration)

    @property
    def errors_by_type(self) -> Mapping[str, float]:
        """The expected calibration error of each type."""
        return {kind: expected_calibration_error(bins) for kind, bins in self.types.items()}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that is found. `models` and `policies` are by the names in `slots`.

    lifts: by policy, what it earns more per decision than the serving model's policy, by estimator; where
    there is no serving model, more than what was served.
    """

    reward: Reward
    models: Mapping[str, ModelFigures]
    policies: Mapping[str, PolicyEvaluation]
    lifts: Mapping[str, Mapping[Estimator, Estimated]]


def judge(log: JudgedLog, reward: Reward, options: Options) -> Verdict:
    """Judge all models and policies of a log.

    Raises:
        JudgementError: there are no slots, or all were positive or none was.
        OffPolicyError: probabilities make no sense, or the options do not.
    """
    _check(log)
    expected = expected_rewards(log, reward)
    logs = {name: _slot_log(log, name, reward, expected) for name in log.choices.targets}
    baseline = logs.get(SERVING)
    policies = {name: evaluate(own, options) for name, own in logs.items()}
    return Verdict(
        reward=reward,
        models={name: _figures(log, scores) for name, scores in log.choices.scores.items() if name != LOGGED},
        policies=policies,
        lifts={
            name: _uplift(policies[name]) if baseline is None else lift(own, baseline, options)
            for name, own in logs.items()
            if name != SERVING
        },
    )


def _uplift(found: PolicyEvaluation) -> Mapping[Estimator, Estimated]:
    return {name: estimate.uplift for name, estimate in found.estimates.items()}


def _check(log: JudgedLog) -> None:
    slots = log.slots
    if not len(slots):
        raise JudgementError("no decision of the log can be judged")
    if not slots.positive.any():
        raise JudgementError("nothing positive came of any decision that can be judged")
    if not (slots.shown & ~slots.positive).any():
        raise JudgementError("everything that was shown had a positive outcome: there is nothing to compare")


def _slot_log(log: JudgedLog, policy: str, reward: Reward, expected: Floats) -> SlotLog:
    slots, choices = log.slots, log.choices
    whole = log_from_candidates(
        Slots(slots.decision, slots.position, slots.chosen, log.rewards(reward), slots.person),
        Candidates(choices.slot, choices.logged_probability, choices.targets[policy], expected),
    )
    return whole if len(choices.slot) <= MOST_ALTERNATIVES else replace(whole, alternatives=None)


def _figures(log: JudgedLog, scores: Floats) -> ModelFigures:
    slots = log.slots
    rows = np.flatnonzero(slots.shown)
    positive, own, types = slots.positive[rows], scores[slots.chosen][rows], slots.type[rows]
    return ModelFigures(
        metrics=ranking_metrics(positive, own, slots.decision[rows]),
        log_loss=log_loss(positive, own),
        calibration=calibration_bins(positive, own),
        types={
            str(kind): calibration_bins(positive[types == kind], own[types == kind])
            for kind in np.unique(types)
        },
    )
