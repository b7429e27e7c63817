import math

import numpy as np
import pytest

from nextbest_models.offpolicy.intervals import _skewed, estimated, student_quantile


@pytest.mark.parametrize(
    ("freedom", "table"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (6, 2.4469), (10, 2.2281), (30, 2.0423), (1000, 1.9623)],
)
def test_quantiles_are_those_of_the_printed_table(freedom: int, table: float) -> None:
    assert student_quantile(0.975, freedom) == pytest.approx(table, rel=0.02 if freedom == 3 else 1e-3)


def test_with_symmetric_clusters_of_one_row_it_is_the_textbook_interval() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    item = estimated(3.0, (values - 3) / 5, np.arange(5), 0.95)
    assert item.standard_error == pytest.approx(math.sqrt(2.5 / 5))
    assert (item.low, item.high) == pytest.approx((3 - 2.7764 * 0.70711, 3 + 2.7764 * 0.70711), rel=2e-3)


def test_rows_of_a_cluster_are_summed_before_they_are_squared() -> None:
    values = np.array([1.0, 3.0])
    twice = estimated(2.0, np.repeat(values - 2, 2) / 4, np.array([0, 0, 1, 1]), 0.95)
    once = estimated(2.0, (values - 2) / 2, np.array([0, 1]), 0.95)
    assert twice.standard_error == pytest.approx(once.standard_error)


def test_a_single_cluster_says_nothing_of_chance() -> None:
    item = estimated(2.0, np.array([0.5, -0.5]), np.array([0, 0]), 0.95)
    assert item.value == 2.0
    assert all(math.isnan(bound) for bound in (item.standard_error, item.low, item.high))


def test_the_side_on_which_rare_large_rewards_are_missing_reaches_farther() -> None:
    values = np.r_[np.zeros(95), np.full(5, 20.0)]
    plain = student_quantile(0.975, 99)
    item = estimated(1.0, (values - 1) / 100, np.arange(100), 0.95)
    assert (item.high - 1) / item.standard_error > 1.2 * plain
    assert (1 - item.low) / item.standard_error == pytest.approx(plain)
    mirrored = estimated(-1.0, (1 - values) / 100, np.arange(100), 0.95)
    assert (mirrored.low, mirrored.high) == pytest.approx((-item.high, -item.low))


@pytest.mark.parametrize("skewness", [-0.8, -0.1, 1e-9, 0.3, 1.5])
@pytest.mark.parametrize("quantile", [-1.96, 0.0, 2.5])
def test_the_skewed_quantile_undoes_halls_transformation(quantile: float, skewness: float) -> None:
    found = _skewed(quantile, skewness)
    transformed = found + skewness * found**2 / 3 + skewness**2 * found**3 / 27 + skewness / 6
    assert transformed == pytest.approx(quantile, abs=1e-6)
