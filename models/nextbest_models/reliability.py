"""Whether probabilities come true: per type of action, before and after calibration."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from nextbest_models.calibrating import Flags, Names, TypeFit, calibration_of
from nextbest_models.calibration import Floats
from nextbest_models.evaluation import CalibrationBin, calibration_bins, expected_calibration_error

_NOT_FITTED = TypeFit(0, 0, None, "no rows to fit on")


@dataclass(frozen=True, slots=True)
class Reliability:
    """One type: what was fitted, and bins of its rows in a later period by score and by probability."""

    fit: TypeFit
    before: tuple[CalibrationBin, ...]
    after: tuple[CalibrationBin, ...]

    @property
    def error_before(self) -> float:
        """The expected calibration error of the scores."""
        return expected_calibration_error(self.before)

    @property
    def error_after(self) -> float:
        """The expected calibration error of the probabilities."""
        return expected_calibration_error(self.after)

    @property
    def method(self) -> str:
        """How the type is calibrated, or `none`."""
        return "none" if self.fit.curve is None else self.fit.curve.method.value

    def plain(self) -> dict[str, JsonValue]:
        """Return the figures fit for JSON."""
        return {
            "method": self.method,
            "why_not": self.fit.why_not,
            "fitted_rows": self.fit.rows,
            "fitted_positives": self.fit.positives,
            "error_before": self.error_before,
            "error_after": self.error_after,
        }


def calibrated(scores: Floats, types: Names, fits: Mapping[str, TypeFit]) -> Floats:
    """Return the probabilities of scores; all arrays have one entry per row."""
    calibration = calibration_of(fits)
    names, places = np.unique(types, return_inverse=True)
    return calibration.apply(scores, calibration.codes(names.tolist())[places])


def reliability_by_type(
    positive: Flags, scores: Floats, types: Names, fits: Mapping[str, TypeFit]
) -> Mapping[str, Reliability]:
    """Return how each type of some rows fares, by name. The fits should know nothing of these rows."""
    probabilities = calibrated(scores, types, fits)
    return {
        str(kind): Reliability(
            fits.get(str(kind), _NOT_FITTED),
            calibration_bins(positive[rows], scores[rows]),
            calibration_bins(positive[rows], probabilities[rows]),
        )
        for kind in np.unique(types)
        if (rows := types == kind).any()
    }
