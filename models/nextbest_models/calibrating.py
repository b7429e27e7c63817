"""Fits calibration curves to what came of scores that the model gave before it could know."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from nextbest_models.calibration import FAR, Calibration, Curve, Floats, Method, log_odds, probability

Flags: TypeAlias = NDArray[np.bool_]
Names: TypeAlias = NDArray[np.str_]

_ROUNDS = 50
_PRECISION = 1e-10
_LEAST_SLOPE = 1e-3
_MOST_HALVINGS = 30


class CalibrationPlan(BaseModel):
    """From how many rows of the rarer outcome on a type gets which curve; with fewer it stays as it is.

    Platt's two parameters need some tens. Isotonic regression beats them from about a thousand on
    (Niculescu-Mizil and Caruana 2005). `block` is the least number of rows of either outcome between two
    knots of an isotonic curve: it keeps rates off 0 and 1, and the knots few.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    platt_from: int = Field(default=50, ge=2)
    isotonic_from: int = Field(default=1000, ge=2)
    block: int = Field(default=20, ge=1)


@dataclass(frozen=True, slots=True)
class TypeFit:
    """What was fitted for one type, on how many rows, and why nothing was (empty if something was)."""

    rows: int
    positives: int
    curve: Curve | None
    why_not: str = ""


def fit_by_type(
    positive: Flags, scores: Floats, types: Names, plan: CalibrationPlan
) -> Mapping[str, TypeFit]:
    """Return a fit for each type, by name. All arrays have one entry per row.

    The scores must come from a model that did not learn from these rows.
    """
    return {
        str(kind): _fit(positive[rows], scores[rows], plan)
        for kind in np.unique(types)
        if (rows := types == kind).any()
    }


def calibration_of(fits: Mapping[str, TypeFit]) -> Calibration:
    """Return the curves that could be fitted."""
    return Calibration({kind: fit.curve for kind, fit in fits.items() if fit.curve is not None})


def _fit(positive: Flags, scores: Floats, plan: CalibrationPlan) -> TypeFit:
    positives = int(positive.sum())
    rarer = min(positives, len(positive) - positives)
    if rarer < plan.platt_from:
        why = f"{rarer} rows of the rarer outcome, {plan.platt_from} needed"
        return TypeFit(len(positive), positives, None, why)
    curve = isotonic(positive, scores, plan.block) if rarer >= plan.isotonic_from else None
    curve = curve or platt(positive, scores)
    why = "" if curve is not None else "higher scores did not come true more often"
    return TypeFit(len(positive), positives, curve, why)


def platt(positive: Flags, scores: Floats) -> Curve | None:
    """Fit a line over log-odds; None where it would not ascend.

    Platt scaling (Platt 1999) with his targets (N+ + 1) / (N+ + 2) and 1 / (N- + 2), fitted by Newton's
    method with step halving (Lin, Lin and Weng 2007). Over log-odds, so that the identity is a line, too.
    """
    x, positives = log_odds(scores), int(positive.sum())
    negatives = len(positive) - positives
    targets = np.where(positive, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    line = _newton(x, targets)
    if not np.all(np.isfinite(line)) or line[0] < _LEAST_SLOPE:
        return None
    knots = np.array([-FAR, FAR])
    return Curve(Method.PLATT, knots, line[0] * knots + line[1])


def _newton(x: Floats, targets: Floats) -> Floats:
    """Return slope and offset of least cross-entropy."""
    design = np.column_stack([x, np.ones(len(x))])
    line = np.array([1.0, 0.0])
    loss = _cross_entropy(design @ line, targets)
    for _ in range(_ROUNDS):
        expected = probability(design @ line)
        gradient = design.T @ (expected - targets)
        curvature = (design * (expected * (1 - expected))[:, None]).T @ design
        # A ridge for rows that all have one score: then only the offset can be told.
        step = np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient)
        for _ in range(_MOST_HALVINGS):
            tried = line - step
            if (found := _cross_entropy(design @ tried, targets)) <= loss:
                line, loss = tried, found
                break
            step = step / 2
        if np.max(np.abs(step)) < _PRECISION:
            break
    return line


def _cross_entropy(odds: Floats, targets: Floats) -> float:
    return float(np.sum(np.logaddexp(0.0, odds) - targets * odds))


def isotonic(positive: Flags, scores: Floats, block: int) -> Curve | None:
    """Fit a curve that ascends with the scores, by pooling adjacent violators (Ayer et al. 1955).

    Pools with fewer than `block` rows of either outcome are merged upwards. A knot stands at the mean
    log-odds of a pool. None where fewer than two pools are left.
    """
    order = np.argsort(scores, kind="stable")
    x, flags = log_odds(scores[order]), positive[order]
    ends = _merged(flags, _pooled(x, flags), block)
    if len(ends) < 2:  # noqa: PLR2004 - one pool says nothing about the order
        return None
    starts = np.r_[0, ends[:-1]]
    rows = ends - starts
    rates = np.add.reduceat(flags.astype(np.float64), starts) / rows
    return _extended(np.add.reduceat(x, starts) / rows, log_odds(rates))


def _extended(knots: Floats, values: Floats) -> Curve:
    """Go on below the first and above the last knot with the model's own odds ratios: slope 1."""
    below, above = knots[0] + 2 * FAR, 2 * FAR - knots[-1]
    return Curve(
        Method.ISOTONIC,
        np.r_[knots[0] - below, knots, knots[-1] + above],
        np.r_[values[0] - below, values, values[-1] + above],
    )


def _pooled(x: Floats, flags: Flags) -> list[int]:
    """Return where pools end (exclusive) whose rates ascend strictly. Rows of equal score stay together."""
    starts = np.flatnonzero(np.r_[True, x[1:] != x[:-1]])
    sizes = np.diff(np.r_[starts, len(x)])
    hits = np.add.reduceat(flags.astype(np.int64), starts)
    pools: list[tuple[int, int]] = []
    for hit, size in zip(hits.tolist(), sizes.tolist(), strict=True):
        pool = hit, size
        # Whole numbers: rates are compared without rounding.
        while pools and pools[-1][0] * pool[1] >= pool[0] * pools[-1][1]:
            last = pools.pop()
            pool = last[0] + pool[0], last[1] + pool[1]
        pools.append(pool)
    return list(accumulate(size for _, size in pools))


def _merged(flags: Flags, ends: list[int], block: int) -> NDArray[np.intp]:
    """Return the ends of pools that have enough rows of either outcome; what is left over joins the last."""
    hits = np.r_[0, np.cumsum(flags)]
    kept: list[int] = []
    start = 0
    for end in ends:
        found = int(hits[end] - hits[start])
        if min(found, end - start - found) >= block:
            kept.append(end)
            start = end
    if kept:
        kept[-1] = len(flags)
    return np.array(kept, dtype=np.intp)
