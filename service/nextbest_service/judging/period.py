"""Which decisions of an export are looked at: those of a period, and of many a sample."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow.parquet as pq

from nextbest_models.logged.export import LogExport
from nextbest_models.logged.tables import milliseconds

_HASHES = 1 << 32
_END_OF_TIME = 1 << 62


@dataclass(frozen=True, slots=True)
class Period:
    """Decisions from and before two times in Unix milliseconds."""

    since_ms: int = 0
    until_ms: int = _END_OF_TIME

    @classmethod
    def of(cls, since: datetime | None, until: datetime | None) -> "Period":
        """Return the period from a time on and before another; None is open."""
        return cls(
            round(since.timestamp() * 1000) if since else 0,
            round(until.timestamp() * 1000) if until else _END_OF_TIME,
        )

    def holds(self, time_ms: int) -> bool:
        """Tell whether a time lies in the period."""
        return self.since_ms <= time_ms < self.until_ms

    def count(self, export: LogExport) -> int:
        """Return how many decisions of an export lie in the period."""
        return sum(
            int(np.count_nonzero((times >= self.since_ms) & (times < self.until_ms)))
            for times in _times(export)
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """A part of all decisions, drawn by their ids: the same ones every time."""

    share: float

    @classmethod
    def of(cls, export: LogExport, period: Period, most: int) -> "Sample":
        """Return a sample of about `most` decisions of a period, all of them if there are not more."""
        return cls(most / max(1, period.count(export)))

    def holds(self, decision_id: str) -> bool:
        """Tell whether a decision is in the sample."""
        return zlib.crc32(decision_id.encode()) < self.share * _HASHES


def _times(export: LogExport) -> Iterator[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    for part in export.decision_parts:
        yield milliseconds(pq.read_table(part, columns=["decided_at"], partitioning=None)["decided_at"])
