"""The reward model takes no side, is right on average, and says of nobody what it learned from them."""

from dataclasses import replace

import numpy as np
import pytest

from nextbest_models.calibration import probability
from nextbest_models.judging.reward_model import expected_rewards, fit_logistic
from nextbest_models.judging.slots import Choices, FilledSlots, JudgedLog, Reward

SLOTS, ACTIONS, PERSONS = 3000, 4, 400


def logged(seed: int = 1) -> JudgedLog:
    """Return slots at two positions; what one model thinks is right, the other only guesses."""
    random = np.random.default_rng(seed)
    odds = random.normal(-1.0, 1.0, SLOTS * ACTIONS)
    position = np.tile([1, 2], SLOTS // 2)
    chosen = np.arange(SLOTS) * ACTIONS + random.integers(0, ACTIONS, SLOTS)
    chance = probability(odds)[chosen] * np.where(position == 1, 1.0, 0.4)
    positive = random.random(SLOTS) < chance
    uniform = np.full(SLOTS * ACTIONS, 1 / ACTIONS)
    return JudgedLog(
        FilledSlots(
            decision=np.arange(SLOTS) // 2,
            person=(np.arange(SLOTS) // 2) % PERSONS,
            position=position,
            chosen=chosen,
            type=np.full(SLOTS, "OFFER"),
            positive=positive,
            shown=np.ones(SLOTS, dtype=np.bool_),
            amount=np.where(positive, 7.0, 0.0),
        ),
        Choices(
            slot=np.repeat(np.arange(SLOTS), ACTIONS),
            value=random.uniform(1.0, 3.0, SLOTS * ACTIONS),
            logged_probability=uniform,
            scores={"candidate": probability(odds), "serving model": random.random(SLOTS * ACTIONS)},
            targets={"candidate": uniform},
        ),
    )


@pytest.mark.parametrize("reward", list(Reward))
def test_what_is_expected_is_right_on_average_at_every_position(reward: Reward) -> None:
    log = logged()
    expected, earned = expected_rewards(log, reward)[log.slots.chosen], log.rewards(reward)
    for position in (1, 2):
        there = log.slots.position == position
        assert expected[there].mean() == pytest.approx(earned[there].mean(), rel=0.06)


def test_a_lower_position_is_expected_to_earn_less_with_the_same_candidate() -> None:
    log = logged()
    below = replace(log.slots, position=3 - log.slots.position)
    first, other = expected_rewards(log, Reward.OUTCOME), expected_rewards(log, Reward.OUTCOME)
    assert np.array_equal(first, other)
    at = log.slots.position[log.choices.slot]
    assert first[at == 2].mean() < 0.6 * first[at == 1].mean()
    swapped = expected_rewards(JudgedLog(below, log.choices), Reward.OUTCOME)
    assert swapped[at == 2].mean() < 0.6 * swapped[at == 1].mean()


def test_nothing_that_a_person_did_changes_what_is_expected_of_them() -> None:
    log = logged()
    own = log.slots.person == 7
    turned = replace(log.slots, positive=log.slots.positive ^ own)
    before, after = (
        expected_rewards(JudgedLog(slots, log.choices), Reward.OUTCOME) for slots in (log.slots, turned)
    )
    theirs = own[log.choices.slot]
    assert np.array_equal(before[theirs], after[theirs])
    others = (log.slots.person != 7) & (log.slots.person % 5 != 7 % 5)
    assert not np.array_equal(before[others[log.choices.slot]], after[others[log.choices.slot]])


def test_whose_scores_are_called_the_candidates_does_not_matter() -> None:
    log = logged()
    scores = log.choices.scores
    turned = dict(zip(scores, reversed(list(scores.values())), strict=True))
    other = expected_rewards(JudgedLog(log.slots, replace(log.choices, scores=turned)), Reward.VALUE)
    assert other == pytest.approx(expected_rewards(log, Reward.VALUE), rel=1e-6)


def test_scores_that_say_the_same_twice_are_no_trouble() -> None:
    log = logged()
    scores = dict(log.choices.scores)
    doubled = replace(log.choices, scores={**scores, "again": scores["candidate"]})
    once, twice = (
        expected_rewards(log, Reward.OUTCOME),
        expected_rewards(JudgedLog(log.slots, doubled), Reward.OUTCOME),
    )
    assert twice == pytest.approx(once, rel=0.02)


def test_a_regression_finds_the_coefficients() -> None:
    random = np.random.default_rng(3)
    design = np.column_stack([np.ones(20_000), random.standard_normal((20_000, 2))])
    truth = np.array([-1.0, 0.8, -0.5])
    positive = random.random(20_000) < probability(design @ truth)
    assert fit_logistic(design, positive) == pytest.approx(truth, abs=0.06)


def test_rows_that_one_line_parts_give_finite_coefficients() -> None:
    design = np.column_stack([np.ones(10), np.linspace(-1, 1, 10)])
    found = fit_logistic(design, design[:, 1] > 0)
    assert np.isfinite(found).all()
    assert found[1] > 1
