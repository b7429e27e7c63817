"""How many rows per second go from a file into a local Valkey, with everything that is done to them.

Run it with `make bench-bulk`, on a machine that has nothing else to do. All cases take turns, each into an
empty store with the product book of the real data set; medians count. A load of a single row tells how long
the processes and their catalog take to start: rates and CPU times leave that out, the wall time does not. On
a busy machine the rates say little; the CPU times still say how many two cores could take.
"""

import argparse
import csv
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nextbest_models.complete_journey import CompleteJourney, load_complete_journey
from nextbest_models.complete_journey.baskets import Basket
from nextbest_service.bulk.checkpoint import Checkpoint
from nextbest_service.bulk.kinds import Kind
from nextbest_service.bulk.mapping import Mapping as ColumnMapping
from nextbest_service.bulk.rejects import RejectsFile
from nextbest_service.bulk.run import Running, load_files
from nextbest_service.bulk.shares import Task
from nextbest_service.clock import StoreClock
from nextbest_service.store.connection import SyncClient, connect_for_bulk
from nextbest_service.store.embedded import embedded_valkey
from nextbest_service.store.products import product_commands

AS_OF_MS = 1_509_354_000_000  # the clock of the grocery catalog
SINCE_MS = AS_OF_MS - 60 * 86_400_000
JOBS = 2


@dataclass(frozen=True)
class Case:
    """A file to load: `things` are the events, profiles or products in it."""

    name: str
    kind: Kind
    path: Path
    things: int
    items: float = 0.0


@dataclass(frozen=True)
class Round:
    """One load of one case, in seconds: on the wall, and of CPU in the processes and in the store."""

    wall: float
    start: float
    cpu: float
    store_cpu: float


@dataclass(frozen=True)
class Result:
    """Medians over the rounds; rates leave the start out."""

    name: str
    things: int
    items_each: float
    things_per_second: int
    slowest: int
    fastest: int
    cpu_microseconds_each: float
    store_cpu_microseconds_each: float
    two_cores_could: int
    wall_seconds: float
    start_seconds: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="part of the data to load")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    journey = load_complete_journey()
    with tempfile.TemporaryDirectory() as directory:
        cases = [*_cases(Path(directory), journey, options.scale)]
        rounds = _measure(Path(directory), cases, journey, options.rounds)
    results = [_result(case, rounds[case.name]) for case in cases]
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "processes": JOBS}
    if options.json:
        print(json.dumps({"machine": machine, "results": [asdict(result) for result in results]}, indent=2))
        return
    print(" ".join(f"{key}={value}" for key, value in machine.items()))
    columns = ("number", "items", "per s", "min", "max", "CPU us", "store us", "2 cores", "wall s")
    print(f"{'':<30}" + "".join(f"{column:>9}" for column in columns))
    for it in results:
        cells = (
            f"{it.things:,}",
            f"{it.items_each:.1f}",
            f"{it.things_per_second:,}",
            f"{it.slowest:,}",
            f"{it.fastest:,}",
            f"{it.cpu_microseconds_each:.1f}",
            f"{it.store_cpu_microseconds_each:.1f}",
            f"{it.two_cores_could:,}",
            f"{it.wall_seconds:.1f}",
        )
        print(f"{it.name:<30}" + "".join(f"{cell:>9}" for cell in cells))


def _cases(directory: Path, journey: CompleteJourney, scale: float) -> Iterator[Case]:
    households = journey.log.customers
    taken = households[: max(1, int(len(households) * scale))]
    baskets = sorted(
        ((who, basket) for who in taken for basket in journey.baskets(who, SINCE_MS, AS_OF_MS)),
        key=lambda pair: pair[1].time_ms,
    )
    items = sum(len(basket.lines) for _, basket in baskets) / len(baskets)
    path = directory / "orders.jsonl"
    path.write_text("".join(json.dumps(_order(who, basket)) + "\n" for who, basket in baskets))
    yield Case("orders, JSON lines", Kind.EVENTS, path, len(baskets), items)
    path = directory / "orders.csv"
    _write(
        path,
        ("id", "type", "time", "customer", "item.product_id", "item.quantity", "item.amount"),
        (
            (basket.id, "order.placed", basket.time_ms, who, *line)
            for who, basket in baskets
            for line in basket.lines
        ),
    )
    yield Case("orders, CSV, a row per item", Kind.EVENTS, path, len(baskets), items)
    events = int(100_000 * scale)
    path = directory / "events.csv"
    _write(
        path,
        ("id", "type", "time", "customer", "properties.campaign"),
        (
            (f"e-{n}", "coupon.redeemed", SINCE_MS + n * 40_000, households[n * 7919 % len(taken)], "13")
            for n in range(events)
        ),
    )
    yield Case("events without items, CSV", Kind.EVENTS, path, events)
    profiles = int(50_000 * scale)
    path = directory / "profiles.csv"
    _write(
        path,
        ("customer", "as_of", "age", "income", "kids_count", "consents.email.*"),
        ((f"p-{n}", "2017-10-01", "35-44", "50-74K", "2", "granted") for n in range(profiles)),
    )
    yield Case("profiles, CSV", Kind.PROFILES, path, profiles)


