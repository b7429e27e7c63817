"""Makes the rows of logged candidates again, exactly as they were when they competed."""

import numpy as np

from nextbest_models.action_side import ActionSide
from nextbest_models.logged.decisions import Integers, LoggedDecisions
from nextbest_models.pairs import Floats
from nextbest_models.ranker import CandidateRanker, Ranker


def rows_of(decisions: LoggedDecisions, candidates: Integers) -> Floats:
    """Return the feature rows of some candidates, float64 [len(candidates), columns]; NaN is missing.

    `candidates` are positions in `decisions.candidates`, ascending.
    """
    compared, assembler = decisions.candidates, decisions.side.assembler
    matrix = np.empty((len(candidates), len(decisions.side.spec.columns)))
    bounds = np.searchsorted(candidates, compared.starts)
    for decision in np.flatnonzero(np.diff(bounds)).tolist():
        part = slice(*bounds[decision : decision + 2].tolist())
        matrix[part] = assembler.assemble(
            decisions.customer(decision),
            decisions.contexts[decision],
            compared.rows[candidates[part]],
            int(decisions.times_ms[decision]),
        )
    return matrix


class Rescorer:
    """What a model says of logged candidates: P of each had it served then. Compiled once per action side."""

    __slots__ = ("_over", "_ranker")

    def __init__(self, ranker: Ranker) -> None:
        self._ranker = ranker
        self._over: dict[str, CandidateRanker] = {}

    def propensities(self, decisions: LoggedDecisions) -> Floats:
        """Return the calibrated propensity of every candidate, float64 [candidates].

        Raises:
            ModelError: the model was trained for other features, or gives something that is no probability.
        """
        compared, over = decisions.candidates, self.over(decisions.side)
        scores = np.empty(len(compared.rows))
        for decision in range(len(decisions)):
            part = slice(*compared.starts[decision : decision + 2].tolist())
            scores[part] = over.propensities(
                decisions.customer(decision),
                decisions.contexts[decision],
                compared.rows[part],
                int(decisions.times_ms[decision]),
            )
        return scores

    def over(self, side: ActionSide) -> CandidateRanker:
        """Return the model against the actions of a side."""
        if side.id not in self._over:
            codes = self._ranker.calibration.codes([kind.type for kind in side.kinds])
            self._over[side.id] = self._ranker.over(side.assembler, codes)
        return self._over[side.id]
