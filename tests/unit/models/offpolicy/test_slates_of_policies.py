from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextbest_models.offpolicy import GREEDY, UNIFORM, EpsilonGreedy, OffPolicyError, RankingPolicy, Softmax
from nextbest_models.offpolicy.slates import (
    NOBODY,
    _draw,
    conditional_probabilities,
    draw_slates,
    marginal_probabilities,
    sampled_marginals,
)

_policies = st.one_of(
    st.builds(EpsilonGreedy, st.floats(0, 1)), st.builds(Softmax, st.floats(0.05, 5, allow_subnormal=False))
)
_scores = st.lists(st.one_of(st.floats(-3, 3), st.just(-np.inf)), min_size=4, max_size=4)


def test_epsilon_greedy_by_hand() -> None:
    scores = np.array([[1.0, 3.0, 3.0, -np.inf]])
    assert EpsilonGreedy(0.3).probabilities(scores)[0] == pytest.approx([0.1, 0.8, 0.1, 0.0])
    assert GREEDY.probabilities(scores)[0].tolist() == [0, 1, 0, 0]
    assert UNIFORM.probabilities(scores)[0] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])


def test_softmax_by_hand() -> None:
    scores = np.array([[0.0, np.log(4.0), -np.inf], [1000.0, -np.inf, 999.0]])
    found = Softmax(2.0).probabilities(scores)
    assert found[0] == pytest.approx([1 / 3, 2 / 3, 0])
    assert found[1] == pytest.approx([1 / (1 + np.exp(-0.5)), 0, 1 / (1 + np.exp(0.5))])


def test_numbers_that_make_no_policy_are_refused() -> None:
    for epsilon in (-0.1, 1.1, float("nan")):
        with pytest.raises(OffPolicyError):
            EpsilonGreedy(epsilon)
    for temperature in (0.0, -1.0, float("nan")):
        with pytest.raises(OffPolicyError):
            Softmax(temperature)


@settings(max_examples=60, deadline=None)
@given(policy=_policies, scores=_scores)
def test_a_pick_is_a_candidate_and_one_is_picked_if_there_is_any(
    policy: RankingPolicy, scores: list[float]
) -> None:
    table = np.array([scores])
    found = policy.probabilities(table)[0]
    assert found.sum() == pytest.approx(float((table > -np.inf).any()))
    assert (found[table[0] == -np.inf] == 0).all()
    assert (found >= 0).all()


@settings(max_examples=40, deadline=None)
@given(policy=_policies, scores=_scores)
def test_marginals_are_the_sums_over_all_slates(policy: RankingPolicy, scores: list[float]) -> None:
    table = np.array([[score if score > -np.inf else 0.0 for score in scores]])
    expected = np.zeros((2, 4))
    for slate in permutations(range(4), 2):
        conditional = conditional_probabilities(policy, table, np.array([slate]))[0]
        chance = conditional[0, slate[0]] * conditional[1, slate[1]]
        expected[0, slate[0]] += chance
        expected[1, slate[1]] += chance
    assert marginal_probabilities(policy, table, 2)[0] == pytest.approx(expected)


def test_drawn_slates_have_the_frequencies_of_their_probabilities() -> None:
    policy = Softmax(0.7)
    scores = np.tile([0.3, 1.0, -np.inf, 0.5], (20_000, 1))
    slates = draw_slates(policy, scores, 2, np.random.default_rng(3))
    marginal = marginal_probabilities(policy, scores[:1], 2)[0]
    for rank in range(2):
        share = np.bincount(slates.actions[:, rank], minlength=4) / len(scores)
        assert share == pytest.approx(marginal[rank], abs=0.015)
    conditional = conditional_probabilities(policy, scores, slates.actions)
    picked = np.take_along_axis(conditional, slates.actions[:, :, None], axis=2)[:, :, 0]
    assert slates.probabilities == pytest.approx(picked)
    assert (slates.actions[:, 0] != slates.actions[:, 1]).all()


def test_ranks_without_a_candidate_stay_empty() -> None:
    scores = np.array([[-np.inf, 2.0], [-np.inf, -np.inf], [1.0, 0.0]])
    slates = draw_slates(GREEDY, scores, 2, np.random.default_rng(0))
    assert slates.actions.tolist() == [[1, NOBODY], [NOBODY, NOBODY], [0, 1]]
    assert slates.probabilities.tolist() == [[1, 1]] * 3
    below = conditional_probabilities(GREEDY, scores, slates.actions)
    assert below[:, 1].tolist() == [[0, 0], [0, 0], [0, 1]]


def test_sampled_marginals_come_near_the_exact_ones() -> None:
    scores = np.random.default_rng(1).standard_normal((5, 6))
    exact = marginal_probabilities(Softmax(1.0), scores, 3)
    sampled = sampled_marginals(Softmax(1.0), scores, 3, 3_000, np.random.default_rng(2))
    assert sampled == pytest.approx(exact, abs=0.02)
    assert sampled[:, 0] == pytest.approx(exact[:, 0])


def test_too_many_sets_are_refused_before_the_work_begins() -> None:
    with pytest.raises(OffPolicyError, match="sample instead"):
        marginal_probabilities(UNIFORM, np.zeros((1, 300)), 4)


class _Fixed(np.random.Generator):
    """A source of chance that always says the same."""

    def __init__(self, value: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.value = value

    def random(self, size: int) -> np.ndarray:  # type: ignore[override]
        """Say it."""
        return np.full(size, self.value)


@pytest.mark.parametrize(("value", "picked"), [(0.0, 1), (0.29, 1), (0.31, 3), (1 - 2**-53, 3)])
def test_the_ends_of_chance_never_draw_what_cannot_be(value: float, picked: int) -> None:
    # The second row's sum is above 1 by rounding.
    probabilities = np.array([[0.0, 0.3, 0.0, 0.7, 0.0], [0.0, 0.3, 0.0, 0.7000000000000002, 0.0]])
    assert _draw(probabilities, _Fixed(value)).tolist() == [picked] * 2
