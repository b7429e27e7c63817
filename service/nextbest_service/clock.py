"""Which time it is for decisions: the store's, so that one machine's wrong clock breaks no cap, or another.

The store tells its time with every read. A service can live at another moment: then its clock is that much
ahead or behind, or stands still.
"""

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Anything that turns the store's time into the service's."""

    def at(self, store_ms: int) -> int:
        """Return the service's time (Unix milliseconds) at a moment of the store's clock."""
        ...


@dataclass(frozen=True, slots=True)
class StoreClock:
    """The store's clock, or one that runs a fixed time ahead of it (`offset_ms` may be negative)."""

    offset_ms: int = 0

    @classmethod
    def starting_at(cls, start_ms: int, since_ms: int | None = None) -> "StoreClock":
        """Return a clock that showed `start_ms` at `since_ms` (now, if None), and runs at normal speed."""
        return cls(start_ms - (machine_ms() if since_ms is None else since_ms))

    def at(self, store_ms: int) -> int:
        """Return the service's time as Unix milliseconds."""
        return store_ms + self.offset_ms


@dataclass(frozen=True, slots=True)
class FixedClock:
    """A clock that stands still: for tests and for answers that must repeat to the last bit."""

    time_ms: int

    def at(self, store_ms: int) -> int:  # noqa: ARG002 - that is the point
        """Return the fixed time as Unix milliseconds."""
        return self.time_ms


def machine_ms() -> int:
    """Return this machine's time as Unix milliseconds: for start-up and for people, never for caps."""
    return time.time_ns() // 1_000_000
