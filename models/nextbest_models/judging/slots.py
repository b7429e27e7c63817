"""The slots of logged decisions with all that could have stood there, as models and policies see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nextbest_models.offpolicy.arrays import Flags, Floats, Integers

CANDIDATE = "candidate"
CANDIDATE_GREEDY = "candidate, nothing tried"
SERVING = "serving model"
LOGGED = "logged"


class Reward(StrEnum):
    """What counts as earned.

    VALUE: the action's value for every positive outcome. OUTCOME: 1 for each. AMOUNT: the amounts that were
    reported with them.
    """

    VALUE = "value"
    OUTCOME = "outcome"
    AMOUNT = "amount"


Names: TypeAlias = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class FilledSlots:
    """Every slot that was filled, one entry each.

    decision, person: int64, numbered from 0. position: int64, in the order of filling, from 1.
    chosen: int64, row of what stood there in the choices. type: its type of action.
    positive: whether anything good came of it. shown: whether that could be. amount: float64, what was
    reported with the outcomes.
    """

    decision: Integers
    person: Integers
    position: Integers
    chosen: Integers
    type: Names
    positive: Flags
    shown: Flags
    amount: Floats

    def __len__(self) -> int:
        return len(self.decision)


@dataclass(frozen=True, slots=True)
class Choices:
    """What could have stood in each slot, given what was logged above it; one row per slot and candidate.

    slot: int64, row in the slots. value: float64, of a positive outcome. logged_probability: float64.
    scores: float64 by model, P(positive | shown); `LOGGED` is what was served. targets: float64 by policy,
    the probability of the candidate in the slot.
    """

    slot: Integers
    value: Floats
    logged_probability: Floats
    scores: Mapping[str, Floats]
    targets: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class JudgedLog:
    """All that is judged."""

    slots: FilledSlots
    choices: Choices

    def rewards(self, reward: Reward) -> Floats:
        """Return what each slot earned, float64 [slots]."""
        slots = self.slots
        match reward:
            case Reward.VALUE:
                return np.where(slots.positive, self.choices.value[slots.chosen], 0.0)
            case Reward.OUTCOME:
                return slots.positive.astype(np.float64)
            case Reward.AMOUNT:
                return np.where(slots.positive, slots.amount, 0.0)

    def worth(self, reward: Reward) -> Floats:
        """Return what a positive outcome of each choice may be worth, float64 [choices], up to a factor."""
        return np.ones_like(self.choices.value) if reward is Reward.OUTCOME else self.choices.value
