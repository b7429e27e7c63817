"""Files of rows in a real store: every format, every kind, counted once whatever happens on the way."""

import asyncio
import csv
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nextbest_rules import load_catalog
from nextbest_service.bulk import shares
from nextbest_service.bulk.checkpoint import Checkpoint, Place
from nextbest_service.bulk.desk import open_loader
from nextbest_service.bulk.event_loader import EventLoader
from nextbest_service.bulk.kinds import Kind
from nextbest_service.bulk.mapping import Mapping as ColumnMapping
from nextbest_service.bulk.rejects import RejectsFile
from nextbest_service.bulk.run import Running, load_files
from nextbest_service.bulk.shares import Counts, Task
from nextbest_service.clock import FixedClock
from nextbest_service.customers.person import Person
from nextbest_service.errors import StartupError
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import Identity

NOW_MS = 1_772_420_400_000
DAY_MS = 86_400_000
CLOCK = FixedClock(NOW_MS)
DIRECTORY = Path(__file__).parents[1] / "catalogs" / "market"
CATALOG = load_catalog(DIRECTORY)
HOUSEHOLDS = [str(number) for number in range(1, 41)]
ORDER = ("id", "type", "time", "customer", "item.product_id", "item.amount")

Load = Callable[..., Counts]


def orders(households: Iterable[str], each: int = 5) -> list[dict[str, Any]]:
    """Return orders of two items, in the order of time."""
    return [
        {
            "id": f"o-{household}-{number}",
            "type": "order.placed",
            "time": NOW_MS - (each - number) * DAY_MS + int(household),
            "identities": {"customer": household},
            "items": [{"product_id": "tea", "amount": 1.5}, {"product_id": "milk", "amount": number}],
        }
        for number in range(each)
        for household in households
    ]


