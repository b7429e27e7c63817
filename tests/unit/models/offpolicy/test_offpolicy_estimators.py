"""Estimates by hand, on logs small enough for it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from nextbest_models.offpolicy import (
    Candidates,
    Doubt,
    Estimator,
    OffPolicyError,
    Options,
    RewardModel,
    SlotLog,
    Slots,
    Weighting,
    evaluate,
    log_from_candidates,
)

# Weights 2, 0.5, 0, 4; predictions as given.
LOG = SlotLog(
    decision=np.arange(4),
    position=np.ones(4, dtype=np.int64),
    logged_probability=np.array([0.5, 0.5, 0.5, 0.25]),
    target_probability=np.array([1.0, 0.25, 0.0, 1.0]),
    reward=np.array([1.0, 0.0, 3.0, 2.0]),
    model=RewardModel(predicted=np.array([0.5, 0.5, 1.0, 1.0]), expected=np.array([0.5, 0.75, 1.0, 1.0])),
)


def totals(log: SlotLog, options: Options | None = None) -> dict[Estimator, float]:
    outcome = evaluate(log, options or Options())
    return {name: estimate.total.value for name, estimate in outcome.estimates.items()}


def test_all_estimators_by_hand() -> None:
    found = totals(LOG, Options(switch_at=2.0))
    assert found[Estimator.IPS] == pytest.approx((2 * 1 + 0.5 * 0 + 0 + 4 * 2) / 4)
    assert found[Estimator.SNIPS] == pytest.approx(10 / 6.5)
    assert found[Estimator.DM] == pytest.approx(3.25 / 4)
    corrections = (2 * 0.5, 0.5 * -0.5, 0.0, 4 * 1.0)
    assert found[Estimator.DR] == pytest.approx((3.25 + sum(corrections)) / 4)
    assert found[Estimator.SWITCH_DR] == pytest.approx((3.25 + sum(corrections[:3])) / 4)


def test_switching_at_zero_is_the_direct_method_and_at_infinity_doubly_robust() -> None:
    assert totals(LOG, Options(switch_at=0.0))[Estimator.SWITCH_DR] == totals(LOG)[Estimator.DM]
    assert totals(LOG, Options(switch_at=math.inf))[Estimator.SWITCH_DR] == totals(LOG)[Estimator.DR]


def test_the_policy_that_served_has_the_value_that_was_logged() -> None:
    same = replace(LOG, target_probability=LOG.logged_probability)
    outcome = evaluate(same)
    for name in (Estimator.IPS, Estimator.SNIPS):
        assert outcome.estimates[name].total == outcome.served.total
        assert outcome.estimates[name].uplift.value == 0
    assert outcome.served.total.value == LOG.reward.mean()
    assert outcome.support[1].effective_slots == pytest.approx(4)


def test_only_self_normalisation_ignores_a_shift_of_all_rewards() -> None:
    shifted = replace(LOG, reward=LOG.reward + 10)
    assert totals(shifted)[Estimator.SNIPS] == pytest.approx(totals(LOG)[Estimator.SNIPS] + 10)
    assert totals(shifted)[Estimator.IPS] == pytest.approx(totals(LOG)[Estimator.IPS] + 10 * 6.5 / 4)


def test_without_a_model_nothing_is_said_that_needs_one() -> None:
    outcome = evaluate(replace(LOG, model=None))
    assert set(outcome.estimates) == {Estimator.IPS, Estimator.SNIPS}
    assert outcome.thresholds == {}


# Decision 0 has two ranks, the others have one.
RANKED = SlotLog(
    decision=np.array([0, 0, 1, 2]),
    position=np.array([1, 2, 1, 1]),
    logged_probability=np.array([0.5, 0.5, 0.5, 0.5]),
    target_probability=np.array([0.5, 1.0, 1.0, 0.5]),
    reward=np.array([1.0, 3.0, 0.0, 5.0]),
    model=RewardModel(predicted=np.array([1.0, 2.0, 1.0, 1.0]), expected=np.array([1.0, 4.0, 1.0, 1.0])),
)


def test_the_total_adds_positions_by_the_share_of_decisions_that_have_them() -> None:
    outcome = evaluate(RANKED)
    assert outcome.decisions == 3
    assert outcome.served.total.value == pytest.approx(9 / 3)
    item = outcome.estimates[Estimator.IPS]
    assert item.by_position[1].value == pytest.approx((1 + 0 + 5) / 3)
    assert item.by_position[2].value == pytest.approx(6)
    assert item.total.value == pytest.approx(2 + 6 / 3)
    assert item.uplift.value == pytest.approx(4 - 3)


def test_the_total_of_ips_has_the_error_of_the_sums_per_decision() -> None:
    sums = np.array([1 * 1 + 2 * 3, 2 * 0, 1 * 5])
    item = evaluate(RANKED, Options(Weighting.RANK)).estimates[Estimator.IPS].total
    assert item.standard_error == pytest.approx(sums.std(ddof=1) / math.sqrt(3))


def test_below_rank_one_products_weigh_the_models_expectation_by_the_ranks_above() -> None:
    thrice = replace(RANKED, target_probability=np.array([0.25, 1.0, 1.0, 0.5]))
    item = evaluate(thrice).estimates
    # The weight above is 0.5, the slot's own 0.5 × 2.
    assert item[Estimator.DM].by_position[2].value == pytest.approx(0.5 * 4)
    assert item[Estimator.DR].by_position[2].value == pytest.approx(0.5 * 4 + 1.0 * (3 - 2))


def test_clipped_weights_are_counted_and_told() -> None:
    outcome = evaluate(LOG, Options(ceiling=2.0))
    assert outcome.estimates[Estimator.IPS].total.value == pytest.approx((2 + 4) / 4)
    assert (outcome.support[1].clipped, outcome.support[1].largest_weight) == (1, 4.0)
    assert any("1 weights were clipped" in caution.text for caution in outcome.cautions)


def test_a_target_that_nothing_logged_belongs_to_has_no_self_normalised_value() -> None:
    outcome = evaluate(replace(LOG, target_probability=np.zeros(4), model=None))
    assert math.isnan(outcome.estimates[Estimator.SNIPS].total.value)
    assert outcome.support[1].effective_slots == 0
    assert Doubt.THIN in {caution.doubt for caution in outcome.cautions}


def test_few_decisions_and_no_rewards_are_told() -> None:
    outcome = evaluate(replace(LOG, reward=np.zeros(4)))
    whole = {caution.doubt for caution in outcome.cautions if caution.position is None}
    assert whole == {Doubt.FEW_CLUSTERS, Doubt.NO_REWARD}
    many = np.zeros(200, dtype=np.int64)
    log = SlotLog(np.arange(200), many + 1, many + 0.5, many + 0.5, many + 1.0)
    assert evaluate(log).cautions == ()
    few = evaluate(replace(log, person=np.arange(200) % 3))
    assert few.clusters == 3
    assert [caution.doubt for caution in few.cautions] == [Doubt.FEW_CLUSTERS]


def test_a_single_slot_that_carries_the_estimate_is_told() -> None:
    ones = np.ones(1000)
    logged = np.r_[0.001, ones[1:]]
    log = SlotLog(np.arange(1000), ones.astype(np.int64), logged, np.r_[1.0, 0.9 * ones[1:]], ones)
    outcome = evaluate(log)
    assert outcome.support[1].largest_share == pytest.approx(1000 / (1000 + 899.1))
    assert {Doubt.DOMINATED, Doubt.THIN} <= {caution.doubt for caution in outcome.cautions}


@pytest.mark.parametrize("options", [{"confidence": 1.0}, {"confidence": 0.0}, {"switch_at": -1.0}])
def test_options_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(OffPolicyError):
        Options(**options)  # type: ignore[arg-type]


def rarely_logged(probability: float) -> SlotLog:
    """300 slots, all but one with action 0. The target picks action 1 with 1 %."""
    size = 300
    random = np.random.default_rng(1)
    rare = np.arange(size) == 7
    target = 0.01
    slots = Slots(
        decision=np.arange(size),
        position=np.ones(size, dtype=np.int64),
        chosen=np.arange(size) * 2 + rare,
        reward=(random.random(size) < 0.5).astype(np.float64),
    )
    candidates = Candidates(
        slot=np.repeat(np.arange(size), 2),
        logged_probability=np.tile([1 - probability, probability], size),
        target_probability=np.tile([1 - target, target], size),
        predicted=np.full(2 * size, 0.5),
    )
    return log_from_candidates(slots, candidates)


def test_a_weight_that_costs_more_than_the_model_could_is_given_up() -> None:
    # The target picks action 1 with 1 %: without correction the bias is at most 0.5 × 1 %, squared 0.000025.
    # The correction's variance is about (weight × 0.5 / 300)²: 0.01 with weight 60, 0.00001 with weight 2.
    heavy, light = rarely_logged(0.01 / 60), rarely_logged(0.01 / 2)
    assert evaluate(heavy).thresholds[1] == pytest.approx(0.99 / (1 - 0.01 / 60))
    assert evaluate(light).thresholds[1] == pytest.approx(2.0)
    assert evaluate(replace(heavy, alternatives=None)).thresholds[1] == math.inf
    of = evaluate(heavy).estimates
    assert of[Estimator.SWITCH_DR].total.standard_error < 0.5 * of[Estimator.DR].total.standard_error


def test_whole_slates_have_no_threshold_of_their_own() -> None:
    log = rarely_logged(0.01 / 60)
    assert evaluate(log, Options(Weighting.SLATE)).thresholds == {1: math.inf}
    assert evaluate(log, Options(Weighting.SLATE, switch_at=3.0)).thresholds == {1: 3.0}


def test_what_is_never_reached_and_never_logged_is_no_trouble_for_the_threshold() -> None:
    """Above stands what the target never picks; below it wants what the serving policy never picks."""
    slots = Slots(
        decision=np.repeat(np.arange(50), 2),
        position=np.tile([1, 2], 50),
        chosen=np.arange(100) * 2,
        reward=np.tile([1.0, 0.5], 50),
    )
    first, second = [1.0, 0.0], [0.5, 0.5]
    candidates = Candidates(
        slot=np.repeat(np.arange(100), 2),
        logged_probability=np.tile([0.5, 0.5, 1.0, 0.0], 50),
        target_probability=np.r_[np.tile([0.0, 1.0, *second], 25), np.tile([*first, *second], 25)],
        predicted=np.full(200, 0.4),
    )
    found = evaluate(log_from_candidates(slots, candidates))
    # Half of the decisions count, twice each; there, the other pick of the target is believed.
    assert found.estimates[Estimator.DR].by_position[2].value == pytest.approx(0.5 * 2 * (0.4 + 0.5 * 0.1))
    assert math.isfinite(found.thresholds[2])
    assert math.isfinite(found.estimates[Estimator.SWITCH_DR].total.value)
