"""The parts of a batch on disk, until all are there: an interrupted batch goes on with what is missing."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nextbest_service.batch.answers import SCHEMA, versions_of
from nextbest_service.batch.engine import Decided
from nextbest_service.bulk.rejects import lines_of
from nextbest_service.errors import StartupError
from nextbest_service.home import write_atomically


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a batch that goes on must have in common with its beginning.

    `name` tells what is asked of which file. `moment_ms` is the moment of a plan in Unix milliseconds, or how
    far a committed batch's clock is ahead of the store's.
    """

    name: str
    moment_ms: int


@dataclass(frozen=True, slots=True)
class PartFiles:
    """A directory of parts, each a table of answers and a list of rejects. A table is written last."""

    directory: Path

    def begin(self, beginning: Beginning, *, resume: bool) -> Beginning:
        """Make the directory ready, and return what holds: that of the interrupted batch where it goes on.

        Raises:
            StartupError: what was interrupted is another batch.
        """
        file = self.directory / "beginning.json"
        if resume and file.exists():
            stored = Beginning(**json.loads(file.read_text()))
            if stored.name != beginning.name:
                raise StartupError(
                    f"{self.directory} holds another batch: other customers, or another question. "
                    "Run without --resume to begin anew"
                )
            return stored
        shutil.rmtree(self.directory, ignore_errors=True)
        write_atomically(file, json.dumps({"name": beginning.name, "moment_ms": beginning.moment_ms}))
        return beginning

    def table(self, number: int) -> pa.Table | None:
        """Return the answers of a part, None where it is still to be decided."""
        path = self._path(number)
        return pq.read_table(path, schema=None) if path.exists() else None

    def rejected(self, number: int) -> int:
        """Return how many rows of a part were refused."""
        path = self._path(number, "jsonl")
        return len(path.read_text().splitlines()) if path.exists() else 0

    def write(self, number: int, decided: Decided) -> None:
        """Keep a part."""
        if decided.rejects:
            write_atomically(self._path(number, "jsonl"), "".join(lines_of(decided.rejects)))
        draft = self.directory / f".{number}"
        pq.write_table(decided.table, draft)
        draft.replace(self._path(number))

    def merge(self, parts: int, output: Path, rejects: Path) -> None:
        """Make one file of answers and one of rejects of all parts, in order, and forget the parts.

        There is no file of rejects where there are none.
        """
        draft = output.with_name(f".{output.name}.draft")
        first = next(self._tables(parts), SCHEMA.empty_table())
        with pq.ParquetWriter(draft, first.schema) as writer:
            for table in self._tables(parts):
                writer.write_table(table)
        rejects.unlink(missing_ok=True)
        texts = [path.read_text() for n in range(parts) if (path := self._path(n, "jsonl")).exists()]
        if texts:
            write_atomically(rejects, "".join(texts))
        draft.replace(output)
        shutil.rmtree(self.directory)

    def _tables(self, parts: int) -> Iterator[pa.Table]:
        for number in range(parts):
            table = self.table(number)
            assert table is not None
            yield table

    def _path(self, number: int, kind: str = "parquet") -> Path:
        return self.directory / f"{number:06d}.{kind}"


__all__ = ["Beginning", "PartFiles", "versions_of"]
