"""Measures all curves: opens what they need, goes over the points in passes, and fits what came out."""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from benchmarks.growth import calls, models
from benchmarks.growth.curves import (
    CONCURRENCY,
    CONTACTS,
    CUSTOMERS,
    SHARE,
    Curve,
    Plan,
    Point,
)
from benchmarks.growth.desk import TIMEOUT_MS, Desk, Place
from benchmarks.growth.passes import Told, in_passes
from benchmarks.growth.populations import Population, valkey
from benchmarks.growth.results import CurveResult, PointResult, of_calls, of_decisions, of_reads
from benchmarks.growth.worlds import World, WorldSize, load_worlds
from benchmarks.serving import PATIENT, serving
from nextbest_rules.assignment import CHAMPION
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.store.connection import connect, connect_for_bulk

CALLED_CUSTOMERS = 10_000


async def measure_all(plan: Plan, directory: Path, told: Told) -> list[CurveResult]:
    """Return all curves of a plan."""
    points = plan.points()
    sizes = {point.world for many in points.values() for point in many} | {plan.base}
    worlds = load_worlds(sizes, directory, told)
    base = worlds[plan.base]
    return [
        *await _decisions(plan, points, worlds, directory, told),
        await _customers(plan, base, directory, told),
        await _concurrency(plan, base, directory, told),
    ]


async def _decisions(
    plan: Plan,
    points: Mapping[Curve, Sequence[Point]],
    worlds: Mapping[WorldSize, World],
    directory: Path,
    told: Told,
) -> list[CurveResult]:
    """Return the curves of decisions in this process. A point that is on several curves is measured once."""
    async with _place(directory / "decisions") as (_, place):
        desks, survivors = dict[Point, Desk](), dict[Point, float]()
        for point in {it._replace(size=0): None for many in points.values() for it in many}:
            told(f"opening a world of {point.world.actions:,} actions")
            desk = Desk.open(worlds[point.world], place, point.contacts)
            desks[point] = await desk.with_survivors(point.survivors)
            survivors[point] = await desks[point].survivors()
        measures = {point: desk.measure for point, desk in desks.items()}
        taken = await in_passes("decisions", measures, plan.passes, told)

    def result(point: Point) -> PointResult:
        key = point._replace(size=0)
        return of_decisions(point.size, taken[key], survivors[key])

    return [CurveResult.of(curve, [*map(result, many)]) for curve, many in points.items()]


async def _customers(plan: Plan, base: World, directory: Path, told: Told) -> CurveResult:
    async with AsyncExitStack() as stack:
        populations = []
        for customers in plan.customers:
            told(f"settling {customers:,} customers")
            url, place = await stack.enter_async_context(_place(directory / f"c{customers}"))
            populations.append(Population.settle(await _desk(base, place), url, customers))
        reads = {it.customers: it.read for it in populations}
        found = await in_passes("reads", reads, plan.passes, told)
    points = [of_reads(it.customers, found[it.customers], it.bytes_each) for it in populations]
    return CurveResult.of(CUSTOMERS, points)


async def _concurrency(plan: Plan, base: World, directory: Path, told: Told) -> CurveResult:
    told("starting a service")
    async with _place(directory / "calls") as (url, place):
        Population.settle(await _desk(base, place), url, CALLED_CUSTOMERS)
        ranker = base.parts.rankers[CHAMPION]
        model = models.save(ranker.booster, base.parts.spec, directory / "models")
        options = ("--catalog", str(base.catalog), "--model", str(model), "--redis-url", url, *PATIENT)
        with serving(directory / "home", *options) as service:

            def call(callers: int) -> partial[Awaitable[calls.Called]]:
                return partial(calls.measure, service, callers, plan.call_seconds, CALLED_CUSTOMERS)

            found = await in_passes("calls", {it: call(it) for it in plan.callers}, plan.call_passes, told)
    return CurveResult.of(CONCURRENCY, [of_calls(callers, found[callers]) for callers in plan.callers])


@asynccontextmanager
async def _place(directory: Path) -> AsyncIterator[tuple[str, Place]]:
    """Yield an empty store of our own: its URL, and the connections to it."""
    with valkey(directory) as url, connect_for_bulk(url) as client:
        store = connect(url, TIMEOUT_MS)
        async with DecisionLog(connect(url, TIMEOUT_MS)) as log:
            yield url, Place(store, client, log)
        await store.aclose()


async def _desk(base: World, place: Place) -> Desk:
    actions = len(base.parts.rules.catalog.actions)
    return await Desk.open(base, place, CONTACTS).with_survivors(round(actions * SHARE))
