"""Calibration: from a model's scores to probabilities that come true, for each type of action on its own.

Priorities compare actions of different types, so an 0.02 of an offer has to mean the same as an 0.02 of a
service. Every curve is a line with bends over log-odds: strictly increasing, so that no two scores become
equal and the order within a type is the model's; and finite, so that nothing becomes 0 or 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.int8]

UNCALIBRATED = -1
"""The code of actions whose type has no curve: their scores stay as they are."""
_SMALLEST = 1e-15


class Method(StrEnum):
    """How a curve was fitted."""

    PLATT = "platt"
    ISOTONIC = "isotonic"


@dataclass(frozen=True, slots=True)
class Curve:
    """One type's way from scores to probabilities, both as log-odds.

    `knots` and `values` (float64, of one length of at least 2) ascend strictly. Between two knots the curve
    is straight; `slope` (above 0) is how it goes on below the first and above the last of them.
    """

    method: Method
    knots: Floats
    values: Floats
    slope: float

    def apply(self, scores: Floats) -> Floats:
        """Return probabilities for scores, both float64 of one shape and within (0, 1)."""
        x = log_odds(scores)
        beyond = np.minimum(x - self.knots[0], 0.0) + np.maximum(x - self.knots[-1], 0.0)
        return probability(np.interp(x, self.knots, self.values) + self.slope * beyond)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The curves by type of action. A type without one keeps its scores."""

    curves: Mapping[str, Curve] = field(default_factory=dict)

    def codes(self, types: Sequence[str]) -> Codes:
        """Return what `apply` wants to know of some actions, int8 of their number: compile it once."""
        places = {kind: code for code, kind in enumerate(self.curves)}
        return np.array([places.get(kind, UNCALIBRATED) for kind in types], dtype=np.int8)

    def apply(self, scores: Floats, codes: Codes) -> Floats:
        """Return the calibrated probabilities of scores; both arrays have one entry per candidate."""
        if not self.curves:
            return scores
        calibrated = scores.copy()
        for code, curve in enumerate(self.curves.values()):
            own = codes == code
            calibrated[own] = curve.apply(scores[own])
        return calibrated


NOT_CALIBRATED = Calibration()


class CalibrationError(ValueError):
    """A calibration was written by something else, or damaged."""


def log_odds(scores: Floats) -> Floats:
    """Return the log-odds of probabilities; those of 0 and 1 are cut off, not infinite."""
    inside = np.clip(scores, _SMALLEST, 1.0 - _SMALLEST)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)


def probability(odds: Floats) -> Floats:
    """Return the probabilities of log-odds, within (0, 1)."""
    # exp() of what is not positive: nothing overflows.
    small = np.exp(-np.abs(odds))
    return np.clip(np.where(odds < 0, small, 1.0) / (1.0 + small), _SMALLEST, 1.0 - _SMALLEST)


class _CurveDocument(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    method: Method
    knots: tuple[float, ...]
    values: tuple[float, ...]
    slope: float


class _CalibrationDocument(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    curves: dict[str, _CurveDocument]


def write_calibration(calibration: Calibration) -> bytes:
    """Return a calibration as JSON; every figure is read back to the last bit."""
    curves = {
        kind: _CurveDocument(
            method=curve.method, knots=curve.knots.tolist(), values=curve.values.tolist(), slope=curve.slope
        )
        for kind, curve in calibration.curves.items()
    }
    return (_CalibrationDocument(curves=curves).model_dump_json(indent=1) + "\n").encode()


def read_calibration(content: bytes) -> Calibration:
    """Return the calibration that was written as these bytes.

    Raises:
        CalibrationError: it is damaged, or would change the order of scores.
    """
    try:
        document = _CalibrationDocument.model_validate_json(content)
    except ValidationError as error:
        raise CalibrationError(f"a calibration cannot be read: {error}") from error
    return Calibration({kind: _curve(kind, item) for kind, item in document.curves.items()})


def _curve(kind: str, item: _CurveDocument) -> Curve:
    if len(item.knots) != len(item.values) or len(item.knots) < 2:  # noqa: PLR2004 - a line has two points
        raise CalibrationError(f"the curve of {kind} has no usable knots")
    if item.slope <= 0 or not all(
        one < two for line in (item.knots, item.values) for one, two in pairwise(line)
    ):
        raise CalibrationError(f"the curve of {kind} does not ascend")
    return Curve(item.method, np.array(item.knots), np.array(item.values), item.slope)
