"""From raw scores to calibrated propensities in one pass: what `calibration.py` does, compiled.

The same floating point operations in the same order as numpy's, by the C library's exp and log.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nextbest_models.calibration import FURTHEST, SMALLEST, Calibration, Codes
from nextbest_models.pairs import Floats, Positions
from nextbest_models.scoring.compiling import compiled
from nextbest_models.scoring.kernels import Plain
from nextbest_models.scoring.links import LogisticLink


@dataclass(frozen=True, slots=True)
class CompiledCurves:
    """The curves of a calibration, for any rows of actions; codes are those of `Calibration.codes`."""

    _plain: Plain

    @classmethod
    def of(cls, calibration: Calibration) -> "CompiledCurves":
        """Lay the curves end to end, and compile the kernels."""
        curves = tuple(calibration.curves.values())
        bounds = np.cumsum([0, *(len(curve.knots) for curve in curves)]).astype(np.int64)
        knots, values = (_joined([getattr(it, name) for it in curves]) for name in ("knots", "values"))
        found = cls((bounds, knots, values, SMALLEST, FURTHEST))
        nothing, none = np.empty(0), np.empty(0, dtype=np.int8)
        found.apply(nothing, none)
        found.of_raw(nothing, LogisticLink(1.0, 1.0), none, np.empty(0, dtype=np.intp))
        return found

    def apply(self, scores: Floats, codes: Codes) -> Floats:
        """Return the probabilities of scores; all arrays have one entry per candidate."""
        calibrated: Floats = _applied(self._plain, scores, codes)
        return calibrated

    def of_raw(self, raw: Floats, link: LogisticLink, codes: Codes, rows: Positions) -> tuple[Floats, bool]:
        """Return the probabilities of raw scores, and whether all scores were probabilities before.

        codes: int8 [actions]. rows: the candidates' actions. raw: float64 [rows], contiguous.
        """
        found: tuple[Floats, bool] = _of_raw(self._plain, raw, link.scale, link.divisor, codes, rows)
        return found


def _joined(parts: Sequence[Floats]) -> Floats:
    return np.concatenate([np.empty(0), *parts])


@compiled
def _of_raw(
    plain: Plain, raw: Floats, scale: float, divisor: float, codes: Codes, rows: Positions
) -> tuple[Floats, bool]:
    out, sound = np.empty(len(raw)), True
    for place in range(len(raw)):
        score = 1.0 / (1.0 + math.exp(-scale * (raw[place] / divisor)))
        sound &= 0.0 <= score <= 1.0  # NaN is neither
        out[place] = _probability(plain, score, codes[rows[place]])
    return out, sound


@compiled
def _applied(plain: Plain, scores: Floats, codes: Codes) -> Floats:
    out = np.empty(len(scores))
    for place in range(len(scores)):
        out[place] = _probability(plain, scores[place], codes[place])
    return out


@compiled
def _probability(plain: Plain, score: float, code: int) -> float:
    bounds, knots, values, smallest, furthest = plain
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
