"""What waits for the decision log: so many, and what is lost beyond is told once, however often it takes."""

from dataclasses import dataclass
from typing import Any

from nextbest_service.decision_log.pending import Pending


@dataclass(frozen=True)
class Record:
    """As much of a record as the queue looks at."""

    at_ms: int


def full(room: int) -> Pending:
    pending = Pending(room)
    for number in range(room):
        assert add(pending, number)
    return pending


def add(pending: Pending, at_ms: int) -> bool:
    record: Any = Record(at_ms)
    return pending.add(record)


def test_records_leave_in_order_once_they_are_written() -> None:
    pending = full(3)
    assert [record.at_ms for record in pending.first(2)] == [0, 1]
    assert [record.at_ms for record in pending.first(2)] == [0, 1]
    pending.written(2)
    assert [record.at_ms for record in pending.first(9)] == [2]
    assert not pending.gap_is_open


def test_what_does_not_fit_is_a_gap_until_the_log_is_told() -> None:
    pending = full(2)
    assert [add(pending, at_ms) for at_ms in (10, 30, 20)] == [False] * 3
    gap = pending.gap_to_tell()
    assert gap is not None
    assert (gap.from_ms, gap.to_ms, gap.lost, pending.dropped) == (10, 30, 3, 3)
    assert pending.gap_is_open
    pending.written(2)
    assert not pending.gap_is_open
    assert pending.gap_to_tell() is None


def test_a_gap_that_is_being_told_does_not_grow_so_that_telling_it_twice_is_harmless() -> None:
    pending = full(1)
    add(pending, 10)
    first = pending.gap_to_tell()
    add(pending, 11)
    assert pending.gap_to_tell() == first
    pending.written(0)
    assert pending.gap_is_open
    second = pending.gap_to_tell()
    assert first is not None
    assert second is not None
    assert (second.lost, second.from_ms) == (1, 11)
    assert second.id != first.id
