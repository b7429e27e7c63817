from dataclasses import replace

import numpy as np
import pytest

from nextbest_models.offpolicy import OffPolicyError, Probabilities, SlotLog, Weighting
from nextbest_models.offpolicy.weights import (
    Weights,
    clipped,
    effective_size,
    importance_weights,
    natural_weighting,
)

# Decision 5 has three ranks (rows 3, 0, 2), decision 8 has two (rows 1, 4). Ratios: 2, 3, 5 and 7, 0.5.
LOG = SlotLog(
    decision=np.array([5, 8, 5, 5, 8]),
    position=np.array([2, 1, 3, 1, 3]),
    logged_probability=np.array([0.1, 0.1, 0.1, 0.1, 0.1]),
    target_probability=np.array([0.3, 0.7, 0.5, 0.2, 0.05]),
    reward=np.zeros(5),
)


def test_a_rank_alone_has_its_own_ratio() -> None:
    weights = importance_weights(LOG, Weighting.RANK)
    assert weights.own == pytest.approx([3, 7, 5, 2, 0.5])
    assert weights.above.tolist() == [1] * 5


def test_a_cascade_multiplies_down_to_the_slot_in_any_order_of_rows() -> None:
    weights = importance_weights(LOG, Weighting.CASCADE)
    assert weights.own == pytest.approx([6, 7, 30, 2, 3.5])
    assert weights.above == pytest.approx([2, 1, 6, 1, 7])


def test_a_slate_has_one_weight_for_all_of_its_slots() -> None:
    weights = importance_weights(LOG, Weighting.SLATE)
    assert weights.own == pytest.approx([30, 3.5, 30, 30, 3.5])
    assert weights.above == pytest.approx([2, 1, 6, 1, 7])


def test_marginal_probabilities_are_not_multiplied() -> None:
    marginal = replace(LOG, probabilities=Probabilities.MARGINAL)
    assert importance_weights(marginal, Weighting.RANK).own == pytest.approx([3, 7, 5, 2, 0.5])
    with pytest.raises(OffPolicyError, match="conditional"):
        importance_weights(marginal, Weighting.CASCADE)


def test_the_natural_weighting_estimates_the_targets_own_value() -> None:
    assert natural_weighting(Probabilities.MARGINAL) is Weighting.RANK
    assert natural_weighting(Probabilities.CONDITIONAL) is Weighting.CASCADE


def test_clipping_cuts_from_above_only() -> None:
    weights = Weights(np.array([0.0, 3.0, 9.0]), np.array([1.0, 7.0, 2.0]))
    cut = clipped(weights, 4.0)
    assert (cut.own.tolist(), cut.above.tolist()) == ([0, 3, 4], [1, 4, 2])
    assert clipped(weights, None) is weights
    for ceiling in (0.0, -1.0, float("nan")):
        with pytest.raises(OffPolicyError, match="above 0"):
            clipped(weights, ceiling)


def test_the_effective_size_counts_slots_by_their_weight() -> None:
    assert effective_size(np.full(7, 0.3)) == pytest.approx(7)
    assert effective_size(np.array([0.0, 5.0, 0.0])) == pytest.approx(1)
    assert effective_size(np.array([1.0, 3.0])) == pytest.approx(16 / 10)
    assert effective_size(np.zeros(3)) == 0
