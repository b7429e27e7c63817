"""What the world says of itself against brute force and simulation."""

from itertools import permutations

import numpy as np
import pytest

from nextbest_models.offpolicy import (
    GREEDY,
    UNIFORM,
    Candidates,
    EpsilonGreedy,
    Slots,
    Softmax,
    scaled_by_position,
)
from nextbest_models.world import (
    World,
    WorldShape,
    answer,
    best_value,
    make_world,
    policy_value,
    position_values,
    regret,
    values_one_rank_at_a_time,
)
from nextbest_models.world.population import WorldError

SMALL = WorldShape(customers=20, actions=5, groups=2, new_actions=1, ranks=3, crowding=0.3)


def slate_worth(world: World, customer: int, slate: tuple[int, ...]) -> list[float]:
    """The expected rewards of a slate, rank by rank, straight from the definition."""
    return [
        world.examination[rank]
        * world.propensity[customer, action]
        * world.value[action]
        * (world.crowding if world.group[action] in world.group[list(slate[:rank])] else 1.0)
        for rank, action in enumerate(slate)
    ]


def test_equal_seeds_give_equal_worlds() -> None:
    one, other, third = make_world(3, SMALL), make_world(3, SMALL), make_world(4, SMALL)
    assert np.array_equal(one.propensity, other.propensity)
    assert not np.array_equal(one.propensity, third.propensity)


def test_a_world_is_as_it_was_ordered() -> None:
    world = make_world(1, WorldShape(customers=50, actions=9, groups=4, issues=2, new_actions=3, ranks=2))
    assert world.propensity.shape == (50, 9)
    assert world.new.tolist() == [False] * 6 + [True] * 3
    assert set(world.group.tolist()) == {0, 1, 2, 3}
    # A group belongs to one issue.
    assert all(len(set(world.issue[world.group == group].tolist())) == 1 for group in range(4))
    assert ((world.propensity > 0) & (world.propensity < 1)).all()
    assert world.examination[0] == 1 > world.examination[1]
    assert world.ranks == 2


def test_customers_differ_in_what_they_like_best() -> None:
    best = make_world(1).worth.argmax(axis=1)
    assert np.bincount(best, minlength=10).max() < 0.75 * len(best)
    alike = make_world(1, WorldShape(effect=0.0))
    assert np.ptp(alike.propensity) == pytest.approx(0)


def test_interactions_are_beyond_an_additive_model() -> None:
    world = make_world(2)
    log_odds = np.log(world.propensity / (1 - world.propensity))
    design = np.column_stack([np.ones(len(world.customers)), world.customers])
    fitted = design @ np.linalg.lstsq(design, log_odds, rcond=None)[0]
    left = ((log_odds - fitted) ** 2).sum() / ((log_odds - log_odds.mean(axis=0)) ** 2).sum()
    assert 0.1 < left < 0.9


@pytest.mark.parametrize(
    "shape",
    [{"customers": 0}, {"ranks": 11}, {"new_actions": 10}, {"crowding": 1.5}, {"attention": -1.0}],
)
def test_worlds_that_cannot_be_are_refused(shape: dict[str, float]) -> None:
    with pytest.raises(WorldError):
        WorldShape(**shape)  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", [EpsilonGreedy(0.3), Softmax(0.5), GREEDY])
def test_the_value_of_a_policy_is_the_sum_over_all_slates(policy: EpsilonGreedy | Softmax) -> None:
    world = make_world(5, SMALL)
    scores = np.random.default_rng(1).standard_normal((20, 5))
    expected = np.zeros(3)
    for slate in permutations(range(5), 3):
        left, chance = scores.copy(), np.ones(20)
        for action in slate:
            chance = chance * policy.probabilities(left)[:, action]
            left[:, action] = -np.inf
        for customer in range(20):
            expected += chance[customer] * np.array(slate_worth(world, customer, slate)) / 20
    assert position_values(world, policy, scores) == pytest.approx(expected)
    assert policy_value(world, policy, scores) == pytest.approx(expected.sum())


