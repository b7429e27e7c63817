"""What a policy is worth in a world, and what a log says of it, against figures worked out otherwise."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from nextbest_models.offpolicy import EpsilonGreedy, Estimator
from nextbest_models.world import Round as Answers
from nextbest_models.world import World, WorldShape, answer, make_world, policy_value, slate_values
from nextbest_rules.catalog import Exploration
from nextbest_rules.terms import ExplorationMethod
from nextbest_service.decisions.exploration import Outlook
from nextbest_service.simulation.estimates import Judgement, Logged, judge
from nextbest_service.simulation.policies import Policy, worth_of
from nextbest_service.simulation.rounds import Round

WORLD = make_world(2, WorldShape(customers=400, actions=6, groups=3, ranks=2, new_actions=0))
RANDOM = np.random.default_rng(4)
NOISE = np.exp(0.7 * RANDOM.standard_normal(WORLD.worth.shape))


def policy(priority: np.ndarray, share: float) -> Policy:
    """Return one that knows everything but the order exactly."""
    outlooks = [Outlook(row, np.minimum(row, 0.9), np.ones(len(row))) for row in priority]
    exploration = Exploration(ExplorationMethod.EPSILON_GREEDY, share, 1.0) if share else None
    return Policy(outlooks, exploration, np.argsort(-priority, axis=1, kind="stable"))


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_the_worth_of_a_policy_is_that_of_summing_over_all_slates(share: float) -> None:
    exact = policy_value(WORLD, EpsilonGreedy(share), WORLD.worth * NOISE)
    found = worth_of(policy(WORLD.worth * NOISE, share), WORLD, np.random.default_rng(1))
    assert found == pytest.approx(exact, rel=0 if share == 0 else 0.01, abs=1e-12)


def test_taken_actions_are_never_picked_again() -> None:
    chances = policy(WORLD.worth, 0.3).chances(3, np.array([1, 4]))
    assert chances[[1, 4]].tolist() == [0, 0]
    assert chances.sum() == pytest.approx(1)
    assert chances[chances > 0].min() == pytest.approx(0.3 / 4)


def judged(logged_by: float, decisions: int = 3_000) -> tuple[Judgement, float]:
    """Judge the true order by the log of a noisy one, whose logged probabilities are off by a factor."""
    served, target = WORLD.worth * NOISE, WORLD.worth
    random = np.random.default_rng(7)
    came = answer(WORLD, EpsilonGreedy(0.5), served, random.integers(0, 400, decisions), random)
    truth = policy_value(WORLD, EpsilonGreedy(0.2), target)
    logged = Logged(came.customer.astype(str), came.probabilities * logged_by, came.rewards)
    before, after = policy(served, 0.5), policy(target, 0.2)
    return judge(_round(WORLD, came), logged, before, after, WORLD, truth), truth


def test_a_log_with_the_right_probabilities_foretells_what_a_policy_earns() -> None:
    found, truth = judged(1.0)
    assert found.probability_error == pytest.approx(0, abs=1e-12)
    for estimator in (Estimator.SNIPS, Estimator.DR):
        forecast = found.forecasts[estimator]
        assert forecast.covers
        assert forecast.truth == truth
        assert forecast.high - forecast.low < 0.5 * truth


def test_a_log_with_wrong_probabilities_is_found_out() -> None:
    found, _ = judged(0.5)
    assert found.probability_error > 0.05
    assert found.evaluation.cautions


def _round(world: World, came: Answers) -> Round:
    size: Sequence[int] = came.actions.shape
    return replace(
        Round(*[np.zeros(size)] * 8),  # type: ignore[arg-type]
        visit=came.customer,
        actions=came.actions,
        probability=came.probabilities,
        clicked=came.positive,
        expected=slate_values(world, came.customer, came.actions),
    )
