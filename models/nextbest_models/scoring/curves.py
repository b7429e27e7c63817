"""From raw scores to calibrated propensities in one pass: what `calibration.py` does, compiled.

The same floating point operations in the same order as numpy's, by the C library's exp and log.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_models.calibration import FURTHEST, SMALLEST, Calibration, Codes
from nextbest_models.pairs import Floats, Positions
from nextbest_models.scoring.compiling import compiled
from nextbest_models.scoring.kernels import Plain
from nextbest_models.scoring.links import LogisticLink


class Curves(NamedTuple):
    """The curves of a calibration, laid end to end.

    bounds: int64 [curves + 1], where each begins. knots, values: float64. limits: float64 [2], the smallest
    score and the furthest log-odds that are told apart.
    """

    bounds: NDArray[np.int64]
    knots: Floats
    values: Floats
    limits: Floats

    @classmethod
    def of(cls, calibration: Calibration) -> "Curves":
        """Lay the curves end to end."""
        curves = tuple(calibration.curves.values())
        bounds = np.cumsum([0, *(len(curve.knots) for curve in curves)]).astype(np.int64)
        knots, values = (_joined([getattr(it, name) for it in curves]) for name in ("knots", "values"))
        return cls(bounds, knots, values, np.array([SMALLEST, FURTHEST]))

    def apply(self, scores: Floats, codes: Codes) -> Floats:
        """Return the probabilities of scores; all arrays have one entry per candidate.

        Codes are those of `Calibration.codes`.
        """
        calibrated: Floats = _applied(tuple(self), scores, codes.astype(np.int64))
        return calibrated

    def of_raw(self, raw: Floats, link: LogisticLink, codes: Codes, rows: Positions) -> tuple[Floats, bool]:
        """Return the probabilities of raw scores, and whether all scores were probabilities before.

        codes: int8 [actions]. rows: the candidates' actions. raw: float64 [rows], contiguous.
        """
        out = np.empty(len(raw))
        sound: bool = _of_raw(tuple(self), raw, link.scale, link.divisor, codes.astype(np.int64), rows, out)
        return out, sound


def _joined(parts: Sequence[Floats]) -> Floats:
    return np.concatenate([np.empty(0), *parts])


@compiled
def _of_raw(
    plain: Plain,
    raw: Floats,
    scale: float,
    divisor: float,
    codes: Positions,
    rows: Positions,
    out: Floats,
) -> bool:
    sound: bool = calibrate(Curves(*plain), raw, scale, divisor, codes, rows, out)
    return sound


@compiled
def calibrate(
    curves: Curves,
    raw: Floats,
    scale: float,
    divisor: float,
    codes: Positions,
    rows: Positions,
    out: Floats,
) -> bool:
    """Write the probabilities of raw scores to `out`; return whether all scores were probabilities before.

    codes: int64 [actions]. rows: the candidates' actions.
    """
    sound = True
    for place in range(len(raw)):
        score = 1.0 / (1.0 + math.exp(-scale * (raw[place] / divisor)))
        sound &= 0.0 <= score <= 1.0  # NaN is neither
        out[place] = _probability(curves, score, codes[rows[place]])
    return sound


@compiled
def _applied(plain: Plain, scores: Floats, codes: Positions) -> Floats:
    curves, out = Curves(*plain), np.empty(len(scores))
    for place in range(len(scores)):
        out[place] = _probability(curves, scores[place], codes[place])
    return out


@compiled
def _probability(curves: Curves, score: float, code: int) -> float:
    bounds, knots, values = curves.bounds, curves.knots, curves.values
    smallest, furthest = curves.limits[0], curves.limits[1]
    if code < 0:
        return score
    inside = min(max(score, smallest), 1.0 - smallest)
    odds = math.log(inside / (1.0 - inside))
    odds = _along(knots[bounds[code] : bounds[code + 1]], values[bounds[code] : bounds[code + 1]], odds)
    return 1.0 / (1.0 + math.exp(-min(max(odds, -furthest), furthest)))


@compiled
def _along(knots: Floats, values: Floats, odds: float) -> float:
    """Return what `np.interp` returns for a number that is not below the first knot."""
    knot = np.searchsorted(knots, odds, side="right") - 1
    if knot == len(knots) - 1 or knots[knot] == odds:
        return float(values[knot])
    slope: float = (values[knot + 1] - values[knot]) / (knots[knot + 1] - knots[knot])
    return float(slope * (odds - knots[knot]) + values[knot])
