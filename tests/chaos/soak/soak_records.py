"""What is written down while a service is soaked. Times are seconds since the steady load began."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Sample(NamedTuple):
    """What a service looked like at a moment. Memory is in MiB, `lag_ms` the mean since the sample before.

    `ran` and `waited` are seconds of its main thread since its start: with a core, and ready without one.
    """

    at: float
    rss: float
    store_rss: float
    fds: int
    threads: int
    under_way: float
    breaker_open: bool
    log_waiting: float
    log_lost: float
    lag_ms: float
    ran: float
    waited: float


class Mark(NamedTuple):
    """Something that was done to the service. `what` is `fault`, `good reload` or `broken reload`."""

    what: str
    name: str
    began: float
    ended: float
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Questions:
    """All questions in the order of their plan: seconds, seconds, whether OK, whether the answer was full."""

    planned: Floats
    ended: Floats
    ok: NDArray[np.bool_]
    full: NDArray[np.bool_]

    @property
    def waits_ms(self) -> Floats:
        """Return from the planned moment to the answer."""
        return np.asarray(1e3 * (self.ended - self.planned))


@dataclass(frozen=True, slots=True)
class Record:
    """A whole run. `violations` are broken invariants; `kept` outcomes and events were looked up."""

    seconds: float
    peak: float
    rate: float
    samples: Sequence[Sample]
    marks: Sequence[Mark]
    questions: Questions
    violations: Sequence[str]
    kept: int
    customers: int
    refused: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def faults(self) -> list[Mark]:
        """Return the faults."""
        return [it for it in self.marks if it.what == "fault"]
