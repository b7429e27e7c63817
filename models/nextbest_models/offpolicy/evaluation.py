"""The value of a target policy, by all estimators, from the log of the policy that served."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nextbest_models.offpolicy.arrays import Floats, Integers
from nextbest_models.offpolicy.estimators import (
    Estimator,
    Terms,
    direct,
    doubly_robust,
    inverse_propensity,
    self_normalised,
    switched,
)
from nextbest_models.offpolicy.intervals import Estimated, estimated
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
class Estimate:
    """What one estimator says of the target.

    total: reward per decision, all positions together.
    uplift: total less the reward per decision of the serving policy, compared decision by decision.
    by_position: reward in this position per decision that has it.
    """

    total: Estimated
    uplift: Estimated
    by_position: Mapping[int, Estimated]


@dataclass(frozen=True, slots=True)
class Evaluation:
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


def evaluate(log: SlotLog, options: Options = DEFAULTS) -> Evaluation:
    """Estimate the value of the target policy of a log.

    Raises:
        OffPolicyError: the options make no sense, at all or with this log.
    """
    weighting = options.weighting or natural_weighting(log.probabilities)
    raw = importance_weights(log, weighting)
    used = clipped(raw, options.ceiling)
    layout = _Layout.of(log)
    support = {
        place: support_of(log, rows, raw.own[rows], used.own[rows]) for place, rows in layout.rows.items()
    }
    thresholds = _thresholds(log, layout, used, weighting, options.switch_at)
    served = layout.ratios(Terms(log.reward, np.ones(len(log))))
    terms = _terms(log, used, layout.spread(thresholds))
    return Evaluation(
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


def _thresholds(
    log: SlotLog, layout: "_Layout", weights: Weights, weighting: Weighting, given: float | None
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


@dataclass(frozen=True, slots=True)
class _Ratios:
    """The value of each position, and what each slot adds to it beyond expectation.

    values: by position. deviations: float64 [slots], in units of (value × decisions that have the position).
    """

    values: Mapping[int, float]
    deviations: Floats


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which slots are of which position, and which of all and of each position hang together."""

    rows: Mapping[int, Integers]
    clusters: Integers
    members: Mapping[int, Integers]
    firsts: Integers
    decisions: int

    @classmethod
    def of(cls, log: SlotLog) -> "_Layout":
        rows = {int(place): np.flatnonzero(log.position == place) for place in np.unique(log.position)}
        _, firsts = np.unique(log.decision, return_index=True)
        members = {place: _numbered(log.clusters[of]) for place, of in rows.items()}
        return cls(rows, _numbered(log.clusters), members, firsts, len(firsts))

    def spread(self, by_position: Mapping[int, float]) -> Floats:
        """Return each slot's own of some numbers by position; infinity where there is none."""
        spread = np.full(len(self.clusters), math.inf)
        for place, value in by_position.items():
            spread[self.rows[place]] = value
        return spread

    def ratios(self, terms: Terms) -> _Ratios:
        values: dict[int, float] = {}
        deviations = np.zeros(len(self.clusters))
        for place, rows in self.rows.items():
            whole = float(terms.denominator[rows].sum())
            # No weight at all says nothing about the target.
            value = float(terms.numerator[rows].sum()) / whole if whole > 0 else math.nan
            values[place] = value
            scale = len(rows) / whole if whole > 0 else math.nan
            deviations[rows] = (terms.numerator[rows] - value * terms.denominator[rows]) * scale
        return _Ratios(values, deviations)

    def estimate(self, ratios: _Ratios, served: _Ratios, confidence: float) -> Estimate:
        return Estimate(
            total=self._total(ratios, confidence),
            uplift=self._total(_difference(ratios, served), confidence),
            by_position={
                place: estimated(
                    ratios.values[place],
                    ratios.deviations[rows] / len(rows),
                    self.members[place],
                    confidence,
                )
                for place, rows in self.rows.items()
            },
        )

    def _total(self, ratios: _Ratios, confidence: float) -> Estimated:
        """Add the positions up, each by the share of the decisions that have it.

        That share is subject to chance as well: a decision adds the values of the positions that it has.
        """
        total = sum(ratios.values[place] * len(rows) for place, rows in self.rows.items()) / self.decisions
        parts = ratios.deviations + self.spread(ratios.values)
        # Every decision is compared with the mean decision, once, at its first slot.
        parts[self.firsts] -= total
        return estimated(total, parts / self.decisions, self.clusters, confidence)


def _numbered(clusters: Integers) -> Integers:
    numbers: Integers = np.unique(clusters, return_inverse=True)[1]
    return numbers


def _difference(ratios: _Ratios, served: _Ratios) -> _Ratios:
    return _Ratios(
        {place: value - served.values[place] for place, value in ratios.values.items()},
        ratios.deviations - served.deviations,
    )
