"""What waits to be written, as much of it as there is room for; the rest is counted."""

import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from nextbest_service.decision_log.decisions import DecisionRecord
from nextbest_service.decision_log.entries import ID_BYTES, Entry
from nextbest_service.decision_log.gaps import Gap
from nextbest_service.decision_log.legend import Legend

REASON = "more was decided than could be written"


@dataclass(slots=True)
class Waiting:
    """A decision on its way: a record until it is packed, then an entry, a tenth as large."""

    at_ms: int
    legend: Legend
    record: DecisionRecord | None
    entry: Entry | None = None

    @classmethod
    def of(cls, record: DecisionRecord) -> "Waiting":
        """Return what waits of a record."""
        return cls(record.at_ms, record.legend, record)

    def packed(self) -> Entry:
        """Return the entry; what it is made of is let go."""
        if self.entry is None:
            assert self.record is not None
            self.entry, self.record = self.record.entry(), None
        return self.entry


@dataclass(slots=True)
class Pending:
    """A queue with room for so many records. Those that do not fit make a gap, open until the log is told.

    `dropped` is how many records were lost since the start.
    """

    room: int
    dropped: int = 0
    _records: deque[Waiting] = field(default_factory=deque)
    _gap: Gap | None = None
    _being_told: Gap | None = None

    def __len__(self) -> int:
        return len(self._records)

    @property
    def gap_is_open(self) -> bool:
        """Whether records were lost and the log does not know yet."""
        return self._gap is not None or self._being_told is not None

    def add(self, record: Waiting) -> bool:
        """Put a record at the end; tell whether there was room."""
        if len(self._records) < self.room:
            self._records.append(record)
            return True
        self.lose([record])
        return False

    def lose(self, records: Sequence[Waiting]) -> None:
        """Count records that will never be written."""
        for record in records:
            self.miss(record.at_ms)

    def miss(self, at_ms: int) -> None:
        """Count a record of then that will never be written."""
        self.dropped += 1
        if self._gap is None:
            self._gap = Gap(secrets.token_bytes(ID_BYTES), REASON, at_ms, at_ms, 0)
        self._gap = replace(self._gap, to_ms=max(at_ms, self._gap.to_ms), lost=self._gap.lost + 1)

    def first(self, most: int) -> Sequence[Waiting]:
        """Return the first records; they stay until they are `written`."""
        return [*islice(self._records, most)]

    def gap_to_tell(self) -> Gap | None:
        """Return the gap that the log should be told of: the same one until it is `written`."""
        if self._being_told is None:
            self._being_told, self._gap = self._gap, None
        return self._being_told

    def written(self, count: int) -> None:
        """Forget the first records, and the gap that was to be told."""
        for _ in range(count):
            self._records.popleft()
        self._being_told = None
