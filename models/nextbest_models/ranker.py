"""From rows of features to propensities."""

import lightgbm
import numpy as np
from numpy.typing import NDArray

from nextbest_models.calibration import NOT_CALIBRATED, Calibration, Codes
from nextbest_models.evidence import Experience


class ModelError(Exception):
    """A model cannot be used; the message says why and what to do."""


class Ranker:
    """A loaded model. Safe to share between threads: nothing changes after construction.

    `experience` is what it has seen; a model that does not tell (None) is trusted with every action.
    """

    __slots__ = ("_booster", "calibration", "columns", "experience", "version")

    def __init__(
        self,
        booster: lightgbm.Booster,
        columns: tuple[str, ...],
        version: str,
        calibration: Calibration = NOT_CALIBRATED,
        experience: Experience | None = None,
    ) -> None:
        self._booster = booster
        self.columns = columns
        self.version = version
        self.calibration = calibration
        self.experience = experience

    def propensities(self, matrix: NDArray[np.float64], codes: Codes | None = None) -> NDArray[np.float64]:
        """Return P(positive outcome) for each row of a matrix in the order of `columns`; NaN is missing.

        `codes` are those of `calibration` for the actions of the rows; None leaves the scores uncalibrated.

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
        return scores if codes is None else self.calibration.apply(scores, codes)
