"""Rows of files: CSV, JSON lines and Parquet look the same to all that comes after.

Nested objects of JSON and Parquet become dotted columns: `{"properties": {"kind": 1}}` is the column
`properties.kind`. Empty cells and nulls are absent.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

from nextbest_service.errors import StartupError

CSV = (".csv", ".tsv")
JSON_LINES = (".jsonl", ".ndjson")
PARQUET = (".parquet", ".pq")
SUFFIXES = (*CSV, *JSON_LINES, *PARQUET)
MAX_LINE_BYTES = 1 << 20
MAX_CELLS = 1000
PARQUET_ROWS = 10_000

Cells: TypeAlias = Sequence[Any]


class Row(NamedTuple):
    """One row. `line` counts from 1, in Parquet without a header; `fault` says why it has no cells.

    `position` is where the next row begins: bytes of a text, rows of a Parquet file.
    """

    line: int
    position: int
    columns: tuple[str, ...]
    cells: Cells
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of rows. `size` is in the unit of `Row.position`; without `columns` each row has its own."""

    path: Path
    size: int
    columns: tuple[str, ...]

    def rows(self, start: int = 0, line: int = 0) -> Iterator[Row]:
        """Yield the rows from a position on; `line` is the number of the last line before it."""
        if self.path.suffix in PARQUET:
            return _parquet_rows(self, start)
        if self.path.suffix in CSV:
            return _csv_rows(self, start, line)
        return _json_rows(self.path, start, line)


def open_source(path: Path) -> Source:
    """Return a file as a source of rows.

    Raises:
        StartupError: it cannot be read, or is of no known kind.
    """
    try:
        if path.suffix in PARQUET:
            with path.open("rb") as file:
                table = _parquet_file(file, path)
                return Source(path, table.metadata.num_rows, tuple(table.schema_arrow.names))
        size = path.stat().st_size
        if path.suffix in CSV:
            return Source(path, size, _csv_header(path))
        if path.suffix in JSON_LINES:
            return Source(path, size, ())
    except OSError as error:
        raise StartupError(f"{path} cannot be read: {error.strerror}") from error
    raise StartupError(f"{path}: expected a file *{', *'.join(SUFFIXES)}")


class _Lines:
    """The lines of a text file, one at a time, with the place that they end at."""

    def __init__(self, file: IO[bytes], position: int, line: int) -> None:
        self._file = file
        self.position = position
        self.line = line

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_LINE_BYTES + 1)
        if not line:
            raise StopIteration
        if len(line) > MAX_LINE_BYTES:
            raise StartupError(f"line {self.line + 1} is longer than {MAX_LINE_BYTES >> 20} MiB")
        self.position += len(line)
        self.line += 1
        return line.decode("utf-8", "surrogateescape")


def _csv_header(path: Path) -> tuple[str, ...]:
    with path.open("rb") as file:
        header = next(csv.reader(_Lines(file, 0, 0), delimiter=_delimiter(path)), [])
    columns = tuple(name.strip().removeprefix("\ufeff") for name in header)
    if not columns or len(set(columns)) < len(columns) or "" in columns:
        raise StartupError(f"{path}: the first line must name every column, each once")
    return columns


def _csv_rows(source: Source, start: int, line: int) -> Iterator[Row]:
    columns, width = source.columns, len(source.columns)
    with source.path.open("rb") as file:
        file.seek(start)
        lines = _Lines(file, start, line)
        rows = csv.reader(lines, delimiter=_delimiter(source.path))
        if not start:
            next(rows, None)
        while True:
            first = lines.line + 1
            try:
                cells = next(rows, None)
            except csv.Error:
                yield Row(first, lines.position, columns, (), "not CSV")
                continue
            if cells is None:
                return
            if len(cells) == width:
                fault = _not_text(cells)
                yield Row(first, lines.position, columns, () if fault else cells, fault)
            elif cells:
                yield Row(
                    first, lines.position, columns, (), f"{len(cells)} cells where {width} are expected"
                )


def _not_text(cells: Sequence[str]) -> str:
    """Return a fault where bytes were no UTF-8: they came in as halves of surrogate pairs."""
    joined = "".join(cells)
    if joined.isascii():
        return ""
    try:
        joined.encode()
    except UnicodeEncodeError:
        return "not UTF-8 text"
    return ""


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix == ".tsv" else ","


def _json_rows(path: Path, start: int, line: int) -> Iterator[Row]:
    with path.open("rb") as file:
        file.seek(start)
        lines = _Lines(file, start, line)
        for text in lines:
            if text.strip():
                yield _json_row(text, lines)


def _json_row(text: str, lines: _Lines) -> Row:
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        text.encode()
    except UnicodeEncodeError:
        return Row(lines.line, lines.position, (), (), "not UTF-8 text")
    except (ValueError, RecursionError):
        return Row(lines.line, lines.position, (), (), "not valid JSON")
    if not isinstance(value, dict):
        return Row(lines.line, lines.position, (), (), "not a JSON object")
    return _flat(value, lines.line, lines.position)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a value")


def _flat(value: Mapping[str, Any], line: int, position: int) -> Row:
    columns: list[str] = []
    cells: list[Any] = []
    _flatten(value, "", columns, cells)
    if len(cells) > MAX_CELLS:
        return Row(line, position, (), (), f"more than {MAX_CELLS} values")
    return Row(line, position, tuple(columns), cells)


def _flatten(value: Mapping[str, Any], prefix: str, columns: list[str], cells: list[Any]) -> None:
    for name, entry in value.items():
        if type(entry) is dict:
            _flatten(entry, f"{prefix}{name}.", columns, cells)
        else:
            columns.append(prefix + name)
            cells.append(entry)


def _parquet_rows(source: Source, start: int) -> Iterator[Row]:
    position = 0
    with source.path.open("rb") as file:
        for batch in _parquet_file(file, source.path).iter_batches(PARQUET_ROWS):
            if position + batch.num_rows <= start:
                position += batch.num_rows
                continue
            skipped = max(start - position, 0)
            position += skipped
            columns = [column.to_pylist() for column in batch.slice(skipped).columns]
            for cells in zip(*columns, strict=True):
                position += 1
                yield _parquet_row(source.columns, cells, position)


def _parquet_row(columns: tuple[str, ...], cells: Cells, position: int) -> Row:
    if any(type(cell) is dict for cell in cells):
        return _flat(dict(zip(columns, cells, strict=True)), position, position)
    return Row(position, position, columns, cells)


def _parquet_file(file: IO[bytes], path: Path) -> Any:  # noqa: ANN401 - pyarrow has no types
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise StartupError(
            "Parquet files need pyarrow: pip install 'nextbest[parquet]', or convert to CSV or JSON lines"
        ) from error
    try:
        return pq.ParquetFile(file)
    except pa.ArrowInvalid as error:
        raise StartupError(f"{path} is not a Parquet file") from error
