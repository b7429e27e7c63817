"""The offline event log: everything that happened, as columns sorted by time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityKeys


class HistoryError(ValueError):
    """An event log is not sorted, has columns of different lengths, or lacks what a feature is defined on."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Events of one kind in ascending order of time.

    customers: int64, positions in `EventLog.customers`.
    times_ms: int64, Unix milliseconds.
    values: float64 numbers of each event, by name.
    """

    customers: NDArray[np.int64]
    times_ms: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]

    def __post_init__(self) -> None:
        _check_columns(self.times_ms, [self.customers, *self.values.values()])

    def __len__(self) -> int:
        return len(self.times_ms)

    def before(self, as_of_ms: int) -> "Stream":
        """Return the events strictly before a moment, without copying."""
        end = int(np.searchsorted(self.times_ms, as_of_ms, side="left"))
        values = {name: column[:end] for name, column in self.values.items()}
        return Stream(self.customers[:end], self.times_ms[:end], values)

    @classmethod
    def sorted(
        cls,
        customers: NDArray[np.int64],
        times_ms: NDArray[np.int64],
        values: Mapping[str, NDArray[np.float64]],
    ) -> "Stream":
        """Build a stream from events in any order; events of the same moment keep their order."""
        order = np.argsort(times_ms, kind="stable")
        return cls(
            customers[order], times_ms[order], {name: column[order] for name, column in values.items()}
        )


@dataclass(frozen=True, slots=True)
class Touches:
    """Which affinity keys of one family the events of a stream touched: one row per event and key, by time.

    keys: int64 ids. values: as in `Stream`, but only what fell on the key.
    """

    stream: Stream
    keys: NDArray[np.int64]

    def __post_init__(self) -> None:
        _check_columns(self.stream.times_ms, [self.keys])

    def before(self, as_of_ms: int) -> "Touches":
        """Return the touches strictly before a moment, without copying."""
        stream = self.stream.before(as_of_ms)
        return Touches(stream, self.keys[: len(stream)])


@dataclass(frozen=True, slots=True)
class EventLog:
    """Streams of events by name, and touches by family, of a fixed sequence of customers."""

    customers: Sequence[str]
    streams: Mapping[str, Stream]
    touches: Mapping[str, Touches]
    keys: AffinityKeys

    def before(self, as_of_ms: int) -> "EventLog":
        """Return the log as it stood at a moment: events strictly before it."""
        return EventLog(
            self.customers,
            {name: stream.before(as_of_ms) for name, stream in self.streams.items()},
            {family: touches.before(as_of_ms) for family, touches in self.touches.items()},
            self.keys,
        )

    def stream(self, name: str) -> Stream:
        """Return a stream.

        Raises:
            HistoryError: the log has none of this name.
        """
        if name not in self.streams:
            raise HistoryError(f"the event log has no '{name}' (it has {', '.join(sorted(self.streams))})")
        return self.streams[name]


def _check_columns(times_ms: NDArray[np.int64], columns: Sequence[NDArray[np.generic]]) -> None:
    if any(len(column) != len(times_ms) for column in columns):
        raise HistoryError("columns of an event stream differ in length")
    if np.any(times_ms[1:] < times_ms[:-1]):
        raise HistoryError("an event stream is not in ascending order of time")
