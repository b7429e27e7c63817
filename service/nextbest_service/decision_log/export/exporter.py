"""Carries the log into files: in steps, each of which either has happened or will happen again.

A step writes its parts first and the position last. Rows that a killed step has written already are known by
their ids when it comes again.
"""

import base64
import fcntl
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import structlog

from nextbest_service.decision_log.entries import ID_BYTES, Entry, Kind, LogFormatError, digest_of
from nextbest_service.decision_log.export.action_sides import ActionSides
from nextbest_service.decision_log.export.parts import Parts, day_of
from nextbest_service.decision_log.export.position import BEGINNING, Position
from nextbest_service.decision_log.export.tables import decisions_table, gaps_table, outcomes_table
from nextbest_service.decision_log.gaps import Gap, place_order, places_after, read_erasure, read_gap
from nextbest_service.decision_log.logged_decision import LoggedDecision
from nextbest_service.decision_log.outcomes import LoggedOutcome, read_outcome
from nextbest_service.decision_log.source import LogSource, StreamState
from nextbest_service.errors import StartupError
from nextbest_service.store.keys import Ref

STEP = 5_000
"""Entries per step, and thus rows per part at most."""
TRIMMED = "the oldest entries made room before they were exported"
EMPTIED = "the log was emptied"

R = TypeVar("R", LoggedDecision, LoggedOutcome, Gap)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Report:
    """What an export did. `lost` is how many entries never came to it, `erased` how many rows it removed."""

    decisions: int = 0
    outcomes: int = 0
    gaps: int = 0
    lost: int = 0
    erased: int = 0
    unreadable: int = 0

    def plus(self, other: "Report") -> "Report":
        """Return both together."""
        return Report(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(slots=True)
class Exporter:
    """An export into one directory."""

    directory: Path
    source: LogSource
    step: int = STEP
    _decisions: Parts = field(init=False)
    _outcomes: Parts = field(init=False)
    _gaps: Parts = field(init=False)
    _sides: ActionSides = field(init=False)

    def __post_init__(self) -> None:
        """Lay out the directory."""
        self._decisions = Parts(self.directory / "decisions", "decision_id")
        self._outcomes = Parts(self.directory / "outcomes", "outcome_key")
        self._gaps = Parts(self.directory / "gaps", "gap_id")
        self._sides = ActionSides(self.directory / "action_sides")

    def run(self) -> Iterator[Report]:
        """Bring the files up to date, and yield what each step did.

        Raises:
            StartupError: another export writes to the directory, or its position is damaged.
        """
        with _alone(self.directory):
            for parts in (self._decisions, self._outcomes, self._gaps):
                parts.tidy()
            state = self.source.state()
            if state is not None:
                yield from self._brought_to(state)

    def _brought_to(self, state: StreamState) -> Iterator[Report]:
        position = Position.read(self.directory)
        if place_order(state.last) < place_order(position.place):
            yield self._lost(Gap(_id(EMPTIED, position), EMPTIED, _ms(position.place), _ms(state.first), 0))
            position = replace(position, place=BEGINNING, counted=0, settled=BEGINNING)
        erased = self.source.erasures()
        begun_at, told = position.place, len(erased) != position.erasures
        while position.is_behind(state.last):
            batch = self.source.after(position.place, state.last, self.step)
            if not batch.count:
                break
            report, removed = self._step(batch.entries, erased)
            told = told or any(entry.kind is Kind.ERASURE for entry in batch.entries)
            position = position.after(batch.place, batch.count + places_after(removed, position.settled))
            position.write(self.directory)
            yield report
        if told:
            yield Report(erased=self._forget(erased))
        gap = self._missing(position, state, begun_at)
        if gap is not None and (gap.lost or not told):  # erased entries may have been counted twice
            yield self._lost(gap)
        Position(state.last, state.added, state.last, len(erased)).write(self.directory)

    def _missing(self, position: Position, state: StreamState, begun_at: str) -> Gap | None:
        """Return what was lost between where this run began and where it ends."""
        lost = state.added - position.counted
        now = self.source.state() or state
        if lost > 0 and place_order(now.first) > place_order(begun_at):
            return Gap(_id(TRIMMED, position), TRIMMED, _ms(begun_at), _ms(now.first), lost)
        if lost < 0:
            return Gap(_id(EMPTIED, position), EMPTIED, _ms(begun_at), _ms(now.first), 0)
        return None

    def _step(self, entries: Sequence[Entry], erased: Mapping[bytes, int]) -> tuple[Report, Sequence[str]]:
        """Write the rows of some entries; return what was written, and the places that were emptied."""
        found = _Found.in_entries(self.source, entries, erased)
        if not entries:
            return Report(), ()
        name = f"{entries[0].place}-to-{entries[-1].place}"
        self._sides.add({it.legend.action_side for it in found.decisions}, self.source)
        written = Report(
            decisions=_add(self._decisions, name, found.decisions, decisions_table),
            outcomes=_add(self._outcomes, name, found.outcomes, outcomes_table),
            gaps=_add(self._gaps, name, found.gaps, gaps_table),
            lost=sum(gap.lost for gap in found.gaps),
            unreadable=found.unreadable,
        )
        return written, found.removed

    def _lost(self, gap: Gap) -> Report:
        log.warning("decision_log_gap", reason=gap.reason, lost=gap.lost)
        return Report(gaps=_add(self._gaps, f"found-{gap.id.hex()}", [gap], gaps_table), lost=gap.lost)

    def _forget(self, erased: Mapping[bytes, int]) -> int:
        """Remove the rows of persons who were erased since; return how many there were."""
        return self._decisions.remove_rows(
            ["customer", "decided_at"], lambda table: _of_erased(table, "decided_at", erased)
        ) + self._outcomes.remove_rows(
            ["customer", "received_at"], lambda table: _of_erased(table, "received_at", erased)
        )


@dataclass(slots=True)
class _Found:
    """What some entries hold, without anything about persons who were erased since."""

    decisions: list[LoggedDecision] = field(default_factory=list)
    outcomes: list[LoggedOutcome] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unreadable: int = 0

    @classmethod
    def in_entries(cls, source: LogSource, entries: Sequence[Entry], erased: Mapping[bytes, int]) -> "_Found":
        found = cls()
        for entry in entries:
            try:
                found.take(source, entry, erased)
            except LogFormatError as error:
                log.error("decision_log_unreadable", place=entry.place, error=str(error))
                found.unreadable += 1
        return found

    def take(self, source: LogSource, entry: Entry, erased: Mapping[bytes, int]) -> None:
        match entry.kind:
            case Kind.DECISION:
                decision = source.decision(entry)
                if not _is_erased(decision.customer, decision.decided_at_ms, erased):
                    self.decisions.append(decision)
            case Kind.OUTCOME:
                outcome = read_outcome(entry)
                if not _is_erased(outcome.customer, outcome.received_ms, erased):
                    self.outcomes.append(outcome)
            case Kind.GAP:
                self.gaps.append(read_gap(entry))
            case Kind.ERASURE:
                self.removed.extend(read_erasure(entry).places)


def _is_erased(customer: Ref, at_ms: int, erased: Mapping[bytes, int]) -> bool:
    return bool(erased) and at_ms <= erased.get(digest_of(customer), -1)


def _of_erased(table: pa.Table, time_column: str, erased: Mapping[bytes, int]) -> pa.Array:
    names = table["customer"].to_pylist()
    until = {name: erased.get(digest_of(base64.urlsafe_b64decode(name)), -1) for name in {*names}}
    times_ms = table[time_column].cast(pa.int64()).to_pylist()
    return pa.array([at_ms <= until[name] for name, at_ms in zip(names, times_ms, strict=True)], pa.bool_())


def _add(parts: Parts, name: str, rows: Sequence[R], table: Callable[[Sequence[R]], pa.Table]) -> int:
    days: dict[date, list[R]] = {}
    for row in rows:
        days.setdefault(day_of(_at_ms(row)), []).append(row)
    return sum(parts.add(day, name, table(of_day)) for day, of_day in days.items())


def _at_ms(row: LoggedDecision | LoggedOutcome | Gap) -> int:
    match row:
        case LoggedDecision():
            return row.decided_at_ms
        case LoggedOutcome():
            return row.at_ms
        case Gap():
            return row.to_ms


def _id(reason: str, position: Position) -> bytes:
    """Return the id of a gap that was found after a position: the same when it is found again."""
    return hashlib.sha256(f"{reason}\0{position.settled}".encode()).digest()[:ID_BYTES]


def _ms(place: str) -> int:
    return place_order(place)[0]


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep other exports out of a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartupError(f"another export writes to {directory}") from error
        yield
