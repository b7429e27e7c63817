"""`nextbest load events` and its like, as a user runs them: mappings, rejects, going on, exit codes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from corner_shop import DIRECTORY, NOW_MS
from typer.testing import CliRunner

from nextbest_service.bulk import shares
from nextbest_service.bulk.run import jobs_for
from nextbest_service.cli.app import app
from nextbest_service.cli.failures import describe
from nextbest_service.cli.load_rows import SOME_REJECTED
from nextbest_service.store.connection import SyncClient

Run = Callable[..., Result]
MAPPING = """
columns: {NR: id, WHO: identities.customer, WHEN: time, JUNK: null}
constants: {type: order.placed}
time_unit: s
"""


@pytest.fixture
def run(valkey_url: str, valkey: SyncClient, tmp_path: Path) -> Run:
    """Run a command of `nextbest load` on an empty store."""
    del valkey  # it is empty

    def load(*arguments: str) -> Result:
        where = ["--home", str(tmp_path / "home"), "--catalog", str(DIRECTORY), "--redis-url", valkey_url]
        return CliRunner().invoke(app, ["load", *arguments, *where])

    return load


def figures(result: Result) -> dict[str, Any]:
    """Return what `--json` printed."""
    printed: dict[str, Any] = json.loads(result.stdout)
    return printed


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def orders(count: int, first: int = 0) -> str:
    return "".join(f"o-{n},c-{n % 3},{NOW_MS // 1000 - n},x\n" for n in range(first, first + count))


def test_a_mapped_file_is_loaded_and_counted_once(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "orders.csv", "NR,WHO,WHEN,JUNK\n" + orders(10))
    mapping = write(tmp_path / "map.yaml", MAPPING)
    command = ("events", file, "--map", mapping, "--source", "shop", "--json")
    first, again = run(*command), run(*command)
    assert (first.exit_code, again.exit_code) == (0, 0)
    expected = {"kind": "events", "rows": 10, "applied": 10, "duplicates": 0, "stale": 0, "rejected": 0}
    assert figures(first).items() >= expected.items()
    assert figures(again).items() >= {"rows": 10, "applied": 0, "duplicates": 10}.items()
    assert figures(first)["rejects"] is None


def test_rejected_rows_have_an_exit_code_and_a_file_of_their_own(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "orders.csv", "NR,WHO,WHEN,JUNK\n" + orders(2) + "o-9,c-1,someday,x\n")
    mapping, rejects = write(tmp_path / "map.yaml", MAPPING), tmp_path / "rejects.jsonl"
    command = ("events", file, "--map", mapping, "--source", "shop")
    result = run(*command, "--rejects", str(rejects))
    assert (result.exit_code, "1 rejected" in result.stdout) == (SOME_REJECTED, True)
    (refused,) = map(json.loads, rejects.read_text().splitlines())
    assert (refused["line"], refused["rows"][0]["NR"]) == (4, "o-9")
    default = figures(run(*command, "--json"))
    assert default["rejects"] == str(tmp_path / "home" / "loads" / "rejects.jsonl")
    assert len(Path(default["rejects"]).read_text().splitlines()) == 1


def test_an_interrupted_load_goes_on_behind_what_is_stored(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "orders.csv", "NR,WHO,WHEN,JUNK\n" + orders(40))
    command = ("events", file, "--map", write(tmp_path / "map.yaml", MAPPING), "--source", "shop", "--json")
    monkeypatch.setattr(shares.Task, "__init__", _in_batches_of(shares.Task.__init__, 15))
    told = 0

    def break_off(word: shares.Word) -> shares.Word:
        nonlocal told
        told += 1
        if told == 3:
            raise KeyboardInterrupt
        return word

    with monkeypatch.context() as patch:
        patch.setattr(shares, "Word", lambda *parts: break_off(_Word(*parts)))
        assert run(*command).exit_code != 0
    rest = figures(run(*command, "--resume"))
    assert (rest["resumed_at"], rest["rows"], rest["applied"] + rest["duplicates"]) == (32, 10, 10)
    whole = figures(run(*command, "--resume"))
    assert (whole["resumed_at"], whole["duplicates"]) == (None, 40)


_Word = shares.Word


def _in_batches_of(make: Callable[..., None], rows: int) -> Callable[..., None]:
    def smaller(task: shares.Task, *parts: object, **fields: object) -> None:
        make(task, *parts, **{**fields, "batch": rows})

    return smaller


@pytest.mark.parametrize(
    ("header", "mapping", "fault"),
    [
        ("NR,WHO,WHEN,CLERK", MAPPING, "CLERK: no such field"),
        ("NR,WHO,JUNK", MAPPING, "time: no column holds this field"),
        ("NR,WHO,WHEN", MAPPING + "zone: UTC\n", "unknown field 'zone'"),
        ("NR,WHO,WHEN", MAPPING + "time_zone: Nowhere\n", "expected a time zone"),
        ("NR,WHO,WHEN", MAPPING.replace("type:", "tipe:"), "constants.tipe: no such field"),
    ],
)
def test_a_file_that_cannot_be_meant_ends_the_load_before_it_begins(
    run: Run, valkey: SyncClient, tmp_path: Path, header: str, mapping: str, fault: str
) -> None:
    file = write(tmp_path / "orders.csv", f"{header}\n1,2,3,4\n")
    result = run("events", file, "--map", write(tmp_path / "map.yaml", mapping), "--source", "shop")
    assert isinstance(result.exception, Exception)
    failure = describe(result.exception)
    assert failure is not None
    assert failure.exit_code == 2
    assert fault in "\n".join(failure.lines)
    assert valkey.dbsize() == 0


def test_small_files_need_no_second_process(tmp_path: Path) -> None:
    assert jobs_for([Path(write(tmp_path / "a.csv", "id\n"))]) == 1


@pytest.mark.parametrize("kind", ["profiles", "features", "events", "outcomes", "products"])
def test_every_kind_has_a_command_that_explains_itself(kind: str) -> None:
    result = CliRunner().invoke(app, ["load", kind, "--help"])
    assert result.exit_code == 0
    assert "--resume" in result.stdout
