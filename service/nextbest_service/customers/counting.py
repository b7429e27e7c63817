"""Counts every event and outcome once, whatever name it comes under and however often."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import grpc

from nextbest_models.online import OnlineFeatures, StreamEvent
from nextbest_rules.catalog import Memory
from nextbest_rules.durations import DAY_MS
from nextbest_service.customers.incoming import Stamp, Status
from nextbest_service.customers.person import Person
from nextbest_service.customers.portion import Portion, Seen
from nextbest_service.errors import ServiceError


class ReusedEventIdError(ServiceError):
    """An id that was counted came again, with another body."""

    status = grpc.StatusCode.ALREADY_EXISTS
    reason = "REUSED_EVENT_ID"

    def __init__(self) -> None:
        super().__init__("the source has used this id already, for something else")


@dataclass(slots=True)
class Ledger:
    """Takes items one after the other and tells the new ones; holds what is to be written down of these.

    An item that is so late that its id would not be remembered any more is stale: nobody could tell whether
    it was counted.
    """

    memory: Memory
    _bodies: dict[bytes, int]
    _newest_ms: int
    _seen: list[Seen] = field(default_factory=list)

    @classmethod
    def of(cls, person: Person, memory: Memory) -> "Ledger":
        """Open the ledger of a person."""
        seen = [item for portion in person.portions for item in portion.seen]
        return cls(
            memory, {item.key: item.body for item in seen}, max((item.at_ms for item in seen), default=0)
        )

    def status(self, stamp: Stamp, time_ms: int) -> Status:
        """Tell whether an item is new.

        Raises:
            ReusedEventIdError: another item of the same id was counted.
        """
        body = self._bodies.get(stamp.key)
        if body is not None:
            if body != stamp.body:
                raise ReusedEventIdError
            return Status.DUPLICATE
        return Status.STALE if _forgotten(day_of(time_ms), self._newest_ms, self.memory) else Status.APPLIED

    def enter(self, stamp: Stamp, time_ms: int, counted: tuple[StreamEvent, ...]) -> None:
        """Write a new item down, with what features count of it."""
        seen = Seen(stamp.key, stamp.body, day_of(time_ms), counted)
        self._bodies[seen.key] = seen.body
        self._newest_ms = max(self._newest_ms, seen.at_ms)
        self._seen.append(seen)

    def closed(self, portion: Portion, features: OnlineFeatures) -> Portion:
        """Return a portion with everything that was written down."""
        if not self._seen:
            return portion
        counted = [event for seen in self._seen for event in seen.counted]
        state = portion.features
        if counted:
            state = features.with_events(features.empty if state is None else state, counted)
        return portion._replace(seen=(*portion.seen, *self._seen), features=state)


def remembered(seen: Sequence[Seen], memory: Memory, settle_ms: int, now_ms: int) -> tuple[Seen, ...]:
    """Return the items of a portion that must still be known, without contributions that are settled.

    Measured by the portion's own newest item, so that it stays true when the portion is unlinked.
    """
    newest_ms = max((item.at_ms for item in seen), default=0)
    return tuple(
        item._replace(counted=()) if item.counted and item.at_ms + settle_ms < now_ms else item
        for item in seen
        if not _forgotten(item.at_ms, newest_ms, memory)
    )


def day_of(time_ms: int) -> int:
    """Return the first millisecond of the day: all that is remembered of when an item happened."""
    return time_ms - time_ms % DAY_MS


def _forgotten(day_ms: int, newest_ms: int, memory: Memory) -> bool:
    return day_ms + memory.late_events_ms < newest_ms
