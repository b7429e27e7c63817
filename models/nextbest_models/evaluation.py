"""How good scores are: between customers, within a customer, and as probabilities."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Groups: TypeAlias = NDArray[np.int64]

TOP = 10
_SMALLEST_PROBABILITY = 1e-15
_CALIBRATION_BINS = 20


@dataclass(frozen=True, slots=True)
class RankingMetrics:
    """Figures of one ranker on one set of rows.

    `ndcg_at_10` and `recall_at_10` are averages over the `groups` groups that have a positive row.
    """

    rows: int
    positives: int
    groups: int
    auc: float
    ndcg_at_10: float
    recall_at_10: float


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Rows of similar scores: how many, their mean score, and the share of positives among them."""

    rows: int
    mean_score: float
    positive_share: float


def ranking_metrics(positive: Flags, scores: Floats, groups: Groups) -> RankingMetrics:
    """Return all ranking figures of some scores. Rows of equal score count as in random order."""
    ndcg, recall, counted = ndcg_and_recall(positive, scores, groups, TOP)
    return RankingMetrics(len(scores), int(positive.sum()), counted, auc(positive, scores), ndcg, recall)


def auc(positive: Flags, scores: Floats) -> float:
    """Return the chance that a positive row scores above a negative one; a tie counts half.

    NaN unless there are both.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return float("nan")
    wins = shared_places(scores)[positive].sum() - positives * (positives + 1) / 2
    return float(wins / (positives * negatives))


def shared_places(scores: Floats) -> Floats:
    """Return the place (from 1) of each score in ascending order; equal ones share the mean of theirs."""
    _, rank, counts = np.unique(scores, return_inverse=True, return_counts=True)
    places: Floats = (np.cumsum(counts) - (counts - 1) / 2)[rank]
    return places


def log_loss(positive: Flags, scores: Floats) -> float:
    """Return the mean negative log-likelihood in nats."""
    safe = np.clip(scores, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
    return float(-np.mean(np.where(positive, np.log(safe), np.log1p(-safe))))


def ndcg_and_recall(positive: Flags, scores: Floats, groups: Groups, k: int) -> tuple[float, float, int]:
    """Return NDCG@k and recall@k averaged over the groups with a positive row, and how many those are.

    Rows of equal score share the gains of their places, which is what a random order gives on average.
    """
    kept = np.isin(groups, np.unique(groups[positive]))
    if not kept.any():
        return float("nan"), float("nan"), 0
    flags, scores, groups = positive[kept], scores[kept], groups[kept]
    order = np.lexsort((-scores, groups))
    flags, scores, groups = flags[order], scores[order], groups[order]
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    positives = np.add.reduceat(flags.astype(np.float64), starts)
    discounts = _shared(_discounts(starts, len(flags), k), scores, groups)
    hits = _shared(_within(starts, len(flags), k), scores, groups)
    gain = np.add.reduceat(discounts * flags, starts)
    found = np.add.reduceat(hits * flags, starts)
    ideal = np.cumsum(1 / np.log2(np.arange(k) + 2))[np.minimum(positives, k).astype(np.int64) - 1]
    return float(np.mean(gain / ideal)), float(np.mean(found / positives)), len(starts)


def calibration_bins(
    positive: Flags, scores: Floats, bins: int = _CALIBRATION_BINS
) -> tuple[CalibrationBin, ...]:
    """Cut the rows by score into bins of (nearly) equal size, lowest scores first."""
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return tuple(
        CalibrationBin(len(part), float(scores[part].mean()), float(positive[part].mean())) for part in parts
    )


def expected_calibration_error(bins: tuple[CalibrationBin, ...]) -> float:
    """Return the mean distance between score and share of positives, weighted by rows."""
    rows = sum(item.rows for item in bins)
    return sum(item.rows * abs(item.mean_score - item.positive_share) for item in bins) / rows


def _places(starts: NDArray[np.intp], rows: int) -> NDArray[np.intp]:
    """Return each row's place in its group, from 0."""
    return np.arange(rows) - np.repeat(starts, np.diff(np.r_[starts, rows]))


def _discounts(starts: NDArray[np.intp], rows: int, k: int) -> Floats:
    places = _places(starts, rows)
    return np.where(places < k, 1 / np.log2(places + 2), 0.0)


def _within(starts: NDArray[np.intp], rows: int, k: int) -> Floats:
    return (_places(starts, rows) < k).astype(np.float64)


def _shared(values: Floats, scores: Floats, groups: Groups) -> Floats:
    """Replace values by their mean over runs of equal score within a group."""
    first = np.r_[True, (scores[1:] != scores[:-1]) | (groups[1:] != groups[:-1])]
    run = np.cumsum(first) - 1
    means: Floats = np.bincount(run, values) / np.bincount(run)
    return np.asarray(means[run])
