"""From rows of features to propensities."""

import lightgbm
import numpy as np
from numpy.typing import NDArray


class ModelError(Exception):
    """A model cannot be used; the message says why and what to do."""


class Ranker:
    """A loaded model. Safe to share between threads: nothing changes after construction."""

    __slots__ = ("_booster", "columns", "version")

    def __init__(self, booster: lightgbm.Booster, columns: tuple[str, ...], version: str) -> None:
        self._booster = booster
        self.columns = columns
        self.version = version

    def propensities(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return P(positive outcome) for each row of a matrix in the order of `columns`; NaN is missing.

        Raises:
            ModelError: the matrix has other columns, or the model gives something that is no probability.
        """
        if matrix.shape[1:] != (len(self.columns),):
            raise ModelError(
                f"the model takes {len(self.columns)} columns, got an array of shape {matrix.shape}"
            )
        if not len(matrix):
            return np.empty(0, dtype=np.float64)
        # More threads cost more than they bring on a few hundred rows, and hang after a fork.
        scores = np.asarray(self._booster.predict(matrix, num_threads=1), dtype=np.float64)
        # NaN fails both comparisons.
        if scores.shape != (len(matrix),) or not np.all((scores >= 0.0) & (scores <= 1.0)):
            raise ModelError(f"model {self.version} gave a score that is no probability")
        return scores