def lines_of(events: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
    """Return events as rows, one per item."""
    return [
        [
            event["id"],
            event["type"],
            event["time"],
            event["identities"]["customer"],
            item["product_id"],
            item["amount"],
        ]
        for event in events
        for item in event["items"]
    ]


def write_json(path: Path, rows: Iterable[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def rejects(tmp_path: Path) -> RejectsFile:
    """Where rejects go."""
    return RejectsFile(tmp_path / "rejects.jsonl", append=False)


@pytest.fixture
def load(valkey_url: str, valkey: SyncClient, rejects: RejectsFile, tmp_path: Path) -> Load:
    """Load a file into an empty store."""
    del valkey  # it is empty

    def load_file(kind: Kind, *paths: Path, jobs: int = 1, **fields: Any) -> Counts:
        task = task_of(valkey_url, kind, *paths)
        running = Running(rejects, Checkpoint(tmp_path / "checkpoint.json", ""), lambda *_: None)
        return load_files(replace(task, **fields), jobs, running)

    return load_file


def task_of(url: str, kind: Kind, *paths: Path) -> Task:
    constants = {"source": "shop"} if kind in {Kind.EVENTS, Kind.OUTCOMES} else {}
    return Task(kind, paths, str(DIRECTORY), url, ColumnMapping(constants=constants), CLOCK)


def persons(url: str, *names: str) -> dict[str, Person | None]:
    """Read persons by customer number."""

    async def read() -> dict[str, Person | None]:
        async with open_loader(Kind.EVENTS, CATALOG, url, CLOCK) as loader:
            assert isinstance(loader, EventLoader)
            people = loader.intake.people
            who = {name: people.naming.who([Identity("customer", name)]).refs[0] for name in names}
            return {name: (await people.person(ref))[0] for name, ref in who.items()}

    return asyncio.run(read())


def features(url: str, *names: str) -> dict[str, dict[str, float]]:
    """Return the features of persons at the moment of the load."""

    async def read() -> dict[str, dict[str, float]]:
        async with open_loader(Kind.EVENTS, CATALOG, url, CLOCK) as loader:
            assert isinstance(loader, EventLoader)
            online = loader.intake.books.features
            found = {}
            for name, person in persons_found.items():
                assert person is not None
                states = [it.features for it in person.portions if it.features is not None]
                found[name] = dict(
                    zip(online.spec.customer_names, online.values(online.folded(states), NOW_MS), strict=True)
                )
            return found

    persons_found = persons(url, *names)
    return asyncio.run(read())


def test_csv_and_json_lines_and_parquet_leave_the_same_state(
    load: Load, valkey_url: str, tmp_path: Path
) -> None:
    told = orders(HOUSEHOLDS)
    flat = [{**event, "identities.customer": event["identities"]["customer"]} for event in told]
    for event in flat:
        del event["identities"]
    columns = {name: [event[name] for event in flat] for name in flat[0]}
    pq.write_table(pa.table(columns), tmp_path / "orders.parquet")
    first = load(Kind.EVENTS, write_csv(tmp_path / "orders.csv", ORDER, lines_of(told)))
    assert (first.rows, first.applied, first.rejected) == (400, 200, 0)
    state = features(valkey_url, "1", "40")
    assert (state["1"]["orders_ever"], state["1"]["spend"]) == (5, 5 * 1.5 + 0 + 1 + 2 + 3 + 4)
    for path in (write_json(tmp_path / "orders.jsonl", told), tmp_path / "orders.parquet"):
        again = load(Kind.EVENTS, path)
        assert (again.applied, again.duplicates, again.rejected) == (0, 200, 0), path
    assert features(valkey_url, "1", "40") == state


def test_two_processes_leave_the_same_state_as_one(
    load: Load, valkey_url: str, valkey: SyncClient, tmp_path: Path
) -> None:
    path = write_json(tmp_path / "orders.jsonl", orders(HOUSEHOLDS))
    assert load(Kind.EVENTS, path).applied == 200
    alone = features(valkey_url, *HOUSEHOLDS)
    valkey.flushall()
    together = load(Kind.EVENTS, path, jobs=2, batch=30)
    assert (together.rows, together.applied, together.rejected) == (200, 200, 0)
    assert features(valkey_url, *HOUSEHOLDS) == alone


def test_rows_that_are_refused_are_told_with_reason_and_row_and_the_others_are_in(
    load: Load, rejects: RejectsFile, tmp_path: Path
) -> None:
    rows = [
        ["a", "order.placed", NOW_MS, "1", "tea", "1"],
        ["b", "order.placd", NOW_MS, "1", "tea", "1"],
        ["c", "order.placed", "yesterday", "1", "tea", "1"],
        ["d", "order.placed", NOW_MS + 3_600_000, "1", "tea", "1"],
        ["e", "order.placed", NOW_MS, "", "tea", "1"],
        ["f", "order.placed", NOW_MS, "1", "tea", "-1"],
        ["a", "order.placed", NOW_MS, "1", "milk", "2"],
        ["g", "order.placed", NOW_MS, "1", "tea", "1"],
    ]
    counts = load(Kind.EVENTS, write_csv(tmp_path / "orders.csv", ORDER, rows))
    assert (counts.rows, counts.applied, counts.rejected) == (8, 2, 6)
    told = [json.loads(line) for line in rejects.path.read_text().splitlines()]
    assert sorted((it["line"], it["reason"], [field["field"] for field in it["fields"]]) for it in told) == [
        (3, "UNKNOWN_REFERENCE", ["type"]),
        (4, "INVALID_REQUEST", ["time"]),
        (5, "INVALID_REQUEST", ["time"]),
        (6, "INVALID_REQUEST", ["identities"]),
        (7, "INVALID_REQUEST", ["items[0].amount"]),
        (8, "REUSED_EVENT_ID", []),
    ]
    refused = next(it for it in told if it["line"] == 7)
    assert refused["file"] == str(tmp_path / "orders.csv")
    assert refused["rows"] == [dict(zip(ORDER, map(str, rows[5]), strict=True))]


def test_what_lies_too_far_behind_is_stale_and_no_error(load: Load, tmp_path: Path) -> None:
    old = NOW_MS - 200 * DAY_MS
    rows = [[f"o-{at}", "order.placed", at, "1", "tea", "1"] for at in (NOW_MS, old)]
    assert (
        load(Kind.EVENTS, write_csv(tmp_path / "a.csv", ORDER, rows)).stale == 0
    )  # one batch: in order of time
    late = [["late", "order.placed", old, "1", "tea", "1"]]
    counts = load(Kind.EVENTS, write_csv(tmp_path / "b.csv", ORDER, late))
    assert (counts.stale, counts.applied, counts.rejected) == (1, 0, 0)


def work(task: Task, checkpoint: Path, rejects: Path) -> None:
    """Load in a process that is going to be killed."""
    shares.PATIENCE = ()
    running = Running(RejectsFile(rejects, append=False), Checkpoint(checkpoint, ""), lambda *_: None)
    load_files(task, 1, running)


def test_a_killed_load_goes_on_where_it_was_and_counts_everything_once(
    load: Load, valkey_url: str, tmp_path: Path
) -> None:
    path = write_json(tmp_path / "orders.jsonl", orders(HOUSEHOLDS, each=50))
    task = replace(task_of(valkey_url, Kind.EVENTS, path), batch=50)
    file = tmp_path / "checkpoint.json"
    process = multiprocessing.get_context("spawn").Process(
        target=work, args=(task, file, tmp_path / "r.jsonl")
    )
    process.start()
    until = time.monotonic() + 60
    while not file.exists() and time.monotonic() < until and process.is_alive():
        time.sleep(0.001)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    start = Checkpoint(file, "").read()
    assert start is not None
    assert 0 < start.position < path.stat().st_size
    rest = load(Kind.EVENTS, path, start=start)
    assert rest.rows == 2000 - start.line
    assert rest.applied + rest.duplicates == rest.rows
    assert not file.exists()
    resumed = features(valkey_url, "1", "40")
    again = load(Kind.EVENTS, path)
    assert (again.applied, again.duplicates) == (0, 2000)
    assert features(valkey_url, "1", "40") == resumed


def test_a_store_that_is_gone_ends_the_load_with_advice(
    tmp_path: Path, rejects: RejectsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "PATIENCE", (0.01,))
    path = write_json(tmp_path / "orders.jsonl", orders(["1"]))
    running = Running(rejects, Checkpoint(tmp_path / "c.json", ""), lambda *_: None)
    with pytest.raises(StartupError, match="does not answer"):
        load_files(task_of(f"unix://{tmp_path}/nobody.sock", Kind.EVENTS, path), 1, running)


def test_a_process_that_fails_ends_the_load_of_all(
    valkey_url: str, tmp_path: Path, rejects: RejectsFile
) -> None:
    path = write_json(tmp_path / "orders.jsonl", ["x" * (2 << 20)])
    running = Running(rejects, Checkpoint(tmp_path / "c.json", ""), lambda *_: None)
    with pytest.raises(StartupError, match="longer than 1 MiB"):
        load_files(task_of(valkey_url, Kind.EVENTS, path), 2, running)


def test_profiles_are_written_and_older_ones_are_stale(load: Load, valkey_url: str, tmp_path: Path) -> None:
    header = ("customer", "identities.cookie", "as_of", "age", "consents.email.*")
    new = write_csv(
        tmp_path / "new.csv", header, [[it, f"c-{it}", "2026-02-01", "40", "yes"] for it in HOUSEHOLDS]
    )
    old = write_csv(tmp_path / "old.csv", header, [["1", "", "2025-02-01", "39", "no"]])
    assert load(Kind.PROFILES, new).applied == 40
    assert load(Kind.PROFILES, old).stale == 1
    person = persons(valkey_url, "1")["1"]
    assert person is not None
    assert [member.identity for member in person.members] == [
        Identity("customer", "1"),
        Identity("cookie", "c-1"),
    ]
    assert person.portions[0].facts == {"age": 40}
    assert [(it.granted, it.channel) for it in person.portions[0].consents] == [(True, "email")]


def test_given_features_stand_in_the_vector(load: Load, valkey_url: str, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "features.csv", ("customer", "as_of", "score"), [["1", "2026-03-01", "7.5"]])
    assert load(Kind.FEATURES, path).applied == 1
    assert features(valkey_url, "1")["1"]["score"] == 7.5


def test_contacts_of_others_become_history_and_count_once(
    load: Load, valkey_url: str, tmp_path: Path
) -> None:
    action = CATALOG.actions[0]
    rows = [
        ["1", "displayed", NOW_MS - DAY_MS, "7", action.id, "web", "visit"],
        ["2", "ACCEPTED", NOW_MS - DAY_MS + 1, "7", action.id, "web", "visit"],
        ["3", "displayed", NOW_MS, "7", "no-such-action", "web", ""],
    ]
    header = ("id", "type", "time", "customer", "action_id", "channel", "decision_id")
    path = write_csv(tmp_path / "contacts.csv", header, rows)
    counts = load(Kind.OUTCOMES, path)
    assert (counts.applied, counts.rejected) == (2, 1)
    assert load(Kind.OUTCOMES, path).duplicates == 2
    person = persons(valkey_url, "7")["7"]
    assert person is not None
    accepted, displayed = person.portions[0].contacts
    assert (accepted.outcome, displayed.outcome) == ("ACCEPTED", "DISPLAYED")
    assert accepted.decision == displayed.decision
    assert (displayed.action, displayed.channel, displayed.group) == (action.id, "web", action.group)
    assert person.members[0].identity == Identity("customer", "7")


def test_products_tell_which_affinities_their_orders_touch(
    load: Load, valkey_url: str, tmp_path: Path
) -> None:
    book = write_csv(tmp_path / "products.csv", ("product_id", "category"), [["tea", "hot|green"], ["", "x"]])
    counts = load(Kind.PRODUCTS, book)
    assert (counts.applied, counts.rejected) == (1, 1)
    assert load(Kind.EVENTS, write_json(tmp_path / "orders.jsonl", orders(["1"], each=1))).applied == 1
    person = persons(valkey_url, "1")["1"]
    assert person is not None
    assert person.portions[0].features is not None
    assert len(person.portions[0].features.counters.ids) == 2


def test_several_files_are_one_load(load: Load, tmp_path: Path) -> None:
    halves = [orders(HOUSEHOLDS[:20]), orders(HOUSEHOLDS[20:])]
    paths = [write_json(tmp_path / f"{number}.jsonl", half) for number, half in enumerate(halves)]
    assert load(Kind.EVENTS, *paths, start=Place(1)).applied == 100
    both = load(Kind.EVENTS, *paths)
    assert (both.applied, both.duplicates) == (100, 100)
