"""From rows of features, or from a customer and candidates, to propensities."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import lightgbm
import numpy as np

from nextbest_models.assembly import CandidateAssembler
from nextbest_models.calibration import (
    NOT_CALIBRATED,
    UNCALIBRATED,
    Calibration,
    Codes,
    log_odds,
    probability,
)
from nextbest_models.contributions import Contributions, Explainer
from nextbest_models.evidence import Experience
from nextbest_models.pairs import Floats, Positions
from nextbest_models.state import CustomerFeatures

if TYPE_CHECKING:
    from nextbest_models.scoring.curves import Curves
    from nextbest_models.scoring.exact import ExactCandidates, ExactModel

EXACT, LIGHTGBM = "exact", "lightgbm"


class ModelError(Exception):
    """A model cannot be used; the message says why and what to do."""


class CandidateRanker(Protocol):
    """A model against the actions of one catalog."""

    @property
    def exact(self) -> "ExactCandidates | None":
        """What gives the same propensities in one compiled call; None for a model that is not compiled."""

    def propensities(
        self, customer: CustomerFeatures, context: Mapping[str, float], rows: Positions, now_ms: int
    ) -> Floats:
        """Return P(positive outcome) of each candidate, float64 [len(rows)].

        The customer's features are taken as they are: they have to be those of `now_ms`. `rows` are positions
        in the sequence of actions. `context` may hold more than the features name.

        Raises:
            ModelError: the model gives something that is no probability.
        """

    def contributions(
        self, customer: CustomerFeatures, context: Mapping[str, float], rows: Positions, now_ms: int
    ) -> tuple[Contributions, ...] | None:
        """Return what made up the propensity of each candidate; None for a model that cannot be taken apart.

        The arguments are those of `propensities`. Takes about a millisecond per candidate.
        """


@dataclass(frozen=True, slots=True)
class ScorerInUse:
    """What computes the propensities of decisions: "exact" or "lightgbm". `why` is empty for the former."""

    name: str
    why: str


class Ranker:
    """A loaded model. Safe to share between threads: nothing changes after construction.

    `experience` is what it has seen; a model that does not tell (None) is trusted with every action.
    """

    __slots__ = (
        "_exact",
        "_explainer",
        "booster",
        "calibration",
        "columns",
        "created",
        "curves",
        "experience",
        "scorer",
        "version",
    )

    def __init__(
        self,
        booster: lightgbm.Booster,
        columns: tuple[str, ...],
        version: str,
        calibration: Calibration = NOT_CALIBRATED,
        experience: Experience | None = None,
        created: str = "",
    ) -> None:
        self.booster = booster
        self.created = created
        text = str(booster.model_to_string())
        self._exact, self.scorer = _exact_model(text)
        self._explainer = Explainer.of(booster, text)
        self.columns = columns
        self.version = version
        self.calibration = calibration
        self.curves = _compiled(calibration)
        self.experience = experience

    def over(self, assembler: CandidateAssembler, codes: Codes | None = None) -> CandidateRanker:
        """Return this model against an assembler's actions; what no request changes is computed here.

        `codes` are those of `calibration` for the actions; None leaves the scores uncalibrated.
        """
        if self._exact is None:
            return _Candidates(self, assembler, codes, None)
        from nextbest_models.scoring.exact import ExactCandidates  # noqa: PLC0415 - numba is slow to import

        own = np.full(len(assembler.base), UNCALIBRATED, dtype=np.int8) if codes is None else codes
        exact = ExactCandidates.of(self._exact, assembler, self.curves, own)
        return _Candidates(self, assembler, codes, exact)

    def propensities(self, matrix: Floats, codes: Codes | None = None) -> Floats:
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
        scores = np.asarray(self.booster.predict(matrix, num_threads=1), dtype=np.float64)
        return self.calibrated(self.checked(scores, len(matrix)), codes)

    def contributions(self, matrix: Floats, codes: Codes | None = None) -> tuple[Contributions, ...] | None:
        """Return what made up the propensity of each row; None for a model that cannot be taken apart.

        The arguments are those of `propensities`.
        """
        parts = None if self._explainer is None else self._explainer.contributions(matrix)
        if not parts or codes is None:
            return parts
        scores = probability(np.array([part.score for part in parts]))
        added = log_odds(self.calibrated(scores, codes)) - log_odds(scores)
        return tuple(
            replace(part, calibration=shift) for part, shift in zip(parts, added.tolist(), strict=True)
        )

    def worst_difference(self, matrix: Floats, expected: Floats) -> float:
        """Return how far any propensity of some rows is from the expected one, by every scorer there is.

        Raises:
            ModelError: as `propensities` does.
        """
        scores = [self.propensities(matrix)]
        if self._exact is not None:
            scores.append(self.checked(self._exact.propensities(matrix), len(matrix)))
        return float(np.max(np.abs(np.stack(scores) - expected)))

    def checked(self, scores: Floats, rows: int) -> Floats:
        """Return scores that are probabilities, one for each row.

        Raises:
            ModelError: they are not.
        """
        # NaN fails both comparisons.
        if scores.shape != (rows,) or not np.all((scores >= 0.0) & (scores <= 1.0)):
            raise self.no_probability()
        return scores

    def no_probability(self) -> ModelError:
        """Return what to raise where a score is no probability."""
        return ModelError(f"model {self.version} gave a score that is no probability")

    def calibrated(self, scores: Floats, codes: Codes | None) -> Floats:
        """Return scores as calibrated propensities, by the codes of their actions."""
        return scores if codes is None else self.curves.apply(scores, codes)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Scored the exact way, which is believed where it gives probabilities, or by LightGBM from whole rows.

    Explained from whole rows in either case.
    """

    ranker: Ranker
    assembler: CandidateAssembler
    codes: Codes | None
    exact: "ExactCandidates | None"

    def propensities(
        self, customer: CustomerFeatures, context: Mapping[str, float], rows: Positions, now_ms: int
    ) -> Floats:
        if self.exact is None:
            matrix = self.assembler.assemble(customer, context, rows, now_ms)
            return self.ranker.propensities(matrix, self._codes(rows))
        scores, sound = self.exact.propensities(customer, context, rows, now_ms)
        if not sound:
            raise self.ranker.no_probability()
        return scores

    def contributions(
        self, customer: CustomerFeatures, context: Mapping[str, float], rows: Positions, now_ms: int
    ) -> tuple[Contributions, ...] | None:
        matrix = self.assembler.assemble(customer, context, rows, now_ms)
        return self.ranker.contributions(matrix, self._codes(rows))

    def _codes(self, rows: Positions) -> Codes | None:
        return None if self.codes is None else self.codes[rows]


def _exact_model(text: str) -> "tuple[ExactModel | None, ScorerInUse]":
    # Loaded here, because numba is slow to import and most commands score nothing.
    from nextbest_models.scoring.exact import ExactModel  # noqa: PLC0415
    from nextbest_models.scoring.model_text import UnsupportedModelError  # noqa: PLC0415

    try:
        return ExactModel.compile(text), ScorerInUse(EXACT, "")
    except UnsupportedModelError as error:
        return None, ScorerInUse(LIGHTGBM, str(error))


def _compiled(calibration: Calibration) -> "Curves":
    from nextbest_models.scoring.curves import Curves  # noqa: PLC0415 - numba is slow to import

    return Curves.of(calibration)
