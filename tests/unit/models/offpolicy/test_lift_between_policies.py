"""What one target earns more than another: by pairs, from the same slots."""

from dataclasses import replace

import numpy as np
import pytest
from logged_worlds import Contest, contest, noisy_scores

from nextbest_models.offpolicy import EpsilonGreedy, Estimator, OffPolicyError, SlotLog, evaluate, lift
from nextbest_models.world import World, WorldShape, make_world, policy_value

RUNS, DECISIONS = 60, 800


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(5, WorldShape(customers=200, actions=6, ranks=2))


def second(world: World) -> Contest:
    """The same serving policy as `contest` has, and another target."""
    first = contest(world)
    return replace(first, target=EpsilonGreedy(0.2), target_scores=noisy_scores(world, 4, 0.8))


def both(world: World, seed: int) -> tuple[SlotLog, SlotLog]:
    first, other = contest(world), second(world)
    logged = first.draw(DECISIONS, np.random.default_rng(seed))
    return first.conditional_log(logged), other.conditional_log(logged)


def test_a_policy_has_no_lift_over_itself(world: World) -> None:
    log, _ = both(world, 1)
    for found in lift(log, log).values():
        assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_the_lift_is_the_difference_of_the_values_and_surer_than_both(world: World) -> None:
    first, other = both(world, 2)
    values, others, found = evaluate(first), evaluate(other), lift(first, other)
    for estimator, difference in found.items():
        one, two = (it.estimates[estimator].total for it in (values, others))
        assert difference.value == pytest.approx(one.value - two.value)
        if estimator is not Estimator.DM:
            apart = np.hypot(one.standard_error, two.standard_error)
            assert difference.standard_error < apart


def test_the_interval_covers_the_true_lift(world: World) -> None:
    first, other = contest(world), second(world)
    truth = policy_value(world, first.target, first.target_scores) - policy_value(
        world, other.target, other.target_scores
    )
    covered = dict.fromkeys((Estimator.IPS, Estimator.SNIPS, Estimator.DR), 0)
    for seed in range(RUNS):
        found = lift(*both(world, 100 + seed))
        for estimator in covered:
            covered[estimator] += found[estimator].low <= truth <= found[estimator].high
    assert min(covered.values()) >= 0.85 * RUNS


def test_slots_of_another_log_are_refused(world: World) -> None:
    with pytest.raises(OffPolicyError, match="the same slots"):
        lift(both(world, 1)[0], both(world, 2)[1])
