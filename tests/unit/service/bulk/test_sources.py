"""Rows of files: three formats, one look, and every broken line told by its number."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nextbest_service.bulk.sources import MAX_CELLS, MAX_LINE_BYTES, Row, open_source
from nextbest_service.errors import StartupError

Write = Callable[[str, str | bytes], Path]
AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file and return its path."""

    def write_file(name: str, text: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write_file


def parquet(path: Path, columns: dict[str, list[Any]], rows_per_group: int = 3) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=rows_per_group)
    return path


def plain(row: Row) -> dict[str, object]:
    return dict(zip(row.columns, row.cells, strict=True))


def test_csv_and_json_lines_and_parquet_give_the_same_rows(write: Write, tmp_path: Path) -> None:
    sources = [
        write("a.csv", "id,what\n1,tea\n2,milk\n"),
        write("a.tsv", "id\twhat\n1\ttea\n2\tmilk\n"),
        write("a.jsonl", '{"id": "1", "what": "tea"}\n{"id": "2", "what": "milk"}\n'),
        parquet(tmp_path / "a.parquet", {"id": ["1", "2"], "what": ["tea", "milk"]}),
    ]
    for path in sources:
        assert [plain(row) for row in open_source(path).rows()] == [
            {"id": "1", "what": "tea"},
            {"id": "2", "what": "milk"},
        ], path


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_reading_goes_on_at_the_position_of_any_row(write: Write, tmp_path: Path, name: str) -> None:
    path = {
        "a.csv": lambda: write(name, 'id,what\n1,"two\nlines"\n2,ünï\n\n3,x\n4,y\n'),
        "a.jsonl": lambda: write(name, '{"id": "1"}\n\n{"id": "ünï"}\n{"id": "3"}\n{"id": "4"}'),
        "a.parquet": lambda: parquet(tmp_path / name, {"id": [*"abcdefgh"]}),
    }[name]()
    source = open_source(path)
    rows = [*source.rows()]
    assert rows[-1].position == source.size
    for done, row in enumerate(rows, start=1):
        last = row.line if name != "a.csv" else path.read_bytes()[: row.position].count(b"\n")
        assert [*source.rows(row.position, last)] == rows[done:]


def test_a_row_knows_its_line(write: Write) -> None:
    rows = open_source(write("a.csv", 'id,what\n1,"two\nlines"\n2,x\n')).rows()
    assert [(row.line, *row.cells) for row in rows] == [(2, "1", "two\nlines"), (4, "2", "x")]


def test_nested_objects_become_dotted_columns(write: Write, tmp_path: Path) -> None:
    told = '{"id": "1", "identities": {"customer": "7"}, "items": [{"amount": 1.5}], "n": {"a": {"b": 2}}}\n'
    (row,) = open_source(write("a.jsonl", told)).rows()
    expected = {"id": "1", "identities.customer": "7", "items": [{"amount": 1.5}], "n.a.b": 2}
    assert plain(row) == expected
    (row,) = open_source(
        parquet(tmp_path / "a.parquet", {"id": ["1"], "identities": [{"customer": "7"}], "at": [AT]})
    ).rows()
    assert plain(row) == {"id": "1", "identities.customer": "7", "at": AT}


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.csv", "id,what\n1\n", "1 cells where 2 are expected"),
        ("a.csv", b"id,what\n1,\xff\n", "not UTF-8 text"),
        ("a.csv", "id,what\n1," + "x" * 200_000 + "\n", "not CSV"),
        ("a.jsonl", "{nope}\n", "not valid JSON"),
        ("a.jsonl", '{"n": NaN}\n', "not valid JSON"),
        ("a.jsonl", "[1]\n", "not a JSON object"),
        ("a.jsonl", "[" * 100_000 + "\n", "not valid JSON"),
        ("a.jsonl", b'{"id": "\xff"}\n', "not UTF-8 text"),
        (
            "a.jsonl",
            "{" + ",".join(f'"{n}": 1' for n in range(MAX_CELLS + 1)) + "}\n",
            f"more than {MAX_CELLS} values",
        ),
    ],
)
def test_a_broken_row_is_told_and_the_next_one_is_read(
    write: Write, name: str, text: str | bytes, fault: str
) -> None:
    sound = b"2,x\n" if name == "a.csv" else b'{"id": "2"}\n'
    data = (text.encode() if isinstance(text, str) else text) + sound
    broken, next_one = open_source(write(name, data)).rows()
    assert (broken.fault, broken.cells) == (fault, ())
    assert (next_one.fault, next_one.cells[0]) == ("", "2")


def test_a_line_without_end_stops_the_load(write: Write) -> None:
    path = write("a.jsonl", '{"id": "' + "x" * MAX_LINE_BYTES + '"}')
    with pytest.raises(StartupError, match="line 1 is longer than 1 MiB"):
        list(open_source(path).rows())


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "id\n", "expected a file"),
        ("a.csv", "", "must name every column"),
        ("a.csv", "id,id\n", "must name every column"),
        ("a.csv", "id,\n", "must name every column"),
        ("a.parquet", "id\n", "is not a Parquet file"),
    ],
)
def test_a_file_that_is_no_source_is_refused(write: Write, name: str, text: str, message: str) -> None:
    with pytest.raises(StartupError, match=message):
        open_source(write(name, text))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="cannot be read"):
        open_source(tmp_path / "nowhere.csv")


def test_a_byte_order_mark_is_no_part_of_a_column(write: Write) -> None:
    assert open_source(write("a.csv", "\ufeffid,what\n")).columns == ("id", "what")
