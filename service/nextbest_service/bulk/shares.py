"""One process's share of a load: it reads all rows, and takes those of its own customers.

So the order of rows holds per customer, and nothing has to be passed between processes.
"""

import asyncio
import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any
from zlib import crc32

from nextbest_rules import Catalog, load_catalog
from nextbest_service.bulk.checkpoint import Place
from nextbest_service.bulk.desk import open_loader
from nextbest_service.bulk.entries import Entry, Mine, entries_of, events_of
from nextbest_service.bulk.kinds import Kind, fields_of
from nextbest_service.bulk.layouts import Layouts
from nextbest_service.bulk.mapping import Mapping
from nextbest_service.bulk.rejects import Reject, reject
from nextbest_service.bulk.results import Loader, Result
from nextbest_service.bulk.sources import Row, open_source
from nextbest_service.catalogs import find_catalog
from nextbest_service.clock import Clock
from nextbest_service.customers.incoming import Status
from nextbest_service.errors import (
    FieldViolation,
    InvalidRequestError,
    ServiceError,
    StartupError,
    StoreUnavailableError,
)

BATCH = 40_000
"""How much a process applies at once: the more, the more often several things are of one customer."""
_ROWS_EACH = 10
"""How many rows it reads for each of them at most."""
PATIENCE = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds to wait before rows that the store did not take are sent again."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to load and how. `store_url` may carry a password: not for logs."""

    kind: Kind
    files: tuple[Path, ...]
    catalog: str
    store_url: str
    mapping: Mapping
    clock: Clock
    start: Place = field(default_factory=Place)
    batch: int = BATCH


@dataclass(slots=True)
class Counts:
    """What became of the rows. An event of several rows counts once in all but `rows`."""

    rows: int = 0
    applied: int = 0
    duplicates: int = 0
    stale: int = 0
    rejected: int = 0

    def add(self, other: "Counts") -> None:
        """Add those of another share, or of another batch."""
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))


@dataclass(frozen=True, slots=True)
class Word:
    """What one share says after a batch: what it has done since its last word, and how far it has come."""

    share: int
    place: Place
    counts: Counts
    rejects: tuple[Reject, ...] = ()


@dataclass(slots=True)
class _Batch:
    """Entries of this share that wait to be applied, and how far reading has come."""

    place: Place
    entries: list[Entry[Any]] = field(default_factory=list)


_ENTRIES: dict[Kind, Callable[[Iterable[Row], Layouts[Any], Mine], Iterator[Entry[Any]]]] = {
    Kind.EVENTS: events_of
}


def load_share(task: Task, share: int, of: int, tell: Callable[[Word], None]) -> None:
    """Load the rows of one share of several, and say after each batch how far it has come.

    Raises:
        StartupError: a file cannot be read, or the store does not answer.
    """
    was_on = gc.isenabled()
    gc.disable()  # nothing here holds itself, and looking for it would take a fifth of the time
    try:
        asyncio.run(_load_share(task, share, of, tell))
    finally:
        if was_on:
            gc.enable()


async def _load_share(task: Task, share: int, of: int, tell: Callable[[Word], None]) -> None:
    catalog = load_catalog(find_catalog(task.catalog))
    async with open_loader(task.kind, catalog, task.store_url, task.clock) as loader:
        for number, path in enumerate(task.files[task.start.file :], start=task.start.file):
            start = task.start if number == task.start.file else Place(number)
            for batch in _batches(task, catalog, path, start, partial(_is_in, share, of)):
                results = await _results(loader, batch.entries)
                tell(_word(share, str(path), batch, results))
                gc.collect(0)
    tell(Word(share, Place(len(task.files)), Counts()))


def _batches(task: Task, catalog: Catalog, path: Path, start: Place, mine: Mine) -> Iterator[_Batch]:
    """Yield the entries of a file that belong to a share; the last batch may have none."""
    layouts = Layouts(fields_of(task.kind, catalog, task.mapping.reads_time()), task.mapping)
    entries = _ENTRIES.get(task.kind, entries_of)
    batch, rows = _Batch(start), 0
    for entry in entries(open_source(path).rows(start.position, start.line), layouts, mine):
        last = entry.rows[-1]
        batch.place = Place(start.file, last.position, last.line)
        rows += len(entry.rows)
        if entry.is_mine:
            batch.entries.append(entry)
        if len(batch.entries) >= task.batch or rows >= _ROWS_EACH * task.batch:
            yield batch
            batch, rows = _Batch(batch.place), 0
    yield batch


def _is_in(share: int, of: int, whom: str) -> bool:
    """Tell whether rows about somebody belong to a share; the first one takes what tells nobody."""
    if of == 1:
        return True
    return (crc32(whom.casefold().encode(errors="replace")) % of if whom else 0) == share


async def _results(loader: Loader, entries: Sequence[Entry[Any]]) -> list[Result]:
    """Return what became of each entry; what the store does not take now is tried again.

    Raises:
        StartupError: the store does not answer for too long.
    """
    results: dict[int, Result] = {}
    for place, entry in enumerate(entries):
        if entry.fault is not None:
            violation = FieldViolation(entry.fault.field, entry.fault.description)
            results[place] = InvalidRequestError([violation])
    for pause in chain(PATIENCE, [None]):
        waiting = [place for place in range(len(entries)) if place not in results]
        found = await _loaded(loader, [entries[place].message for place in waiting])
        results.update(
            (place, result)
            for place, result in zip(waiting, found, strict=True)
            if not isinstance(result, StoreUnavailableError)
        )
        if len(results) == len(entries):
            return [results[place] for place in range(len(entries))]
        if pause is not None:
            await asyncio.sleep(pause)
    raise StartupError("the store does not answer; run again with --resume once it does")


async def _loaded(loader: Loader, messages: Sequence[Any]) -> list[Result]:
    try:
        return await loader.load(messages)
    except StoreUnavailableError as error:
        return [error] * len(messages)


def _word(share: int, file: str, batch: _Batch, results: Sequence[Result]) -> Word:
    counts, rejects = Counts(), []
    for entry, result in zip(batch.entries, results, strict=True):
        counts.rows += len(entry.rows)
        if isinstance(result, ServiceError):
            counts.rejected += 1
            rejects.append(reject(file, entry.rows, result))
        else:
            _count(counts, result)
    return Word(share, batch.place, counts, tuple(rejects))


def _count(counts: Counts, status: Status) -> None:
    match status:
        case Status.APPLIED:
            counts.applied += 1
        case Status.DUPLICATE:
            counts.duplicates += 1
        case Status.STALE:
            counts.stale += 1
