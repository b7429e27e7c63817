"""Counts every event and outcome once, whatever name it comes under and however often."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

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


def status_of(person: Person, stamp: Stamp, time_ms: int, memory: Memory) -> Status:
    """Tell whether an item is new to a person.

    An item that is so late that its id would not be remembered any more is stale: nobody could tell whether it
    was counted.

    Raises:
        ReusedEventIdError: another item of the same id was counted.
    """
    newest_ms = 0
    for portion in person.portions:
        for seen in portion.seen:
            if seen.key == stamp.key:
                if seen.body != stamp.body:
                    raise ReusedEventIdError
                return Status.DUPLICATE
            newest_ms = max(newest_ms, seen.at_ms)
    return Status.STALE if _forgotten(day_of(time_ms), newest_ms, memory) else Status.APPLIED


def noted(
    portion: Portion, stamp: Stamp, time_ms: int, counted: tuple[StreamEvent, ...], features: OnlineFeatures
) -> Portion:
    """Return the portion with an item counted."""
    seen = (*portion.seen, Seen(stamp.key, stamp.body, day_of(time_ms), counted))
    if not counted:
        return replace(portion, seen=seen)
    state = features.empty if portion.features is None else portion.features
    return replace(portion, seen=seen, features=features.with_events(state, counted))


def remembered(
    seen: Sequence[Seen], memory: Memory, settle_ms: int, now_ms: int
) -> tuple[Seen, ...]:
    """Return the items of a portion that must still be known, without contributions that are settled.

    Measured by the portion's own newest item, so that it stays as true when the portion is unlinked.
    """
    newest_ms = max((item.at_ms for item in seen), default=0)
    kept = (item for item in seen if not _forgotten(item.at_ms, newest_ms, memory))
    return tuple(
        item._replace(counted=()) if item.counted and item.at_ms + settle_ms < now_ms else item
        for item in kept
    )


def day_of(time_ms: int) -> int:
    """Return the first millisecond of the day: all that is remembered of when an item happened."""
    return time_ms - time_ms % DAY_MS



def _forgotten(day_ms: int, newest_ms: int, memory: Memory) -> bool:
    return day_ms + memory.late_events_ms < newest_ms
