"""What outcomes mean for learning: was a proposition shown, was it a success, and what did it bring."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from nextbest_models.definitions import DAY_MS
from nextbest_models.logged.decisions import Flags, Integers, LoggedDecisions, LoggedOutcomes
from nextbest_models.pairs import Floats

PositiveType: TypeAlias = Literal["DISPLAYED", "DELIVERED", "OPENED", "CLICKED", "ACCEPTED", "CONVERTED"]
NEVER_SHOWN = ("FAILED", "WITHHELD")
"""What says that a proposition did not reach anybody. Every other outcome says that it was seen."""


class AttributionPlan(BaseModel):
    """How outcomes are read.

    `positives` make a proposition a success if they come within `window_days` of the decision. It counts as
    shown if any outcome says that somebody saw it, a success and a no among them; with `assume_shown` unless
    one says that nobody did.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    positives: tuple[PositiveType, ...] = Field(default=("CLICKED", "ACCEPTED", "CONVERTED"), min_length=1)
    window_days: float = Field(default=7.0, gt=0, le=365)
    assume_shown: bool = False

    @property
    def window_ms(self) -> int:
        """The window in milliseconds."""
        return round(self.window_days * DAY_MS)

    def settled(self, times_ms: Integers, end_ms: int) -> Flags:
        """Return for which times of decisions the window had passed when the log ended."""
        return times_ms + self.window_ms <= end_ms


@dataclass(frozen=True, slots=True, eq=False)
class Attributed:
    """What came of slots, one entry each.

    settled: bool, whether the window had passed when the log ended: of the others nothing can be said yet.
    shown, positive: bool. reward: float64, the amounts of all positive outcomes together.
    """

    settled: Flags
    shown: Flags
    positive: Flags
    reward: Floats


def attribute(
    decisions: LoggedDecisions, outcomes: LoggedOutcomes, plan: AttributionPlan, end_ms: int
) -> Attributed:
    """Return what came of each slot. `end_ms` (Unix milliseconds) is up to when outcomes are known.

    What came before its decision, or after the window, does not count.
    """
    size, window_ms = len(decisions.slots), plan.window_ms
    counts = (outcomes.after_ms >= 0) & (outcomes.after_ms <= window_ms)
    slot, types, amount = outcomes.slot[counts], outcomes.type[counts], outcomes.amount[counts]
    good = np.isin(types, plan.positives)
    unseen = np.isin(types, NEVER_SHOWN)
    seen = _flags(slot[~unseen], size)
    return Attributed(
        settled=plan.settled(decisions.times_ms, end_ms)[decisions.slots.decision],
        shown=seen | ~_flags(slot[unseen], size) if plan.assume_shown else seen,
        positive=_flags(slot[good], size),
        reward=np.bincount(slot[good], amount[good], minlength=size).astype(np.float64),
    )


def _flags(slots: Integers, size: int) -> Flags:
    flags = np.zeros(size, dtype=np.bool_)
    flags[slots] = True
    return flags
