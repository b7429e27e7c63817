"""From rows to what they tell: one message per row, but one event per run of rows that share its id."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from nextbest_service.bulk.event_drafts import EventDraft
from nextbest_service.bulk.layouts import ColumnError, Layouts
from nextbest_service.bulk.sources import Row

M = TypeVar("M")
MAX_LINES = 1000
"""How many rows one event may have: as many as an event has items."""


Mine: TypeAlias = Callable[[str], bool]
"""Tells whether this process takes the rows about somebody."""


@dataclass(slots=True)
class Entry(Generic[M]):
    """What one row tells, or the rows of one event; None and a fault where that cannot be read.

    Of what other processes take there are only the last row, no message and no fault.
    """

    rows: list[Row]
    message: M | None
    fault: ColumnError | None = None

    @property
    def is_mine(self) -> bool:
        """Whether this process takes it."""
        return self.message is not None or self.fault is not None


def entries_of(rows: Iterable[Row], layouts: Layouts[M], mine: Mine) -> Iterator[Entry[M]]:
    """Yield one entry per row."""
    for row in rows:
        yield _entry(row, layouts, mine)


def events_of(rows: Iterable[Row], layouts: Layouts[EventDraft], mine: Mine) -> Iterator[Entry[EventDraft]]:
    """Yield one entry per event: neighbours that differ in nothing but their line are lines of one event."""
    event: Entry[EventDraft] | None = None
    whole: object = None
    for row in rows:
        told = None if row.fault else layouts.of(row.columns).whole
        common = None if told is None else told(row.cells)
        if event is not None and common is not None and common == whole and _takes(event, row):
            _extend(event, row, layouts)
            continue
        if event is not None:
            yield event
        event, whole = _entry(row, layouts, mine), common
    if event is not None:
        yield event


def _entry(row: Row, layouts: Layouts[M], mine: Mine) -> Entry[M]:
    whom = "" if row.fault else layouts.whom(row.columns, row.cells)
    if not mine(whom):
        return Entry([row], None)
    if row.fault:
        return Entry([row], None, ColumnError("", row.fault))
    try:
        return Entry([row], layouts.message(row.columns, row.cells))
    except ColumnError as fault:
        return Entry([row], None, fault)


def _takes(event: Entry[EventDraft], row: Row) -> bool:
    """Tell whether a row may be one more line of an event, told in the same columns."""
    first, draft = event.rows[0], event.message
    return (
        (draft is None or draft.id != "")
        and len(event.rows) < MAX_LINES
        and (row.columns is first.columns or row.columns == first.columns)
    )


def _extend(event: Entry[EventDraft], row: Row, layouts: Layouts[EventDraft]) -> None:
    """Add a line to an event; one that cannot be read makes the whole event unreadable."""
    if not event.is_mine:
        event.rows[0] = row
        return
    event.rows.append(row)
    if event.message is None:
        return
    try:
        event.message.items += layouts.line(row.columns, row.cells).items
    except ColumnError as fault:
        event.fault = event.fault or fault
