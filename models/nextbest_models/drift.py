"""Whether today's features and scores still look like those that a model was trained on."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

MODERATE_FROM = 0.1
STRONG_FROM = 0.25
MISSING = "missing"
_BINS = 10
# Added to the count of every bin, so that an empty one does not make the index infinite (Jeffreys' prior).
_SMOOTHING = 0.5
_CONFIDENCE = 0.95


class DriftError(ValueError):
    """Two sets of rows cannot be compared."""


class Verdict(StrEnum):
    """What practice makes of an index: below 0.1, below 0.25, and more."""

    STABLE = "stable"
    MODERATE = "moderate"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Portion:
    """One bin: what is in it, in words, and its (not smoothed) share of the rows then and now."""

    label: str
    reference: float
    current: float


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """How one column changed.

    index: the population stability index, Σ over bins of (current - reference) × ln(current / reference),
        of shares smoothed by half a row per bin.
    chance: what the index stays below with 95 % probability if nothing changed, by the number of rows.
    reference_mean, current_mean: over the finite values, NaN if there are none.
    shift: difference of the means in standard deviations of the reference; NaN where those are 0 or unknown.
    portions: by value, what is missing last.
    """

    name: str
    index: float
    chance: float
    reference_mean: float
    current_mean: float
    shift: float
    portions: tuple[Portion, ...]

    @property
    def verdict(self) -> Verdict:
        """The index in a word."""
        if self.index < MODERATE_FROM:
            return Verdict.STABLE
        return Verdict.MODERATE if self.index < STRONG_FROM else Verdict.STRONG

    @property
    def may_be_chance(self) -> bool:
        """Whether so few rows may show this index though nothing changed."""
        return self.index <= self.chance


@dataclass(frozen=True, slots=True)
class Drift:
    """How everything changed. `features` are sorted by index, the largest first.

    types: the scores of each type of action that is there then and now.
    """

    reference_rows: int
    current_rows: int
    features: tuple[ColumnDrift, ...]
    scores: ColumnDrift
    types: tuple[ColumnDrift, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """Rows with their scores. matrix: float64 [rows, columns], NaN: missing. scores: float64 [rows].

    types: str [rows], each row's type of action; None: not told apart.
    """

    matrix: Floats
    scores: Floats
    types: NDArray[np.str_] | None = None


def compare(columns: Sequence[str], reference: Scored, current: Scored) -> Drift:
    """Compare rows of now with those of training.

    Raises:
        DriftError: one of the sets is empty, or has other columns.
    """
    for name, rows in (("reference", reference), ("current", current)):
        if rows.matrix.shape != (len(rows.scores), len(columns)):
            raise DriftError(
                f"the {name} rows have shape {rows.matrix.shape}, not that of scores and columns"
            )
    features = [
        column_drift(name, reference.matrix[:, place], current.matrix[:, place])
        for place, name in enumerate(columns)
    ]
    return Drift(
        reference_rows=len(reference.scores),
        current_rows=len(current.scores),
        features=tuple(sorted(features, key=lambda item: (-item.index, item.name))),
        scores=column_drift("score", reference.scores, current.scores),
        types=tuple(_by_type(reference, current)),
    )


def _by_type(reference: Scored, current: Scored) -> Iterator[ColumnDrift]:
    if reference.types is None or current.types is None:
        return
    for kind in np.intersect1d(reference.types, current.types).tolist():
        then, now = (rows.scores[rows.types == kind] for rows in (reference, current))
        yield column_drift(f"score of {kind}", then, now)


def column_drift(name: str, reference: Floats, current: Floats) -> ColumnDrift:
    """Compare two samples of one column; NaN is missing, and a bin of its own.

    Raises:
        DriftError: one of them is empty.
    """
    if not len(reference) or not len(current):
        raise DriftError(f"there are no rows to compare '{name}' by")
    edges = bin_edges(reference[~np.isnan(reference)])
    then, now = _counts(reference, edges), _counts(current, edges)
    before, after = _smoothed(then), _smoothed(now)
    old, new = reference[np.isfinite(reference)], current[np.isfinite(current)]
    spread = float(old.std()) if len(old) else math.nan
    means = _mean(old), _mean(new)
    return ColumnDrift(
        name=name,
        index=float(((after - before) * np.log(after / before)).sum()),
        chance=_chance(int(((then + now) > 0).sum()), len(reference), len(current)),
        reference_mean=means[0],
        current_mean=means[1],
        shift=(means[1] - means[0]) / spread if spread > 0 else math.nan,
        portions=_portions(edges, then / len(reference), now / len(current)),
    )


def bin_edges(values: Floats) -> Floats:
    """Return the inner edges of the reference's bins, ascending; a bin reaches up to its edge, inclusive.

    Ten bins of equal size where values are all different. A value so frequent that it fills several of them
    has one for itself, and so has every value of a column with at most ten.
    """
    if not len(values):
        return np.zeros(0)
    distinct = np.unique(values)
    if len(distinct) <= _BINS:
        return distinct[:-1]
    quantiles = np.quantile(values, np.arange(1, _BINS) / _BINS, method="inverted_cdf")
    frequent = quantiles[1:][quantiles[1:] == quantiles[:-1]]
    below = np.nextafter(frequent[frequent > distinct[0]], -np.inf)
    edges = np.unique(np.r_[quantiles, below])
    inner: Floats = edges[edges < distinct[-1]]
    return inner


def _counts(values: Floats, edges: Floats) -> NDArray[np.int64]:
    """Return the rows per bin, int64 [bins + 1]; the last is what is missing."""
    missing = np.isnan(values)
    bins = np.where(missing, len(edges) + 1, np.searchsorted(edges, values, side="left"))
    return np.bincount(bins, minlength=len(edges) + 2).astype(np.int64)


def _smoothed(counts: NDArray[np.int64]) -> Floats:
    shares: Floats = (counts + _SMOOTHING) / (counts.sum() + _SMOOTHING * len(counts))
    return shares


def _chance(bins: int, reference_rows: int, current_rows: int) -> float:
    """Return the 95 % quantile of the index without drift.

    The index is then about chi-squared with (bins - 1) degrees of freedom, times 1/rows + 1/rows (Yurdakul
    2018, "Statistical Properties of Population Stability Index"); its quantile by Wilson & Hilferty 1931.
    """
    freedom = bins - 1
    if not freedom:
        return 0.0
    spread = 2 / (9 * freedom)
    quantile = freedom * (1 - spread + NormalDist().inv_cdf(_CONFIDENCE) * math.sqrt(spread)) ** 3
    return quantile * (1 / reference_rows + 1 / current_rows)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan


def _portions(edges: Floats, then: Floats, now: Floats) -> tuple[Portion, ...]:
    bounds = [f"{edge:.4g}" for edge in edges]
    between = [f"{low} to {high}" for low, high in pairwise(bounds)]
    labels = [f"up to {bounds[0]}", *between, f"above {bounds[-1]}"] if bounds else ["any value"]
    rows = zip((*labels, MISSING), then.tolist(), now.tolist(), strict=True)
    return tuple(Portion(label, before, after) for label, before, after in rows)
