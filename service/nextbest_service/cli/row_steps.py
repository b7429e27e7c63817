"""The work behind `load profiles|features|events|outcomes|products`, free of any printing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from nextbest_models.progress import Progress
from nextbest_rules import Catalog, Diagnostic, load_catalog
from nextbest_service.bulk.checkpoint import Checkpoint, Place
from nextbest_service.bulk.kinds import Kind, fields_of
from nextbest_service.bulk.layouts import ColumnError, Layouts
from nextbest_service.bulk.mapping import Mapping, read_mapping
from nextbest_service.bulk.rejects import RejectsFile
from nextbest_service.bulk.run import Running, jobs_for, load_files
from nextbest_service.bulk.shares import Task
from nextbest_service.bulk.sources import Source, open_source
from nextbest_service.catalogs import find_catalog
from nextbest_service.clock import Clock, StoreClock
from nextbest_service.home import Home
from nextbest_service.store.where import store_url
from nextbest_service.yaml_files import BrokenFileError


@dataclass(frozen=True, slots=True)
class Order:
    """What to load, as the user says it. `jobs` 0 is as many as is sensible."""

    kind: Kind
    files: tuple[Path, ...]
    mapping: Path | None = None
    source: str = ""
    jobs: int = 0
    resume: bool = False
    rejects: Path | None = None
    clock: datetime | Literal["now"] | None = None


@dataclass(frozen=True, slots=True)
class RowsReport:
    """What a load did. An event of several rows counts once in all but `rows`.

    `stale` items are older than what the store remembers or holds, and were not counted. `resumed_at` is the
    first line that was read, where an interrupted load went on. `rejects` has the rejected rows.
    """

    kind: str
    rows: int
    applied: int
    duplicates: int
    stale: int
    rejected: int
    jobs: int
    resumed_at: int | None
    rejects: str | None


def load_rows(
    home: Home, redis_url: str | None, catalog_name: str, order: Order, progress: Progress
) -> RowsReport:
    """Load files of rows into the store.

    Raises:
        BrokenFileError: the mapping is broken, or a file's columns are not those of its kind.
        StartupError: a file cannot be read, or the store does not answer.
    """
    catalog = load_catalog(find_catalog(catalog_name))
    mapping = _mapping(order)
    _check_columns(order, catalog, mapping)
    checkpoint = Checkpoint.of(
        home.root / "loads",
        {"kind": order.kind.value, "catalog": catalog.name, "mapping": repr(mapping), "store": redis_url},
        order.files,
    )
    start = (checkpoint.read() if order.resume else None) or Place()
    rejects = RejectsFile(order.rejects or home.root / "loads" / "rejects.jsonl", append=start > Place())
    jobs = order.jobs or jobs_for(order.files)
    with store_url(home, redis_url) as url:
        task = Task(order.kind, order.files, catalog_name, url, mapping, _clock(order, catalog), start)
        counts = load_files(task, jobs, Running(rejects, checkpoint, progress))
    return RowsReport(
        kind=order.kind.value,
        rows=counts.rows,
        applied=counts.applied,
        duplicates=counts.duplicates,
        stale=counts.stale,
        rejected=counts.rejected,
        jobs=jobs,
        resumed_at=start.line + 1 if start > Place() else None,
        rejects=str(rejects.path) if rejects.count else None,
    )


def _mapping(order: Order) -> Mapping:
    mapping = Mapping() if order.mapping is None else read_mapping(order.mapping)
    if not order.source:
        return mapping
    return replace(mapping, constants={**mapping.constants, "source": order.source})


def _check_columns(order: Order, catalog: Catalog, mapping: Mapping) -> None:
    where = str(order.mapping or order.files[0])
    try:
        layouts = Layouts(fields_of(order.kind, catalog, mapping.reads_time()), mapping)
    except ColumnError as fault:
        raise BrokenFileError([Diagnostic(where, 1, 1, str(fault))]) from None
    faults = [*_column_faults(layouts, map(open_source, order.files))]
    if faults:
        raise BrokenFileError(faults)


def _column_faults(layouts: Layouts[object], sources: Iterable[Source]) -> Iterable[Diagnostic]:
    """Yield what is wrong with the columns of files that have a header; other rows are judged one by one."""
    for source in sources:
        for fault in layouts.faults(source.columns) if source.columns else ():
            yield Diagnostic(str(source.path), 1, 1, str(fault))


def _clock(order: Order, catalog: Catalog) -> Clock:
    """Return the clock that the service would have: what lies ahead of it is refused."""
    if isinstance(order.clock, datetime):
        return StoreClock.starting_at(round(order.clock.timestamp() * 1000))
    if order.clock == "now" or catalog.clock_ms is None:
        return StoreClock()
    return StoreClock.starting_at(catalog.clock_ms)
