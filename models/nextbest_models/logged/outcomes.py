"""What was reported of logged propositions: the table of outcomes, found by decision."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nextbest_models.logged.decisions import Integers, LoggedDataError, LoggedDecisions, LoggedOutcomes
from nextbest_models.logged.tables import milliseconds, positions, texts

_COLUMNS = ("outcome_key", "type", "at", "decision_id", "action", "placement", "amount")


@dataclass(slots=True)
class OutcomeReader:
    """The outcomes of an export. Days are read when they are needed; those of the past are forgotten."""

    directory: Path
    _days: dict[date, pa.Table] = field(default_factory=dict)

    def of(self, decisions: LoggedDecisions, window_ms: int) -> LoggedOutcomes:
        """Return what happened to the slots of some decisions up to a while after each.

        What came later may be among it. Ask in the order of the decisions' days.

        Raises:
            LoggedDataError: a file is damaged.
        """
        if not len(decisions):
            nothing = np.empty(0, np.int64)
            return LoggedOutcomes(nothing, np.empty(0, np.str_), nothing, np.empty(0, np.float64))
        table = self._between(_day(decisions.times_ms.min()), _day(decisions.times_ms.max() + window_ms))
        decision = positions(table["decision_id"], decisions.ids)
        table, decision = table.filter(decision >= 0), decision[decision >= 0]
        slot = _slot_of(decisions, decision, table)
        _, first = np.unique(texts(table["outcome_key"]), return_index=True)
        kept = first[slot[first] >= 0]
        return LoggedOutcomes(
            slot=slot[kept],
            type=texts(table["type"])[kept],
            after_ms=milliseconds(table["at"])[kept] - decisions.times_ms[decision[kept]],
            amount=table["amount"].to_numpy()[kept],
        )

    def _between(self, first: date, last: date) -> pa.Table:
        wanted = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        self._days = {day: self._days[day] if day in self._days else self._day(day) for day in wanted}
        return pa.concat_tables(self._days.values())

    def _day(self, day: date) -> pa.Table:
        return pa.concat_tables([_NOTHING, *self._parts(day)])

    def _parts(self, day: date) -> Iterator[pa.Table]:
        for part in sorted((self.directory / "outcomes" / f"day={day}").glob("part-*.parquet")):
            try:
                yield pq.ParquetFile(part).read(columns=[*_COLUMNS]).select(_COLUMNS).cast(_NOTHING.schema)
            except (pa.ArrowInvalid, OSError, KeyError) as error:
                raise LoggedDataError(f"{part} is damaged: {error}") from error


_NOTHING = pa.schema(
    [
        (name, {"at": pa.timestamp("ms", tz="UTC"), "amount": pa.float64()}.get(name, pa.string()))
        for name in _COLUMNS
    ]
).empty_table()


def _slot_of(decisions: LoggedDecisions, decision: Integers, table: pa.Table) -> Integers:
    """Return the slot of each outcome, -1 where nothing like it was offered."""
    slots, actions = decisions.slots, max(len(decisions.side.actions), 1)
    placements, placed = np.unique(slots.placement, return_inverse=True)
    size = max(len(placements), 1)
    offered = (slots.decision * size + placed) * actions + decisions.candidates.rows[slots.candidate]
    action = positions(table["action"], decisions.side.actions)
    place = positions(table["placement"], placements)
    met = (decision * size + place) * actions + action
    order = np.argsort(offered, kind="stable")
    found = np.searchsorted(offered, met, sorter=order)
    slot = np.append(order, -1)[found]
    known = (action >= 0) & (place >= 0) & (np.append(offered, -1)[slot] == met)
    return np.where(known, slot, -1).astype(np.int64)


def _day(time_ms: int) -> date:
    return datetime.fromtimestamp(int(time_ms) / 1000, tz=UTC).date()
