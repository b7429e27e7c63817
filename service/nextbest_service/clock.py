"""The service's only source of wall-clock time, so that a service can live at a past moment."""

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Anything that tells the time."""

    def now_ms(self) -> int:
        """Return the time as Unix milliseconds."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Return the machine's time as Unix milliseconds."""
        return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class ShiftedClock:
    """A clock that was set to another time and ticks on from there."""

    offset_ms: int

    @classmethod
    def starting_at(cls, start_ms: int) -> "ShiftedClock":
        """Return a clock that shows `start_ms` (Unix milliseconds) now and runs at normal speed."""
        return cls(start_ms - SystemClock().now_ms())

    def now_ms(self) -> int:
        """Return the shifted time as Unix milliseconds."""
        return SystemClock().now_ms() + self.offset_ms


@dataclass(frozen=True, slots=True)
class FixedClock:
    """A clock that stands still: for tests and for answers that must repeat to the last bit."""

    time_ms: int

    def now_ms(self) -> int:
        """Return the fixed time as Unix milliseconds."""
        return self.time_ms
