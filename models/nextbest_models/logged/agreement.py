"""How far rankers that only looked on agree with those that decided."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nextbest_models.evaluation import shared_places
from nextbest_models.logged.decisions import LoggedDecisions

_SMALLEST = 2
"""With a single candidate everybody agrees."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One ranker that looked on while another one decided, over the decisions with at least two candidates.

    `same_first` is the part of them with the same favourite by priority, `difference` the mean absolute
    difference of propensities, `rank_correlation` Spearman's over the candidates of a decision, on average.
    """

    ranker: str
    model_version: str
    decided_by: str
    decisions: int
    same_first: float
    difference: float
    rank_correlation: float


@dataclass(frozen=True, slots=True)
class AgreementTally:
    """Adds up batches of decisions."""

    _sums: dict[tuple[str, str, str], list[float]] = field(
        default_factory=lambda: defaultdict(lambda: [0.0] * 4)
    )

    def add(
        self,
        decisions: LoggedDecisions,
        rankers: Sequence[str],
        shadows: Sequence[Sequence[Mapping[str, Any]]],
    ) -> None:
        """Count some decisions; `rankers` decided, `shadows` are as the exported table has them."""
        compared = decisions.candidates
        for decision, (ranker, looked_on) in enumerate(zip(rankers, shadows, strict=True)):
            part = slice(*compared.starts[decision : decision + 2].tolist())
            if part.stop - part.start < _SMALLEST:
                continue
            served = compared.propensity[part].astype(np.float64)
            rest = compared.value[part] * compared.lever[part] * compared.context_weight[part]
            for shadow in looked_on:
                other = np.asarray(shadow["propensity"], dtype=np.float64)
                same = float(np.argmax(served * rest) == np.argmax(other * rest))
                own = (1.0, same, float(np.abs(served - other).mean()), _spearman(served, other))
                sums = self._sums[shadow["ranker"], shadow["model_version"], ranker]
                sums[:] = [one + more for one, more in zip(sums, own, strict=True)]

    def results(self) -> tuple[Agreement, ...]:
        """Return every ranker that looked on, by name and version."""
        return tuple(
            Agreement(*who, round(count), *(total / count for total in totals))
            for who, (count, *totals) in sorted(self._sums.items())
        )


def _spearman(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    ranks = [shared_places(values) for values in (one, other)]
    spreads = [float(rank.std()) for rank in ranks]
    if 0.0 in spreads:
        return float(spreads[0] == spreads[1])
    centred = [rank - rank.mean() for rank in ranks]
    return float((centred[0] * centred[1]).mean() / (spreads[0] * spreads[1]))
