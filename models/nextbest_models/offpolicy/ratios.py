"""From the terms of an estimator to its value per position and in total, with intervals."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nextbest_models.offpolicy.arrays import Floats, Integers
from nextbest_models.offpolicy.estimators import Terms
from nextbest_models.offpolicy.intervals import Estimated, estimated
from nextbest_models.offpolicy.slot_log import SlotLog


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
class Ratios:
    """The value of each position, and what each slot adds to it beyond expectation.

    values: by position. deviations: float64 [slots], in units of (value × decisions that have the position).
    """

    values: Mapping[int, float]
    deviations: Floats


@dataclass(frozen=True, slots=True)
class Layout:
    """Which slots are of which position, and which hang together.

    rows: slots by position. clusters: int64 [slots], numbered from 0. members: the same among the slots of
        each position. firsts: int64 [decisions], a slot of each decision.
    """

    rows: Mapping[int, Integers]
    clusters: Integers
    members: Mapping[int, Integers]
    firsts: Integers
    decisions: int

    @classmethod
    def of(cls, log: SlotLog) -> "Layout":
        """Return the layout of a log."""
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

    def ratios(self, terms: Terms) -> Ratios:
        """Divide sums by sums, per position. NaN where there is no weight at all, which says nothing."""
        values: dict[int, float] = {}
        deviations = np.zeros(len(self.clusters))
        for place, rows in self.rows.items():
            whole = float(terms.denominator[rows].sum())
            value = float(terms.numerator[rows].sum()) / whole if whole > 0 else math.nan
            values[place] = value
            scale = len(rows) / whole if whole > 0 else math.nan
            deviations[rows] = (terms.numerator[rows] - value * terms.denominator[rows]) * scale
        return Ratios(values, deviations)

    def estimate(self, ratios: Ratios, served: Ratios, confidence: float) -> Estimate:
        """Return values with their intervals."""
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

    def _total(self, ratios: Ratios, confidence: float) -> Estimated:
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


def _difference(ratios: Ratios, served: Ratios) -> Ratios:
    return Ratios(
        {place: value - served.values[place] for place, value in ratios.values.items()},
        ratios.deviations - served.deviations,
    )
