"""Decisions per second and core: a batch beside the same questions asked one by one, in turns.

Needs the demo's data and model in a home: `nextbest load grocery && nextbest train`. Households are those
that campaign 18 was sent to, so that all of 100 coupons of it compete. Times are this process's CPU time; the
store has a core of its own.
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import uvloop

from nextbest.v1 import decision_pb2, identity_pb2
from nextbest_service.api.decision_servicer import DecisionServicer
from nextbest_service.batch.engine import Engine, Part
from nextbest_service.batch.job import Campaign, Job
from nextbest_service.bulk.mapping import Mapping
from nextbest_service.bulk.sources import Row
from nextbest_service.clock import FixedClock
from nextbest_service.home import Home
from nextbest_service.store.where import store_url

CAMPAIGN, CANDIDATES, PLACEMENT = "18", 100, "email_block"
COLUMNS = ("namespace", "id")
HOUSEHOLDS = 2_500


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".nextbest"))
    parser.add_argument("--households", type=int, default=500, help="households per round (default 500)")
    parser.add_argument("--rounds", type=int, default=15, help="interleaved rounds (default 15)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with store_url(Home(options.home), None) as url:
        results = uvloop.run(measured(Home(options.home), url, options.households, options.rounds))
    if options.json:
        print(json.dumps(results))
        return
    for name, figures in results.items():
        print(f"{name:<28} " + "  ".join(f"{key} {value:,}" for key, value in figures.items()))


async def measured(home: Home, url: str, households: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return the figures of both ways."""
    async with Engine.opened(job(home, url, ())) as opened:
        catalog, now_ms = opened.decider.generation.catalog, opened.decider.generation.catalog.clock_ms
    assert now_ms is not None
    coupons = [
        it.id
        for it in catalog.actions
        if it.attributes["campaign"] == CAMPAIGN and any(window.holds(now_ms) for window in it.valid)
    ][:CANDIDATES]
    async with Engine.opened(job(home, url, tuple(coupons), now_ms)) as engine:
        reached = (await engine.decide(part(range(1, HOUSEHOLDS + 1)))).table.to_pylist()
        whose = [int(row["id"]) for row in reached if row["propositions"]][:households]
        ways: dict[str, Callable[[], Awaitable[object]]] = {
            "a batch": lambda: engine.decide(part(whose)),
            "one by one, in this process": lambda: one_by_one(engine, whose, coupons),
        }
        samples: dict[str, list[float]] = {name: [] for name in ways}
        order = random.Random(7)
        for _ in range(rounds):
            for name in order.sample([*ways], len(ways)):
                started = time.process_time()
                await ways[name]()
                samples[name].append((time.process_time() - started) / len(whose))
    return {name: figures(times, len(whose)) for name, times in samples.items()}


def figures(seconds: Sequence[float], households: int) -> dict[str, float]:
    """Return medians of CPU time per decision."""
    return {
        "decisions per second and core": round(1 / statistics.median(seconds)),
        "median us": round(1e6 * statistics.median(seconds)),
        "least us": round(1e6 * min(seconds)),
        "households": households,
    }


def job(home: Home, url: str, candidates: tuple[str, ...], now_ms: int = 0) -> Job:
    """Return a plan for the weekly email."""
    campaign = Campaign(PLACEMENT, limit=3, candidates=candidates)
    return Job("bench", campaign, "grocery", home, url, Mapping(), FixedClock(now_ms))


def part(whose: Sequence[int]) -> Part:
    """Return rows about some households."""
    rows = (Row(line, line, COLUMNS, ("customer", str(it))) for line, it in enumerate(whose, start=1))
    return Part(0, "bench", tuple(rows))


async def one_by_one(engine: Engine, whose: Sequence[int], coupons: Sequence[str]) -> None:
    """Ask as the service is asked, message in and bytes out, but for gRPC itself."""
    servicer = DecisionServicer(lambda: engine.decider)
    for household in whose:
        await servicer.decide(
            decision_pb2.DecideRequest(
                identities=[identity_pb2.Identity(namespace="customer", id=str(household))],
                placements=[decision_pb2.PlacementRequest(id=PLACEMENT, limit=3)],
                candidate_action_ids=coupons,
                include_content=True,
                dry_run=True,
            ),
            None,  # type: ignore[arg-type] - the context is for refusals only
        )
        await asyncio.sleep(0)


if __name__ == "__main__":
    main()
