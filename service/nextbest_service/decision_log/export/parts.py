"""The files of an export: a directory per table and day, and in it parts that are complete or not there."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_DRAFT = ".draft-"


@dataclass(slots=True)
class Parts:
    """The parts of one table. Rows are known by their column `id_column`, days are days in UTC."""

    directory: Path
    id_column: str
    _ids: dict[date, pa.ChunkedArray] = field(default_factory=dict)

    def add(self, day: date, name: str, table: pa.Table) -> int:
        """Write those rows of a day that are not there yet, and return how many there were."""
        new = table.filter(self._is_new(day, table[self.id_column]))
        if not new.num_rows:
            return 0
        directory = self.directory / f"day={day.isoformat()}"
        directory.mkdir(parents=True, exist_ok=True)
        _replace(directory / f"part-{name}.parquet", new)
        self._ids[day] = pa.chunked_array([*self.ids(day).chunks, *new[self.id_column].chunks], pa.string())
        return int(new.num_rows)

    def ids(self, day: date) -> pa.ChunkedArray:
        """Return the ids of all rows of a day."""
        if day not in self._ids:
            found = [pq.read_table(part, columns=[self.id_column]) for part in self.of_day(day)]
            columns = [chunk for table in found for chunk in table[self.id_column].chunks]
            self._ids[day] = pa.chunked_array(columns, pa.string())
        return self._ids[day]

    def of_day(self, day: date) -> Sequence[Path]:
        """Return the parts of a day."""
        return sorted((self.directory / f"day={day.isoformat()}").glob("part-*.parquet"))

    def all(self) -> Iterator[Path]:
        """Yield all parts."""
        yield from sorted(self.directory.glob("day=*/part-*.parquet"))

    def remove_rows(self, columns: Sequence[str], unwanted: Callable[[pa.Table], pa.Array]) -> int:
        """Write those parts anew that have unwanted rows, and return how many rows are gone.

        `unwanted` gets some columns of a part and returns one flag per row.
        """
        removed = 0
        for part in [*self.all()]:
            flags = unwanted(pq.read_table(part, columns=[*columns]))
            count = pc.sum(flags).as_py() or 0
            if count:
                rest = pq.ParquetFile(part).read().filter(pc.invert(flags))
                _replace(part, rest) if rest.num_rows else part.unlink()
                removed += count
        self._ids.clear()
        return removed

    def tidy(self) -> None:
        """Remove what a killed export left half written."""
        for draft in self.directory.glob(f"day=*/{_DRAFT}*"):
            draft.unlink()

    def _is_new(self, day: date, ids: pa.ChunkedArray) -> pa.Array:
        """Return which rows are not there yet, the first of several equal ones."""
        known = pc.is_in(ids, value_set=self.ids(day))
        names = ids.to_pylist()
        first = {name: place for place, name in reversed([*enumerate(names)])}
        is_first = pa.array([first[name] == place for place, name in enumerate(names)], pa.bool_())
        return pc.and_(pc.invert(known), is_first)


def day_of(time_ms: int) -> date:
    """Return the day of a time (Unix milliseconds)."""
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).date()


def _replace(path: Path, table: pa.Table) -> None:
    """Write a part in one step: it is there whole or not at all."""
    put_in_place(path, lambda draft: pq.write_table(table, draft, compression="zstd"))


def put_in_place(path: Path, write: Callable[[Path], object]) -> None:
    """Let something be written to a draft, and then put it in place: it is there whole or not at all."""
    draft = path.with_name(f"{_DRAFT}{path.name}")
    write(draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
