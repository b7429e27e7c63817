"""The work behind `nextbest decide-batch`, free of any printing."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nextbest_models.progress import Progress
from nextbest_rules import Catalog, Diagnostic, RuleSet, load_catalog
from nextbest_service.batch.job import Campaign, CampaignError, Feast, Job
from nextbest_service.batch.parts import Beginning, PartFiles
from nextbest_service.batch.questions import Questions
from nextbest_service.batch.row_fields import RowFields
from nextbest_service.batch.run import Batch, Counts
from nextbest_service.batch.workers import dask_workers, local_workers, workers_for
from nextbest_service.bulk.checkpoint import print_of
from nextbest_service.bulk.layouts import Layouts
from nextbest_service.bulk.mapping import Mapping, read_mapping
from nextbest_service.bulk.sources import Source, open_source
from nextbest_service.catalogs import find_catalog, shipped_catalogs
from nextbest_service.clock import Clock, FixedClock, StoreClock, machine_ms
from nextbest_service.home import Home
from nextbest_service.store.where import store_url
from nextbest_service.yaml_files import BrokenFileError

_MOST_NAME = 40
"""Letters of a batch's name: with the number of a row it is a request id."""


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """What to decide, as the user says it. `workers` 0 is as many as is sensible; `dask` goes before them."""

    customers: Path
    output: Path
    campaign: Campaign
    name: str = ""
    mapping: Path | None = None
    at: datetime | None = None
    workers: int = 0
    dask: str = ""
    resume: bool = False
    rejects: Path | None = None
    model: Path | None = None
    feast: Feast | None = None


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a batch did. `rejects` has the rejected rows, None where there are none."""

    name: str
    output: str
    rejects: str | None
    workers: int
    moment_ms: int | None
    counts: Counts

    def to_plain(self) -> dict[str, Any]:
        """Return it fit for JSON."""
        return {
            **asdict(self.counts),
            **{key: value for key, value in asdict(self).items() if key != "counts"},
        }


def decide_batch(
    home: Home, redis_url: str | None, catalog_name: str, order: BatchOrder, progress: Progress
) -> BatchReport:
    """Decide for every customer of a file, and write the answers to another.

    Raises:
        BrokenFileError: the mapping is broken, or the columns of the file are not those of a batch.
        CampaignError: nobody can be asked this.
        DaskError: there is no Dask cluster to work on.
        StartupError: a file cannot be read, or the store does not answer.
    """
    catalog = load_catalog(find_catalog(catalog_name))
    mapping = Mapping() if order.mapping is None else read_mapping(order.mapping)
    source = open_source(order.customers)
    _check(order, redis_url)
    _check_columns(order, source, catalog, mapping)
    told = [print_of(order.customers).hex(), order.campaign.digest, catalog.name, repr(mapping)]
    name = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
    files = PartFiles(order.output.with_name(f"{order.output.name}.parts"))
    moment_ms = files.begin(Beginning(name, _moment_ms(order, catalog)), resume=order.resume).moment_ms
    rejects = order.rejects or order.output.with_name(f"{order.output.name}.rejects.jsonl")
    with store_url(home, redis_url) as url:
        job = Job(
            name=order.name or name,
            campaign=order.campaign,
            catalog=_path_or_name(catalog_name),
            home=Home(home.root.absolute()),
            store_url=url,
            mapping=mapping,
            clock=_clock(order, moment_ms),
            model=None if order.model is None else order.model.absolute(),
            feast=order.feast,
        )
        Questions.of(job, RuleSet.compile(catalog))
        with _workers(order, source) as (executor, count):
            counts = Batch(job, source, files, executor, 2 * count, progress).run()
    files.merge(counts.parts, order.output, rejects)
    return BatchReport(
        name=job.name,
        output=str(order.output),
        rejects=str(rejects) if counts.rejected else None,
        workers=count,
        moment_ms=None if order.campaign.commit else moment_ms,
        counts=counts,
    )


def _path_or_name(catalog_name: str) -> str:
    """Return a catalog as workers elsewhere find it: by its name if it is shipped, else by its whole path."""
    return catalog_name if catalog_name in shipped_catalogs() else str(Path(catalog_name).absolute())


def _check(order: BatchOrder, redis_url: str | None) -> None:
    if order.campaign.commit and order.at is not None:
        raise CampaignError("--at plans for another moment; what is committed is decided now")
    if len(order.name.encode()) > _MOST_NAME:
        raise CampaignError(f"--name: at most {_MOST_NAME} bytes")
    if order.dask and not order.dask.startswith("local:") and redis_url is None:
        raise CampaignError("--dask ADDRESS needs a --redis-url that the workers can reach")


def _check_columns(order: BatchOrder, source: Source, catalog: Catalog, mapping: Mapping) -> None:
    layouts = Layouts(RowFields(catalog, mapping.reads_time()), mapping)
    if faults := layouts.faults(source.columns) if source.columns else ():
        raise BrokenFileError([Diagnostic(str(order.customers), 1, 1, str(fault)) for fault in faults])


def _moment_ms(order: BatchOrder, catalog: Catalog) -> int:
    """Return the moment of a plan; of what is committed, how far its clock is ahead of the store's."""
    start_ms = machine_ms() if catalog.clock_ms is None else catalog.clock_ms
    if order.campaign.commit:
        return 0 if catalog.clock_ms is None else start_ms - machine_ms()
    return start_ms if order.at is None else round(order.at.timestamp() * 1000)


def _clock(order: BatchOrder, moment_ms: int) -> Clock:
    return StoreClock(moment_ms) if order.campaign.commit else FixedClock(moment_ms)


@contextmanager
def _workers(order: BatchOrder, source: Source) -> Iterator[tuple[Executor, int]]:
    if order.dask:
        with dask_workers(order.dask) as found:
            yield found
        return
    count = order.workers or workers_for(source)
    with local_workers(count) as executor:
        yield executor, count
