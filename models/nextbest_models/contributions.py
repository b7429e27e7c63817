"""What each feature did to a propensity: Shapley values of trees, before calibration.

LightGBM computes them exactly (TreeSHAP: Lundberg et al., Nature Machine Intelligence 2020). That takes about
a millisecond per row for a hundred trees, a hundred times as long as scoring it: only for what somebody asks
about.
"""

from dataclasses import dataclass

import lightgbm
import numpy as np

from nextbest_models.pairs import Floats

_CLOSE = 1e-6
"""Shapley values that miss the score by more, relative to it, are none."""


@dataclass(frozen=True, slots=True)
class Contributions:
    """What one score is made of, in log-odds: the base and all of `log_odds` add up to the score.

    values, log_odds: float64 [columns], what the model saw (NaN is missing) and what that did. calibration:
    what the curve of the action's type adds to the score; 0 without a curve.
    """

    base: float
    values: Floats
    log_odds: Floats
    calibration: float = 0.0

    @property
    def score(self) -> float:
        """The log-odds of the propensity before calibration."""
        return self.base + float(self.log_odds.sum())

    def largest(self, most: int) -> list[int]:
        """Return the columns with the largest effects, largest first; equal ones by column, none without."""
        order = np.argsort(-np.abs(self.log_odds), kind="stable")[:most]
        return [column for column in order.tolist() if self.log_odds[column] != 0.0]


@dataclass(frozen=True, slots=True)
class Explainer:
    """Takes the scores of a model apart. `scale` makes log-odds of raw scores."""

    booster: lightgbm.Booster
    scale: float

    @classmethod
    def of(cls, booster: lightgbm.Booster, text: str) -> "Explainer | None":
        """Return the explainer of a model and its text, None for one that LightGBM does not take apart.

        These are linear trees, and models whose raw score is not the log-odds of one probability.
        """
        scale = _scale(text.partition("\nTree=0\n")[0], booster.num_trees())
        return None if scale is None or "\nis_linear=1\n" in text else cls(booster, scale)

    def contributions(self, matrix: Floats) -> tuple[Contributions, ...] | None:
        """Return what the score of each row is made of, None where the parts do not add up to it."""
        if not len(matrix):
            return ()
        # More threads cost more than they bring on a few rows, and hang after a fork.
        shares = self.scale * np.asarray(self.booster.predict(matrix, pred_contrib=True, num_threads=1))
        scores = self.scale * np.asarray(self.booster.predict(matrix, raw_score=True, num_threads=1))
        if not np.allclose(shares.sum(axis=1), scores, rtol=_CLOSE, atol=_CLOSE):
            return None
        return tuple(
            Contributions(float(row[-1]), values, row[:-1])
            for values, row in zip(matrix, shares, strict=True)
        )


def _scale(head: str, trees: int) -> float | None:
    # Loaded here, because numba is slow to import and most commands explain nothing.
    from nextbest_models.scoring.links import logistic_scale  # noqa: PLC0415
    from nextbest_models.scoring.model_text import UnsupportedModelError  # noqa: PLC0415

    lines = head.split("\n")
    objective = next((it.removeprefix("objective=") for it in lines if it.startswith("objective=")), "")
    try:
        scale = logistic_scale(objective)
    except UnsupportedModelError:
        return None
    return scale / trees if "average_output" in lines else scale
