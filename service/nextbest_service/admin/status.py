"""How a server is: whether it takes calls, what it runs on, and which of its parts work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from nextbest_service.admin.kills import KillSwitch
from nextbest_service.clock import machine_ms
from nextbest_service.decisions.generation import Generation
from nextbest_service.errors import StoreUnavailableError
from nextbest_service.reload.findings import Finding, Part
from nextbest_service.reload.health import Condition, Health


class Log(Protocol):
    """What is to be known of the decision log."""

    @property
    def gap_is_open(self) -> bool:
        """Whether decisions were lost that the log does not know of yet."""

    @property
    def dropped(self) -> int:
        """How many decisions were not recorded since the start."""


class Serving(StrEnum):
    """Whether a server takes calls."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


class Status(NamedTuple):
    """How a server is. Times are Unix milliseconds; `killed` is None where the store does not tell."""

    serving: Serving
    generation: Generation | None
    started_ms: int
    clock_ms: int
    killed: int | None
    parts: Mapping[Part, Condition]


@dataclass(frozen=True, slots=True)
class Overview:
    """Tells how one process is."""

    generation: Callable[[], Generation | None]
    draining: Callable[[], bool]
    health: Health
    condition: Callable[[], Mapping[Part, Condition]]
    log: Log
    kills: KillSwitch
    started_ms: int

    async def status(self) -> Status:
        """Return the status; whatever does not answer is in it."""
        killed, clock_ms = await self._killed()
        if self.log.gap_is_open:
            lost = f"{self.log.dropped} decisions were not recorded since the start"
            self.health.fails([Finding(Part.DECISION_LOG, lost)])
        else:
            self.health.works(Part.DECISION_LOG)
        return Status(self._serving(), self.generation(), self.started_ms, clock_ms, killed, self.condition())

    async def _killed(self) -> tuple[int | None, int]:
        """Return how many actions of the catalog are killed, and what time it is."""
        generation = self.generation()
        index = generation.catalog.index if generation else {}
        try:
            stopped = await self.kills.stopped()
        except StoreUnavailableError as error:
            self.health.fails([Finding(Part.STORE, error.message)])
            return None, self.kills.clock.at(machine_ms())
        self.health.works(Part.STORE)
        return len(stopped.kills.keys() & index.keys()), stopped.now_ms

    def _serving(self) -> Serving:
        if self.draining():
            return Serving.DRAINING
        return Serving.STARTING if self.generation() is None else Serving.SERVING
