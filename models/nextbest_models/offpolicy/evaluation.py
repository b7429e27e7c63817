"""The value of a target policy, by all estimators, from the log of the policy that served."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nextbest_models.offpolicy.arrays import Floats
from nextbest_models.offpolicy.estimators import (
    Estimator,
    Terms,
    direct,
    doubly_robust,
    inverse_propensity,
    self_normalised,
    switched,
)
from nextbest_models.offpolicy.intervals import Estimated
from nextbest_models.offpolicy.ratios import Estimate, Layout
from nextbest_models.offpolicy.slot_log import OffPolicyError, SlotLog
from nextbest_models.offpolicy.support import Caution, Support, cautions, support_of
from nextbest_models.offpolicy.switching import switch_threshold
from nextbest_models.offpolicy.weights import (
    Weighting,
    Weights,
    clipped,
    importance_weights,
    natural_weighting,
)


@dataclass(frozen=True, slots=True)
class Options:
    """How to evaluate.

    weighting: which ranks take part in a slot's weight; None: RANK for marginal probabilities, CASCADE for
        conditional ones.
    ceiling: clip weights at it; None: do not clip. Clipping lowers variance and biases towards the serving
        policy.
    switch_at: switch-DR's threshold for weights; None: chosen by the data, per position (with the weighting
        SLATE there is none, and switch-DR is DR).
    confidence: of the intervals.
    """

    weighting: Weighting | None = None
    ceiling: float | None = None
    switch_at: float | None = None
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise OffPolicyError(f"confidence lies between 0 and 1, not at {self.confidence:g}")
        if self.switch_at is not None and not self.switch_at >= 0:
            raise OffPolicyError(f"switch-DR switches at a weight of 0 or more, not at {self.switch_at:g}")


DEFAULTS = Options()


@dataclass(frozen=True, slots=True)
class PolicyEvaluation:
    """The value of a target policy and of the serving one, with everything that helps to judge the figures.

    served: what the serving policy earned; its uplift is 0.
    weighting: the one in use. support: by position.
    thresholds: switch-DR's, by position. Empty without a reward model.
    clusters: how many independent units the intervals are made of: persons, or decisions.
    """

    options: Options
    weighting: Weighting
    decisions: int
    clusters: int
    served: Estimate
    estimates: Mapping[Estimator, Estimate]
    support: Mapping[int, Support]
    thresholds: Mapping[int, float]
    cautions: tuple[Caution, ...]


def evaluate(log: SlotLog, options: Options = DEFAULTS) -> PolicyEvaluation:
    """Estimate the value of the target policy of a log.

    Raises:
        OffPolicyError: the options make no sense, at all or with this log.
    """
    weighting = options.weighting or natural_weighting(log.probabilities)
    raw = importance_weights(log, weighting)
    used = clipped(raw, options.ceiling)
    layout = Layout.of(log)
    support = {
        place: support_of(log, rows, raw.own[rows], used.own[rows]) for place, rows in layout.rows.items()
    }
    thresholds = _thresholds(log, layout, used, weighting, options.switch_at)
    served = layout.ratios(Terms(log.reward, np.ones(len(log))))
    terms = _terms(log, used, layout.spread(thresholds))
    return PolicyEvaluation(
        options=options,
        weighting=weighting,
        decisions=layout.decisions,
        clusters=int(layout.clusters.max()) + 1,
        served=layout.estimate(served, served, options.confidence),
        estimates={
            name: layout.estimate(layout.ratios(item), served, options.confidence)
            for name, item in terms.items()
        },
        support=support,
        thresholds=thresholds,
        cautions=cautions(log, weighting, support),
    )


def lift(target: SlotLog, baseline: SlotLog, options: Options = DEFAULTS) -> Mapping[Estimator, Estimated]:
    """Estimate what one target policy earns more than another per decision, from the same logged slots.

    The two are compared decision by decision: where they do the same they cannot differ, so the interval is
    narrower than those of the two values would tell.

    Raises:
        OffPolicyError: the two logs are not of the same slots, or the options make no sense.
    """
    for name in ("decision", "position", "logged_probability", "reward"):
        if not np.array_equal(getattr(target, name), getattr(baseline, name)):
            raise OffPolicyError(f"two policies are compared on the same slots, and {name} differs")
    layout = Layout.of(target)
    ours, theirs = (_all_terms(log, layout, options) for log in (target, baseline))
    return {
        name: layout.estimate(layout.ratios(item), layout.ratios(theirs[name]), options.confidence).uplift
        for name, item in ours.items()
        if name in theirs
    }


def _all_terms(log: SlotLog, layout: Layout, options: Options) -> dict[Estimator, Terms]:
    weighting = options.weighting or natural_weighting(log.probabilities)
    used = clipped(importance_weights(log, weighting), options.ceiling)
    thresholds = _thresholds(log, layout, used, weighting, options.switch_at)
    return _terms(log, used, layout.spread(thresholds))


def _thresholds(
    log: SlotLog, layout: Layout, weights: Weights, weighting: Weighting, given: float | None
) -> dict[int, float]:
    if log.model is None:
        return {}
    if given is not None:
        return dict.fromkeys(layout.rows, given)
    if weighting is Weighting.SLATE:
        # The log does not tell what the target would put below, and so not what lies above a threshold.
        return dict.fromkeys(layout.rows, math.inf)
    return {place: switch_threshold(log, log.model, weights, rows) for place, rows in layout.rows.items()}


def _terms(log: SlotLog, weights: Weights, thresholds: Floats) -> dict[Estimator, Terms]:
    found = {
        Estimator.IPS: inverse_propensity(weights, log.reward),
        Estimator.SNIPS: self_normalised(weights, log.reward),
    }
    if log.model is not None:
        found |= {
            Estimator.DM: direct(weights, log.model),
            Estimator.DR: doubly_robust(weights, log.reward, log.model),
            Estimator.SWITCH_DR: switched(weights, log.reward, log.model, thresholds),
        }
    return found
