"""Everything that was shown, according to an export: when, and whether it was a success."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nextbest_models.logged.attribution import Attributed
from nextbest_models.logged.attributor import Attributor
from nextbest_models.logged.decisions import Integers, LoggedDecisions
from nextbest_models.logged.export import LogExport
from nextbest_models.progress import Progress

NOT_SETTLED = "propositions whose outcomes may still come in"
NOT_SHOWN = "propositions of which nobody said that they were shown"


@dataclass(frozen=True, slots=True, eq=False)
class Exposures:
    """Slots of some decisions that were shown and whose window has passed. slots: int64, their positions."""

    decisions: LoggedDecisions
    slots: Integers
    came: Attributed

    @property
    def times_ms(self) -> Integers:
        """When each was decided."""
        return self.decisions.times_ms[self.decisions.slots.decision[self.slots]]

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Whether each was a success."""
        return self.came.positive[self.slots]


@dataclass(slots=True)
class ExposureReader:
    """Reads an export with what came of it. `left_out` counts propositions, by the reason."""

    source: LogExport
    attributor: Attributor
    left_out: Counter[str] = field(default_factory=Counter)

    def batches(self, progress: Progress, step: str) -> Iterator[Exposures]:
        """Yield all exposures, the earliest day first.

        Raises:
            LoggedDataError: a file is damaged.
        """
        self.left_out.clear()
        for decisions in self.source.batches(progress=lambda _, done, total: progress(step, done, total)):
            came = self.attributor.came_of(decisions)
            self.left_out[NOT_SETTLED] += int((~came.settled).sum())
            self.left_out[NOT_SHOWN] += int((came.settled & ~came.shown).sum())
            yield Exposures(decisions, np.flatnonzero(came.settled & came.shown), came)
