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
FAR = 35.0
"""No score has log-odds further from 0."""
SMALLEST, FURTHEST = 1e-15, 34.0
"""No score counts as nearer to 0 or 1, and no probability has log-odds further from 0."""


class Method(StrEnum):
    """How a curve was fitted."""

    PLATT = "platt"
    ISOTONIC = "isotonic"


@dataclass(frozen=True, slots=True)
class Curve:
    """One type's way from scores to probabilities, straight from knot to knot.

    `knots` (of scores) and `values` (of probabilities) are log-odds: float64, of one length, ascending
    strictly, from `-FAR` or below to `FAR` or above, so that every score lies between two knots.
    """

    method: Method
    knots: Floats
    values: Floats

    def apply(self, odds: Floats) -> Floats:
        """Return the log-odds of probabilities for those of scores."""
        return np.interp(odds, self.knots, self.values)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The curves by type of action. A type without one keeps its scores."""

    curves: Mapping[str, Curve] = field(default_factory=dict)

    def codes(self, types: Sequence[str]) -> Codes:
        """Return what `apply` wants to know of some actions, int8 of their number: compile it once."""
        places = {kind: code for code, kind in enumerate(self.curves)}
        return np.array([places.get(kind, UNCALIBRATED) for kind in types], dtype=np.int8)

    def apply(self, scores: Floats, codes: Codes) -> Floats:
        """Return the probabilities of scores; all arrays have one entry per candidate."""
        if not self.curves:
            return scores
        if len(self.curves) == 1 and not codes.any():  # the usual case: all are of the one type with a curve
            (curve,) = self.curves.values()
            return probability(curve.apply(log_odds(scores)))
        odds, known = log_odds(scores), codes != UNCALIBRATED
        for code, curve in enumerate(self.curves.values()):
            own = np.flatnonzero(codes == code)
            odds[own] = curve.apply(odds[own])
        calibrated = probability(odds)
        # What has no curve stays as it is, to the last bit.
        return np.where(known, calibrated, scores)


NOT_CALIBRATED = Calibration()


class CalibrationError(ValueError):
    """A calibration was written by something else, or damaged."""


def log_odds(scores: Floats) -> Floats:
    """Return the log-odds of probabilities, within -FAR and FAR; those of 0 and 1 are cut off."""
    # Plain ufuncs: np.clip takes longer than all of these on a hundred numbers.
    inside = np.minimum(np.maximum(scores, SMALLEST), 1.0 - SMALLEST)
    return np.asarray(np.log(inside / (1.0 - inside)), dtype=np.float64)


def probability(odds: Floats) -> Floats:
    """Return the probabilities of log-odds, within (0, 1)."""
    inside = np.minimum(np.maximum(odds, -FURTHEST), FURTHEST)
    return np.asarray(1.0 / (1.0 + np.exp(-inside)), dtype=np.float64)


class _CurveDocument(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    method: Method
    knots: tuple[float, ...]
    values: tuple[float, ...]


class _CalibrationDocument(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    curves: dict[str, _CurveDocument]


def write_calibration(calibration: Calibration) -> bytes:
    """Return a calibration as JSON; every figure is read back to the last bit."""
    curves = {
        kind: _CurveDocument(method=curve.method, knots=curve.knots.tolist(), values=curve.values.tolist())
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
    knots, values = item.knots, item.values
    if len(knots) != len(values) or not knots or knots[0] > -FAR or knots[-1] < FAR:
        raise CalibrationError(f"the curve of {kind} does not cover all scores")
    if not all(one < two for line in (knots, values) for one, two in pairwise(line)):
        raise CalibrationError(f"the curve of {kind} does not ascend")
    return Curve(item.method, np.array(knots), np.array(values))
