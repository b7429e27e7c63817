"""How far the actions of a catalog have come up the ladder from a declared propensity to the model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextbest_models.evidence import NO_EVIDENCE, Kind
from nextbest_models.ladder import Expectation, Maturity, Rung, expectation, graduated
from nextbest_models.ranker import Ranker
from nextbest_rules import Action
from nextbest_service.decisions.factors import Flags, Floats, Rows

NEUTRAL_PROPENSITY = 0.01
"""P of actions of which nothing is declared, and nothing like them was ever shown: V and L decide."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What to expect of every action without the model, and which ones the model ranks (one flag each)."""

    expected: Expectation
    mature: Flags
    all_mature: bool
    _model: NDArray[np.int8]

    @classmethod
    def of(cls, actions: Sequence[Action], ranker: Ranker | None) -> "Standing":
        """Return how the actions stand with a model, or with none."""
        rungs = [_rung(action) for action in actions]
        experience = ranker.experience if ranker else None
        expected = expectation(rungs, experience.evidence if experience else NO_EVIDENCE, NEUTRAL_PROPENSITY)
        mature = graduated(rungs, experience) if experience else np.full(len(rungs), ranker is not None)
        model = np.full(len(rungs), Maturity.MODEL, dtype=np.int8)
        model.flags.writeable = False
        return cls(expected, mature, bool(mature.all()), model)

    def without_model(self, rows: Rows) -> tuple[Floats, NDArray[np.int8]]:
        """Return propensity and maturity of some actions where the model ranks none of them."""
        return self.expected.propensity[rows], self.expected.maturity[rows]

    def all_by_model(self, count: int) -> NDArray[np.int8]:
        """Return the maturity of so many actions of which the model ranked every one: the usual case."""
        return self._model[:count]

    def with_model(self, rows: Rows, ranked: Flags, scores: Floats) -> tuple[Floats, NDArray[np.int8]]:
        """Return propensity and maturity of some actions, of which the model ranked those with a flag.

        `scores` are the model's, one for each flag that is set.
        """
        propensity, maturity = self.without_model(rows)
        propensity[ranked], maturity[ranked] = scores, Maturity.MODEL
        return propensity, maturity


def _rung(action: Action) -> Rung:
    kind = Kind(action.type.value, action.issue, action.group)
    return Rung(action.id, kind, action.starting_propensity)
