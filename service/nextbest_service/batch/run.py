"""Runs a batch: cuts the rows into parts, has them decided by whoever there is, and keeps what comes back."""

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from nextbest_models.progress import Progress
from nextbest_service.batch.answers import versions_of
from nextbest_service.batch.engine import Decided, Part
from nextbest_service.batch.job import Job
from nextbest_service.batch.parts import PartFiles
from nextbest_service.batch.workers import decide_part
from nextbest_service.bulk.sources import Source
from nextbest_service.decisions.generation import Versions
from nextbest_service.errors import StartupError

PART_ROWS = 2_000
STEP = "Deciding"


@dataclass(slots=True)
class Counts:
    """What became of the rows. `resumed` of them had been decided before an interruption.

    `offered` got at least one proposition, `degraded` an answer that is not as good as it should be.
    """

    rows: int = 0
    decided: int = 0
    offered: int = 0
    propositions: int = 0
    degraded: int = 0
    rejected: int = 0
    resumed: int = 0
    parts: int = 0
    versions: Versions | None = None

    def add(self, table: pa.Table, rejected: int) -> None:
        """Add a part.

        Raises:
            StartupError: it was decided by another catalog or model than the parts before.
        """
        versions = versions_of(table.schema)
        if self.versions not in (None, versions):
            raise StartupError(
                "the catalog or the model was changed on the way, or workers have different ones; "
                "run again without --resume"
            )
        sizes = pc.list_value_length(table["propositions"])
        self.versions = versions
        self.rows += len(table) + rejected
        self.decided += len(table)
        self.offered += pc.sum(pc.greater(sizes, 0)).as_py() or 0
        self.propositions += pc.sum(sizes).as_py() or 0
        self.degraded += pc.sum(pc.greater(pc.list_value_length(table["degraded"]), 0)).as_py() or 0
        self.rejected += rejected


@dataclass(slots=True)
class Batch:
    """A batch on its way. `room` is how many parts may be with the workers at once."""

    job: Job
    source: Source
    files: PartFiles
    workers: Executor
    room: int
    progress: Progress
    counts: Counts = field(default_factory=Counts)
    _waiting: dict["Future[Decided]", Part] = field(default_factory=dict)

    def run(self) -> Counts:
        """Decide all parts that are not there yet.

        Raises:
            StartupError: the store does not answer, or a worker ended early.
        """
        done = 0
        for part in parts_of(self.source):
            self.counts.parts += 1
            table = self.files.table(part.number)
            if table is not None:
                rejected = self.files.rejected(part.number)
                self.counts.add(table, rejected)
                self.counts.resumed += len(table) + rejected
                done = self._show(part, done)
                continue
            while len(self._waiting) >= self.room:
                done = self._take(done)
            self._waiting[self.workers.submit(decide_part, self.job, part)] = part
        while self._waiting:
            done = self._take(done)
        self.progress(STEP, self.source.size, self.source.size)
        return self.counts

    def _take(self, done: int) -> int:
        """Keep what comes back first, and return how far the batch has come."""
        finished, _ = wait(self._waiting, return_when=FIRST_COMPLETED)
        for future in sorted(finished, key=lambda it: it.exception() is not None):  # what is done is kept
            part = self._waiting.pop(future)
            try:
                decided = future.result()
            except BrokenProcessPool as error:
                raise StartupError("a deciding process ended early; run again with --resume") from error
            self.counts.add(decided.table, len(decided.rejects))
            self.files.write(part.number, decided)
            done = self._show(part, done)
        return done

    def _show(self, part: Part, done: int) -> int:
        done = max(done, part.rows[-1].position)
        self.progress(STEP, done, self.source.size)
        return done


def parts_of(source: Source) -> Iterator[Part]:
    """Yield the rows of a file in parts: always the same ones."""
    rows, number = source.rows(), 0
    while some := tuple(islice(rows, PART_ROWS)):
        yield Part(number, str(source.path), some)
        number += 1
