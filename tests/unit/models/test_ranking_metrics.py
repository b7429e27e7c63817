import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextbest_models.evaluation import (
    CalibrationBin,
    auc,
    calibration_bins,
    expected_calibration_error,
    log_loss,
    ndcg_and_recall,
    ranking_metrics,
)

_rows = st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=12)


def _arrays(rows: list[tuple[bool, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    positive, scores, groups = zip(*rows, strict=True)
    return np.array(positive), np.array(scores, dtype=np.float64), np.array(groups)


def test_auc_of_a_textbook_example() -> None:
    # scikit-learn's documentation gives 0.75 for these.
    assert auc(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8])) == 0.75


@given(rows=_rows)
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[bool, int, int]]) -> None:
    positive, scores, _ = _arrays(rows)
    pairs = list(itertools.product(scores[positive], scores[~positive]))
    wins = [1.0 if up > down else 0.5 if up == down else 0.0 for up, down in pairs]
    expected = sum(wins) / len(wins) if wins else math.nan
    assert auc(positive, scores) == pytest.approx(expected, nan_ok=True)


def test_ndcg_and_recall_by_hand() -> None:
    # Group 0 by score: no, yes, no, yes. Group 1 has nothing positive and does not count.
    positive = np.array([True, False, False, True, False, False])
    scores = np.array([0.1, 0.9, 0.2, 0.8, 0.7, 0.6])
    groups = np.array([0, 0, 0, 0, 1, 1])
    ndcg, recall, counted = ndcg_and_recall(positive, scores, groups, k=2)
    assert ndcg == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))
    assert recall == 0.5
    assert counted == 1


@settings(max_examples=50, deadline=None)
@given(rows=_rows, k=st.integers(1, 4))
def test_ties_count_as_in_random_order(rows: list[tuple[bool, int, int]], k: int) -> None:
    rows = rows[:6]
    positive, scores, groups = _arrays(rows)
    gains, found = [], []
    for group in sorted(set(groups[positive])):
        own = [(score, flag) for flag, score, of in rows if of == group]
        relevant = sum(flag for _, flag in own)
        ideal = sum(1 / math.log2(place + 2) for place in range(min(k, relevant)))
        orders = [order for order in itertools.permutations(own) if _descends(order)]
        tops = [[flag for _, flag in order[:k]] for order in orders]
        gain = [sum(flag / math.log2(place + 2) for place, flag in enumerate(top)) for top in tops]
        gains.append(sum(gain) / len(gain) / ideal)
        found.append(sum(map(sum, tops)) / len(tops) / relevant)
    ndcg, recall, counted = ndcg_and_recall(positive, scores, groups, k)
    assert counted == len(gains)
    assert ndcg == pytest.approx(np.mean(gains) if gains else math.nan, nan_ok=True)
    assert recall == pytest.approx(np.mean(found) if found else math.nan, nan_ok=True)


def _descends(order: tuple[tuple[float, bool], ...]) -> bool:
    return all(one[0] >= other[0] for one, other in itertools.pairwise(order))


def test_log_loss_of_a_coin_is_the_logarithm_of_two() -> None:
    assert log_loss(np.array([True, False]), np.array([0.5, 0.5])) == pytest.approx(math.log(2))


def test_a_certain_mistake_costs_much_but_stays_finite() -> None:
    assert log_loss(np.array([True]), np.array([0.0])) == pytest.approx(-math.log(1e-15))


def test_calibration_bins_hold_equal_shares_in_order_of_score() -> None:
    bins = calibration_bins(np.array([True, False, True, False]), np.array([0.9, 0.1, 0.7, 0.3]), bins=2)
    assert bins == (CalibrationBin(2, pytest.approx(0.2), 0.0), CalibrationBin(2, pytest.approx(0.8), 1.0))
    assert expected_calibration_error(bins) == pytest.approx(0.2)


def test_the_calibration_error_weighs_bins_by_their_rows() -> None:
    bins = (CalibrationBin(30, 0.5, 0.5), CalibrationBin(10, 0.2, 0.6))
    assert expected_calibration_error(bins) == pytest.approx(0.1)


def test_all_figures_of_one_ranker() -> None:
    metrics = ranking_metrics(np.array([True, False]), np.array([1.0, 0.0]), np.array([0, 0]))
    assert (metrics.rows, metrics.positives, metrics.groups) == (2, 1, 1)
    assert (metrics.auc, metrics.ndcg_at_10, metrics.recall_at_10) == (1.0, 1.0, 1.0)
