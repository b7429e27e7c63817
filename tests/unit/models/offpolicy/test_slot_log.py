from dataclasses import replace

import numpy as np
import pytest

from nextbest_models.offpolicy import (
    Candidates,
    OffPolicyError,
    Probabilities,
    RewardModel,
    SlotLog,
    Slots,
    log_from_candidates,
    scaled_by_position,
)

LOG = SlotLog(
    decision=np.array([4, 4, 9]),
    position=np.array([1, 2, 1]),
    logged_probability=np.array([0.5, 1.0, 0.25]),
    target_probability=np.array([0.0, 0.2, 1.0]),
    reward=np.array([0.0, 2.0, -1.0]),
)


def test_a_valid_log_hangs_together_by_decision_or_by_person() -> None:
    assert len(LOG) == 3
    assert LOG.clusters.tolist() == [4, 4, 9]
    assert replace(LOG, person=np.array([7, 7, 7])).clusters.tolist() == [7, 7, 7]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"logged_probability": np.array([0.5, 0.0, 1.0])}, "logged_probability .* row 1"),
        ({"logged_probability": np.array([0.5, 1.01, 1.0])}, "logged_probability .* row 1"),
        ({"target_probability": np.array([-0.1, 0.5, 1.0])}, "target_probability .* row 0"),
        ({"reward": np.array([0.0, 1.0, np.nan])}, "reward .* row 2"),
        ({"reward": np.array([0.0, 1.0])}, "reward has shape"),
        ({"model": RewardModel(np.zeros(3), np.array([0.0, np.inf, 0.0]))}, "model.expected .* row 1"),
        ({"model": RewardModel(np.zeros(2), np.zeros(3))}, "model.predicted has shape"),
        ({"position": np.array([1, 1, 1])}, "same position twice"),
        ({"person": np.array([1, 2, 3])}, "several persons"),
        ({"person": np.array([1])}, "person has shape"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(OffPolicyError, match=complaint):
        replace(LOG, **change)  # type: ignore[arg-type]


def test_an_empty_log_is_refused() -> None:
    nothing = np.zeros(0)
    nobody = nothing.astype(np.int64)
    with pytest.raises(OffPolicyError, match="no slot"):
        SlotLog(nobody, nobody, nothing, nothing, nothing)


def test_rounding_of_a_sure_pick_is_forgiven() -> None:
    assert len(replace(LOG, target_probability=np.array([0.0, 0.2, 1.0 + 1e-9]))) == 3


SLOTS = Slots(
    decision=np.array([0, 0]),
    position=np.array([1, 2]),
    chosen=np.array([1, 3]),
    reward=np.array([1.0, 0.0]),
)
# The second slot's candidates stand around the first slot's.
CANDIDATES = Candidates(
    slot=np.array([1, 0, 0, 1]),
    logged_probability=np.array([0.0, 0.25, 0.75, 1.0]),
    target_probability=np.array([0.4, 0.5, 0.5, 0.6]),
    predicted=np.array([3.0, 1.0, 2.0, 5.0]),
)


def test_candidate_lists_give_expectations_and_what_is_without_support() -> None:
    log = log_from_candidates(SLOTS, CANDIDATES, Probabilities.MARGINAL)
    assert log.logged_probability.tolist() == [0.25, 1.0]
    assert log.target_probability.tolist() == [0.5, 0.6]
    assert log.model is not None
    assert log.model.predicted.tolist() == [1.0, 5.0]
    assert log.model.expected == pytest.approx([1.5, 0.4 * 3 + 0.6 * 5])
    assert log.alternatives is not None
    assert log.alternatives.slot.tolist() == [1, 0, 0, 1]
    assert log.alternatives.target_probability.tolist() == [0.4, 0.5, 0.5, 0.6]
    assert log.alternatives.ratio == pytest.approx([np.inf, 2.0, 2 / 3, 0.6])
    assert log.probabilities is Probabilities.MARGINAL


def test_without_predictions_there_is_no_reward_model() -> None:
    assert log_from_candidates(SLOTS, replace(CANDIDATES, predicted=None)).model is None


@pytest.mark.parametrize("name", ["logged_probability", "target_probability"])
def test_probabilities_that_do_not_sum_to_one_are_refused(name: str) -> None:
    wrong = getattr(CANDIDATES, name).copy()
    wrong[1] += 0.01
    with pytest.raises(OffPolicyError, match="must sum to 1"):
        log_from_candidates(SLOTS, replace(CANDIDATES, **{name: wrong}))


def test_a_logged_row_of_another_slot_is_refused() -> None:
    with pytest.raises(OffPolicyError, match="its own slot"):
        log_from_candidates(replace(SLOTS, chosen=np.array([0, 3])), CANDIDATES)


def test_predictions_are_scaled_to_what_each_position_earned() -> None:
    # Position 1 earns 2 where 1 + 2 was foreseen, position 2 earns nothing where 5 was.
    slots = Slots(
        decision=np.array([0, 0, 1]),
        position=np.array([1, 2, 1]),
        chosen=np.array([0, 2, 3]),
        reward=np.array([2.0, 0.0, 0.0]),
    )
    sure = np.array([1.0, 0.0, 1.0, 1.0])
    candidates = Candidates(np.array([0, 0, 1, 2]), sure, sure, np.array([1.0, 9.0, 5.0, 2.0]))
    assert scaled_by_position(slots, candidates).predicted == pytest.approx([2 / 3, 6, 0, 4 / 3])
    with pytest.raises(OffPolicyError, match="no predictions"):
        scaled_by_position(slots, replace(candidates, predicted=None))


def test_positions_for_which_nothing_is_foreseen_stay_as_they_are() -> None:
    nothing = replace(CANDIDATES, predicted=np.zeros(4))
    assert scaled_by_position(SLOTS, nothing).predicted == pytest.approx(np.zeros(4))
