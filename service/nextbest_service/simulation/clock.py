"""The time in a simulated world: weeks pass in seconds."""

from dataclasses import dataclass
from datetime import UTC, datetime

WEEK_DAYS = 7
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
FIRST_MONDAY_MS = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000)


@dataclass(slots=True)
class SteppedClock:
    """Shows what it was set to last, whatever the store's clock says."""

    time_ms: int = FIRST_MONDAY_MS

    def at(self, store_ms: int) -> int:  # noqa: ARG002 - the store lives in another time
        """Return the time as Unix milliseconds."""
        return self.time_ms


def moment_ms(round_: int, day: int, hour: int) -> int:
    """Return a moment of the simulation: rounds, a week each, and days count from 0."""
    return FIRST_MONDAY_MS + (round_ * WEEK_DAYS + day) * DAY_MS + hour * HOUR_MS
