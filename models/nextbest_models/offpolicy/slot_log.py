"""What was logged, slot by slot, beside what the target policy would have done there."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from nextbest_models.offpolicy.arrays import Flags, Floats, Integers

_ROUNDING = 1e-6


class OffPolicyError(ValueError):
    """A log cannot be evaluated, or an option makes no sense. The message says what is wrong."""


class Probabilities(StrEnum):
    """What the probabilities of a log take as given.

    CONDITIONAL: the ranks above, as they were logged. This is what `selection_probability` is.
    MARGINAL: nothing; they are summed over whatever may stand above. See `slates.marginal_probabilities`.
    """

    CONDITIONAL = "conditional"
    MARGINAL = "marginal"


@dataclass(frozen=True, slots=True)
class RewardModel:
    """What a model of the reward expects in each slot; both float64 [slots], in units of the reward.

    predicted: for the logged action.
    expected: for the target policy, Σ over actions a of (target's probability of a) × (prediction for a). The
        probability takes as given what all probabilities of the log do.
    """

    predicted: Floats
    expected: Floats


@dataclass(frozen=True, slots=True)
class Alternatives:
    """What the target could have picked, one row per slot and candidate, in any order.

    slot: int64 [rows], row in the log.
    target_probability: float64 [rows] in (0, 1], of this candidate.
    ratio: float64 [rows], the same by the serving policy's probability; infinity where that is 0.
    """

    slot: Integers
    target_probability: Floats
    ratio: Floats

    def of_slots(self, rows: Integers, slots: int) -> Flags:
        """Return which rows belong to some of all slots, bool [rows]."""
        meant = np.zeros(slots, dtype=np.bool_)
        meant[rows] = True
        chosen: Flags = meant[self.slot]
        return chosen


@dataclass(frozen=True, slots=True)
class SlotLog:
    """The filled slots of some decisions: one row per decision and position, in any order.

    A slot that stayed empty has no row. All probabilities are of the *logged* action and of the same kind;
    see `Weighting` for what each kind estimates.

    decision: int64 [slots], equal for all slots of one decision.
    position: int64 [slots], the order in which the slots of a decision were filled, such as the rank. A
        decision has a position at most once.
    logged_probability: float64 [slots] in (0, 1], under the policy that served (`selection_probability`).
    target_probability: float64 [slots] in [0, 1], under the policy in question.
    reward: float64 [slots], what came of it, such as 1 for a click or an amount of money. Finite.
    person: int64 [slots], equal for all slots of one person; None: every decision is of another person.
    model: what a model expects; None: the direct method and the doubly robust estimators are left out.
    alternatives: all that could have been picked; None: unknown. Without them the share of the target that
        has no support is not known, and switch-DR finds no threshold of its own.
    probabilities: the kind of all probabilities.

    Raises:
        OffPolicyError: lengths differ, there is no row, a number is out of range, a position appears twice in
            a decision, or the slots of one decision belong to several persons.
    """

    decision: Integers
    position: Integers
    logged_probability: Floats
    target_probability: Floats
    reward: Floats
    person: Integers | None = None
    model: RewardModel | None = None
    alternatives: Alternatives | None = None
    probabilities: Probabilities = Probabilities.CONDITIONAL

    def __post_init__(self) -> None:
        _check_lengths(self)
        _check_range("logged_probability", self.logged_probability, np.nextafter(0.0, 1.0), 1.0)
        _check_range("target_probability", self.target_probability, 0.0, 1.0)
        _check_range("reward", self.reward, -np.inf, np.inf)
        if self.model is not None:
            _check_range("model.predicted", self.model.predicted, -np.inf, np.inf)
            _check_range("model.expected", self.model.expected, -np.inf, np.inf)
        _check_slots(self)

    def __len__(self) -> int:
        return len(self.decision)

    @property
    def clusters(self) -> Integers:
        """int64 [slots]: whose slots hang together. Persons where they are known, else decisions."""
        return self.decision if self.person is None else self.person


def _check_lengths(log: SlotLog) -> None:
    columns: dict[str, Floats | Integers] = {
        "position": log.position,
        "logged_probability": log.logged_probability,
        "target_probability": log.target_probability,
        "reward": log.reward,
    }
    if log.person is not None:
        columns["person"] = log.person
    if log.model is not None:
        columns |= {"model.predicted": log.model.predicted, "model.expected": log.model.expected}
    if not len(log):
        raise OffPolicyError("there is no slot to evaluate")
    for name, values in columns.items():
        if values.shape != log.decision.shape:
            raise OffPolicyError(f"{name} has shape {values.shape}, decision has {log.decision.shape}")


def _check_range(name: str, values: Floats, low: float, high: float) -> None:
    """Refuse NaN, infinity, and what lies outside, but for what rounding does to a sum of probabilities."""
    fits = np.isfinite(values) & (values >= low) & (values <= high + _ROUNDING)
    if not fits.all():
        row = int(np.argmin(fits))
        raise OffPolicyError(f"{name} must be finite and from {low:g} to {high:g}; row {row} is not")


def _check_slots(log: SlotLog) -> None:
    order = np.lexsort((log.position, log.decision))
    decision, position = log.decision[order], log.position[order]
    if ((decision[1:] == decision[:-1]) & (position[1:] == position[:-1])).any():
        raise OffPolicyError("a decision has the same position twice")
    if log.person is not None:
        person = log.person[order]
        if ((decision[1:] == decision[:-1]) & (person[1:] != person[:-1])).any():
            raise OffPolicyError("the slots of one decision belong to several persons")