def _order(household: str, basket: Basket) -> Mapping[str, object]:
    return {
        "id": basket.id,
        "type": "order.placed",
        "time": basket.time_ms,
        "identities": {"customer": household},
        "items": [
            {"product_id": it.product, "quantity": it.quantity, "amount": it.amount} for it in basket.lines
        ],
        "properties": {
            "retail_discount": basket.retail_discount,
            "coupon_lines": basket.coupon_lines,
            "with_coupon": basket.coupon_lines > 0,
        },
    }


def _write(path: Path, header: tuple[str, ...], rows: Iterator[tuple[object, ...]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _measure(
    directory: Path, cases: list[Case], journey: CompleteJourney, rounds: int
) -> Mapping[str, list[Round]]:
    found: dict[str, list[Round]] = {case.name: [] for case in cases}
    with embedded_valkey(directory / "valkey") as url, connect_for_bulk(url) as client:
        for number in range(rounds):
            for case in cases[number % len(cases) :] + cases[: number % len(cases)]:
                found[case.name].append(_round(case, url, client, journey))
    return found


def _round(case: Case, url: str, client: SyncClient, journey: CompleteJourney) -> Round:
    alone = case.path.with_name(f"one-{case.path.name}")
    with case.path.open() as file:
        alone.write_text("".join(line for line, _ in zip(file, range(2), strict=False)))
    _empty(client, journey)
    start, start_cpu = _timed(lambda: _load(case, alone, url))
    _empty(client, journey)
    store_cpu = _store_cpu(client)
    wall, cpu = _timed(lambda: _load(case, case.path, url))
    return Round(wall, start, cpu - start_cpu, _store_cpu(client) - store_cpu)


def _store_cpu(client: SyncClient) -> float:
    told: Any = client.info("cpu")
    return float(told["used_cpu_user"] + told["used_cpu_sys"])


def _empty(client: SyncClient, journey: CompleteJourney) -> None:
    """Leave nothing in the store but the product book."""
    client.flushall()
    for command in product_commands(journey.product_keys()):
        client.execute_command(*command)


def _load(case: Case, path: Path, url: str) -> None:
    constants = {"source": "shop"} if case.kind is Kind.EVENTS else {}
    clock = StoreClock.starting_at(AS_OF_MS)
    task = Task(case.kind, (path,), "grocery", url, ColumnMapping(constants=constants), clock)
    rejects = RejectsFile(path.with_suffix(".rejects"), append=False)
    running = Running(rejects, Checkpoint(path.with_suffix(".checkpoint"), ""), lambda *_: None)
    counts = load_files(task, JOBS, running)
    assert not counts.rejected, counts
    assert not counts.stale, counts


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    """Return the wall time of some work, and the CPU time of this process and its children."""
    before, started = os.times(), time.perf_counter()
    work()
    after = os.times()
    return time.perf_counter() - started, sum(after[:4]) - sum(before[:4])


def _result(case: Case, rounds: list[Round]) -> Result:
    rates = sorted(case.things / (it.wall - it.start) for it in rounds if it.wall > it.start) or [0.0]
    cpu = statistics.median(it.cpu for it in rounds) / case.things
    store_cpu = statistics.median(it.store_cpu for it in rounds) / case.things
    return Result(
        name=case.name,
        things=case.things,
        items_each=round(case.items, 1),
        things_per_second=round(statistics.median(rates)),
        slowest=round(rates[0]),
        fastest=round(rates[-1]),
        cpu_microseconds_each=cpu * 1e6,
        store_cpu_microseconds_each=store_cpu * 1e6,
        two_cores_could=round(2 / (cpu + store_cpu)),
        wall_seconds=statistics.median(it.wall for it in rounds),
        start_seconds=statistics.median(it.start for it in rounds),
    )


if __name__ == "__main__":
    main()
