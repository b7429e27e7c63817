"""A slot log from whole candidate lists: what the target would pick, expect, and what has no support."""

from dataclasses import dataclass, replace

import numpy as np

from nextbest_models.offpolicy.arrays import Floats, Integers
from nextbest_models.offpolicy.slot_log import (
    Alternatives,
    OffPolicyError,
    Probabilities,
    RewardModel,
    SlotLog,
)

_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Slots:
    """What was logged of each slot. Fields as in `SlotLog`; `person` may be None.

    chosen: int64 [slots], the row of the logged action in the candidates.
    """

    decision: Integers
    position: Integers
    chosen: Integers
    reward: Floats
    person: Integers | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """The actions that could be picked in each slot, one row per slot and candidate, in any order.

    slot: int64 [rows], position in `Slots`.
    logged_probability, target_probability: float64 [rows], of the candidate in this slot. Each sums to 1
        per slot.
    predicted: float64 [rows], the reward that a model expects of the candidate in this slot; None: no model.
    """

    slot: Integers
    logged_probability: Floats
    target_probability: Floats
    predicted: Floats | None = None


def log_from_candidates(
    slots: Slots,
    candidates: Candidates,
    probabilities: Probabilities = Probabilities.CONDITIONAL,
) -> SlotLog:
    """Return the log with the model's expectations and all alternatives filled in.

    Args:
        slots: what was logged.
        candidates: what could have been picked instead, and how likely.
        probabilities: what kind the candidates' probabilities are of.

    Raises:
        OffPolicyError: the target's probabilities of a slot do not sum to 1, the logged row of a slot is a
            candidate of another slot, or the log is not valid (see `SlotLog`).
    """
    size = len(slots.decision)
    if not np.array_equal(candidates.slot[slots.chosen], np.arange(size)):
        raise OffPolicyError("`chosen` must point to a candidate of its own slot")
    for name, values in (
        ("logged", candidates.logged_probability),
        ("target", candidates.target_probability),
    ):
        sums = _sums(candidates.slot, values, size)
        if not (np.abs(sums - 1) < _SUM_TOLERANCE).all():
            raise OffPolicyError(f"the {name} probabilities of a slot's candidates must sum to 1")
    return SlotLog(
        decision=slots.decision,
        position=slots.position,
        logged_probability=candidates.logged_probability[slots.chosen],
        target_probability=candidates.target_probability[slots.chosen],
        reward=slots.reward,
        person=slots.person,
        model=_reward_model(slots, candidates),
        alternatives=_alternatives(candidates),
        probabilities=probabilities,
    )


def scaled_by_position(slots: Slots, candidates: Candidates) -> Candidates:
    """Return candidates whose predictions are right on average at each position, for the logged actions.

    A propensity is P(positive | looked at), and lower ranks are looked at less. This takes it to the reward
    per slot by one factor per position, Σ rewards / Σ predictions, which is the examination probability of
    the position-based click model if the propensities are right (Chuklin, Markov & de Rijke 2015, "Click
    Models for Web Search"). One number per position from thousands of slots: DR's interval may ignore that
    it is estimated.

    Raises:
        OffPolicyError: there are no predictions.
    """
    if candidates.predicted is None:
        raise OffPolicyError("there are no predictions to scale")
    places, place = np.unique(slots.position, return_inverse=True)
    foreseen = _sums(place, candidates.predicted[slots.chosen], len(places))
    earned = _sums(place, slots.reward, len(places))
    scale = np.divide(earned, foreseen, out=np.ones_like(earned), where=foreseen > 0)
    return replace(candidates, predicted=candidates.predicted * scale[place[candidates.slot]])


def _alternatives(candidates: Candidates) -> Alternatives:
    wanted = candidates.target_probability > 0
    target, logged = candidates.target_probability[wanted], candidates.logged_probability[wanted]
    ratio = np.divide(target, logged, out=np.full_like(target, np.inf), where=logged > 0)
    return Alternatives(candidates.slot[wanted], target, ratio)


def _reward_model(slots: Slots, candidates: Candidates) -> RewardModel | None:
    if candidates.predicted is None:
        return None
    weighted = candidates.target_probability * candidates.predicted
    expected = _sums(candidates.slot, weighted, len(slots.decision))
    return RewardModel(candidates.predicted[slots.chosen], expected)


def _sums(slot: Integers, values: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(slot, values, minlength=size), dtype=np.float64)