def test_one_rank_at_a_time_takes_the_ranks_above_from_the_other_policy() -> None:
    world = make_world(5, SMALL)
    above, at = -world.worth, world.worth
    found = values_one_rank_at_a_time(world, GREEDY, GREEDY, above, at)
    expected = np.zeros(3)
    for customer in range(20):
        worst, best = np.argsort(above[customer])[::-1], np.argsort(at[customer])[::-1]
        for rank in range(3):
            taken = tuple(worst[:rank].tolist())
            pick = next(int(action) for action in best if action not in taken)
            expected[rank] += slate_worth(world, customer, (*taken, pick))[rank] / 20
    assert found == pytest.approx(expected)


def test_the_best_value_is_that_of_the_best_slate_of_everybody() -> None:
    world = make_world(6, SMALL)
    best = [
        max(sum(slate_worth(world, customer, slate)) for slate in permutations(range(5), 3))
        for customer in range(20)
    ]
    assert best_value(world) == pytest.approx(np.mean(best))
    assert regret(world, GREEDY, world.worth) > 0, "greed is not best where ranks crowd each other"


def test_without_crowding_greed_by_the_truth_has_no_regret() -> None:
    world = make_world(6, WorldShape(actions=6))
    assert regret(world, GREEDY, world.worth) == pytest.approx(0)
    assert regret(world, UNIFORM, world.worth) > 0.05


def test_answers_come_as_often_as_the_truth_says() -> None:
    world = make_world(8, SMALL)
    random = np.random.default_rng(2)
    policy, scores = Softmax(0.4), np.random.default_rng(3).standard_normal((20, 5))
    logged = answer(world, policy, scores, np.tile(np.arange(20), 10_000), random)
    assert logged.rewards.mean(axis=0) == pytest.approx(position_values(world, policy, scores), rel=0.02)
    assert np.array_equal(logged.rewards > 0, logged.positive)
    assert ((logged.probabilities > 0) & (logged.probabilities <= 1)).all()


def test_scaling_by_position_finds_how_much_each_rank_is_looked_at() -> None:
    world = make_world(3, WorldShape(actions=6))
    random = np.random.default_rng(5)
    logged = answer(world, EpsilonGreedy(0.5), world.worth, random.integers(0, 400, 30_000), random)
    slot = np.arange(90_000)
    slots = Slots(slot // 3, slot % 3 + 1, slot, logged.rewards.ravel())
    shown = world.worth[np.repeat(logged.customer, 3), logged.actions.ravel()]
    scaled = scaled_by_position(slots, Candidates(slot, np.ones(90_000), np.ones(90_000), shown)).predicted
    assert scaled is not None
    assert (scaled / shown)[:3] == pytest.approx(world.examination, rel=0.05)


def test_learning_from_explored_answers_lowers_the_regret_round_by_round() -> None:
    world = make_world(9, WorldShape(customers=200, actions=8, ranks=2))
    random = np.random.default_rng(4)
    # Evidence per kind of customer (the signs of two features) and action: the simplest learner there is.
    kind = (world.customers[:, :2] > 0) @ np.array([1, 2])
    shown, earned = np.zeros((4, 8)), np.zeros((4, 8))
    scores = np.where(world.new, -1.0, 0.0) * np.ones((200, 8))
    course = [regret(world, GREEDY, scores)]
    for _ in range(6):
        logged = answer(world, EpsilonGreedy(0.4), scores, random.integers(0, 200, 2_000), random)
        cell = (np.repeat(kind[logged.customer], 2), logged.actions.ravel())
        np.add.at(shown, cell, np.tile(world.examination, 2_000))
        np.add.at(earned, cell, logged.rewards.ravel())
        scores = ((earned + 0.5) / (shown + 5))[kind]
        course.append(regret(world, GREEDY, scores))
    assert course[-1] < 0.5 * course[0]
    assert course[1] > course[-1]
