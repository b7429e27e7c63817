"""Estimates and intervals against a world whose truth is known."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from logged_worlds import Contest, contest, true_rewards
from numpy.typing import NDArray

from nextbest_models.offpolicy import (
    GREEDY,
    UNIFORM,
    Doubt,
    EpsilonGreedy,
    Estimate,
    Estimator,
    Options,
    PolicyEvaluation,
    SlotLog,
    Weighting,
    evaluate,
)
from nextbest_models.world import (
    Round,
    WorldShape,
    make_world,
    policy_value,
    position_values,
    values_one_rank_at_a_time,
)

RUNS = 200
DECISIONS = 1_500
WORLD = make_world(7, WorldShape(customers=300, actions=6, new_actions=1, ranks=2))
WEIGHTED = (Estimator.IPS, Estimator.SNIPS, Estimator.DR, Estimator.SWITCH_DR)


def rough_model() -> NDArray[np.float64]:
    return true_rewards(WORLD) * 0.6 + 0.02


ROUGH = contest(WORLD, serving=EpsilonGreedy(0.6), target=EpsilonGreedy(0.5), predicted=rough_model())


@dataclass(frozen=True)
class Runs:
    """How often intervals cover the truth, by estimator and (estimator, position); totals; the last run."""

    covered: dict[object, float]
    values: dict[Estimator, NDArray[np.float64]]
    last: PolicyEvaluation

    def bias(self, estimator: Estimator, truth: float) -> float:
        """Mean error of the total."""
        return float(self.values[estimator].mean() - truth)

    def rmse(self, estimator: Estimator, truth: float) -> float:
        """Root mean squared error of the total."""
        return float(np.sqrt(np.mean((self.values[estimator] - truth) ** 2)))


def repeat(
    of: Contest,
    log_of: Callable[[Round], SlotLog],
    truth: NDArray[np.float64],
    options: Options | None = None,
    runs: int = RUNS,
) -> Runs:
    random = np.random.default_rng(11)
    hits: Counter[object] = Counter()
    values: dict[Estimator, list[float]] = defaultdict(list)
    for _ in range(runs):
        last = evaluate(log_of(of.draw(DECISIONS, random)), options or Options())
        for name, estimate in last.estimates.items():
            values[name].append(estimate.total.value)
            hits[name] += _covers(estimate, truth)
            for place, value in enumerate(truth, start=1):
                item = estimate.by_position[place]
                hits[name, place] += item.low <= value <= item.high
    covered = {key: count / runs for key, count in hits.items()}
    return Runs(covered, {name: np.array(of_runs) for name, of_runs in values.items()}, last)


def _covers(estimate: Estimate, truth: NDArray[np.float64]) -> bool:
    return estimate.total.low <= truth.sum() <= estimate.total.high


def check(runs: Runs, positions: int) -> None:
    for name in WEIGHTED:
        for key in (name, *((name, place) for place in range(1, positions + 1))):
            assert 0.90 <= runs.covered[key] <= 0.99, key


def test_with_marginal_probabilities_intervals_cover_the_value_under_the_item_position_model() -> None:
    truth = position_values(WORLD, ROUGH.target, ROUGH.target_scores)
    runs = repeat(ROUGH, ROUGH.marginal_log, truth)
    assert runs.last.weighting is Weighting.RANK
    check(runs, 2)
    # The model is wrong, and only the direct method has nothing but the model.
    assert runs.covered[Estimator.DM] < 0.1


def test_with_conditional_probabilities_a_rank_has_the_value_below_the_serving_policys_ranks() -> None:
    truth = values_one_rank_at_a_time(
        WORLD, ROUGH.serving, ROUGH.target, ROUGH.serving_scores, ROUGH.target_scores
    )
    runs = repeat(ROUGH, ROUGH.conditional_log, truth, Options(Weighting.RANK))
    check(runs, 2)
    assert Doubt.ONE_RANK_AT_A_TIME in {caution.doubt for caution in runs.last.cautions}
    # It is not what the target would earn on its own.
    own = position_values(WORLD, ROUGH.target, ROUGH.target_scores)
    assert truth[0] == pytest.approx(own[0])
    assert truth[1] > own[1] * 1.1


def test_whole_slates_cover_the_value_with_wider_intervals() -> None:
    truth = position_values(WORLD, ROUGH.target, ROUGH.target_scores)
    slates = repeat(ROUGH, ROUGH.conditional_log, truth, Options(Weighting.SLATE))
    check(slates, 2)
    cascade = evaluate(ROUGH.conditional_log(ROUGH.draw(DECISIONS, np.random.default_rng(11))))
    widths = [outcome.estimates[Estimator.SNIPS].total.standard_error for outcome in (cascade, slates.last)]
    assert widths[0] < widths[1]


@pytest.mark.parametrize("weighting", [None, Weighting.SLATE])
def test_products_cover_the_value_even_where_ranks_disturb_each_other(weighting: Weighting | None) -> None:
    shape = WorldShape(customers=300, actions=6, groups=2, new_actions=1, ranks=2, crowding=0.2)
    world = make_world(7, shape)
    # The model knows nothing of crowding.
    of = contest(world, serving=EpsilonGreedy(0.6), target=EpsilonGreedy(0.5))
    truth = position_values(world, of.target, of.target_scores)
    runs = repeat(of, of.conditional_log, truth, Options(weighting))
    assert runs.last.weighting is (weighting or Weighting.CASCADE)
    check(runs, 2)


def test_where_ranks_disturb_each_other_the_item_position_model_is_wrong() -> None:
    shape = WorldShape(customers=300, actions=6, groups=2, new_actions=1, ranks=2, crowding=0.2)
    world = make_world(7, shape)
    # The target puts two of a group on top of each other, chance seldom does.
    one_group = world.worth - 10 * world.group
    of = Contest(world, UNIFORM, world.worth, EpsilonGreedy(0.2), one_group)
    truth = position_values(world, of.target, of.target_scores)
    marginal = repeat(of, of.marginal_log, truth, runs=50)
    products = repeat(of, of.conditional_log, truth, runs=50)
    assert marginal.bias(Estimator.SNIPS, truth.sum()) > 0.03
    assert abs(products.bias(Estimator.SNIPS, truth.sum())) < 0.01


def test_intervals_of_the_uplift_cover_the_difference_to_what_served() -> None:
    serving = policy_value(WORLD, ROUGH.serving, ROUGH.serving_scores)
    uplift = policy_value(WORLD, ROUGH.target, ROUGH.target_scores) - serving
    random = np.random.default_rng(5)
    hits: Counter[Estimator] = Counter()
    served = 0
    for _ in range(RUNS):
        outcome = evaluate(ROUGH.conditional_log(ROUGH.draw(DECISIONS, random)))
        served += outcome.served.total.low <= serving <= outcome.served.total.high
        assert outcome.served.uplift.value == outcome.served.uplift.standard_error == 0
        for name in WEIGHTED:
            item = outcome.estimates[name].uplift
            hits[name] += item.low <= uplift <= item.high
    assert 0.90 <= served / RUNS <= 0.99
    assert all(0.90 <= hits[name] / RUNS <= 0.99 for name in WEIGHTED), hits


def test_persons_who_come_often_need_intervals_over_persons() -> None:
    truth = policy_value(WORLD, ROUGH.target, ROUGH.target_scores)
    random = np.random.default_rng(6)
    by_persons, by_decisions = 0, 0
    for run in range(RUNS):
        customer = np.repeat(random.integers(0, 300, 50), 40)
        logged = ROUGH.answer(customer, random)
        log = ROUGH.conditional_log(logged)
        # Who was drawn twice is two persons: the population is only what they are drawn from.
        by_person = SlotLog(
            log.decision,
            log.position,
            log.logged_probability,
            log.target_probability,
            log.reward,
            log.decision // 40,
        )
        total = evaluate(by_person).estimates[Estimator.SNIPS].total
        by_persons += total.low <= truth <= total.high
        if run < 60:
            total = evaluate(replace(by_person, person=None)).estimates[Estimator.SNIPS].total
            by_decisions += total.low <= truth <= total.high
    assert 0.90 <= by_persons / RUNS <= 0.99
    assert by_decisions / 60 < 0.85


def test_thin_support_is_told_where_intervals_cannot_be_trusted() -> None:
    of = contest(WORLD, serving=EpsilonGreedy(0.05), target=GREEDY)
    truth = position_values(WORLD, of.target, of.target_scores)
    runs = repeat(of, of.conditional_log, truth, runs=100)
    assert min(runs.covered[name] for name in WEIGHTED) < 0.9
    assert Doubt.THIN in {caution.doubt for caution in runs.last.cautions}


def test_doubly_robust_means_either_the_probabilities_or_the_model_may_be_wrong() -> None:
    truth = position_values(WORLD, ROUGH.target, ROUGH.target_scores)
    wrong_model = repeat(ROUGH, ROUGH.marginal_log, truth, runs=50)
    assert abs(wrong_model.bias(Estimator.DM, truth.sum())) > 0.1
    assert abs(wrong_model.bias(Estimator.DR, truth.sum())) < 0.01

    right = contest(WORLD, serving=ROUGH.serving, target=ROUGH.target)
    wrong_probabilities = repeat(right, lambda logged: distorted(right.marginal_log(logged)), truth, runs=50)
    assert abs(wrong_probabilities.bias(Estimator.IPS, truth.sum())) > 0.1
    assert abs(wrong_probabilities.bias(Estimator.SNIPS, truth.sum())) > 0.05
    assert abs(wrong_probabilities.bias(Estimator.DR, truth.sum())) < 0.01
    assert Doubt.WEIGHTS_OFF in {caution.doubt for caution in wrong_probabilities.last.cautions}


def distorted(log: SlotLog) -> SlotLog:
    """The same log, as if rare picks had been less rare than they were."""
    return SlotLog(
        log.decision,
        log.position,
        log.logged_probability**0.5,
        log.target_probability,
        log.reward,
        model=log.model,
        probabilities=log.probabilities,
    )


def test_a_better_estimator_is_nearer_to_the_truth() -> None:
    truth = position_values(WORLD, ROUGH.target, ROUGH.target_scores)
    value = float(truth.sum())
    right = contest(WORLD, serving=ROUGH.serving, target=ROUGH.target)
    runs = repeat(right, right.conditional_log, truth, runs=100)
    # A right model takes variance out; believing it altogether leaves only the chance in who comes.
    rmse = {name: runs.rmse(name, value) for name in Estimator}
    assert rmse[Estimator.DM] < rmse[Estimator.DR] < rmse[Estimator.SNIPS] < rmse[Estimator.IPS]
    for name in Estimator:
        assert abs(runs.bias(name, value)) < 4 * rmse[name] / np.sqrt(100)

    clipped = repeat(right, right.conditional_log, truth, Options(ceiling=2.0), runs=40)
    assert clipped.bias(Estimator.IPS, value) < -0.05
    assert clipped.values[Estimator.IPS].std() < runs.values[Estimator.IPS].std()
    assert Doubt.CLIPPED in {caution.doubt for caution in clipped.last.cautions}


def test_without_support_the_share_is_told_and_ips_misses_it() -> None:
    of = contest(WORLD, serving=GREEDY, target=EpsilonGreedy(0.3))
    log = of.marginal_log(of.draw(DECISIONS, np.random.default_rng(2)))
    outcome = evaluate(log)
    served, target = of.marginals
    blind = np.where(served == 0, target, 0.0).sum(axis=2).mean(axis=0)
    for place in (1, 2):
        assert outcome.support[place].unsupported == pytest.approx(blind[place - 1], abs=0.03)
        assert outcome.support[place].mean_weight == pytest.approx(1 - blind[place - 1], abs=0.03)
    doubts = {caution.doubt for caution in outcome.cautions}
    assert Doubt.UNSUPPORTED in doubts
    assert Doubt.WEIGHTS_OFF not in doubts
    truth = policy_value(WORLD, of.target, of.target_scores)
    assert outcome.estimates[Estimator.IPS].total.high < truth
