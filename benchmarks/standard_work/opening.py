"""Decides the standard work in this process, for profiles without gRPC."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from benchmarks.standard_work.work import catalog_of
from nextbest_service.clock import Clock, StoreClock
from nextbest_service.composition import Serving, build_serving, load_parts
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.home import Home
from nextbest_service.store.connection import connect, connect_for_bulk
from nextbest_service.store.where import store_url

TIMEOUT_MS = 10_000


@asynccontextmanager
async def opened(root: Path, clock: Clock | None = None) -> AsyncIterator[Serving]:
    """Yield what answers calls in a home of the standard work: `.decider` decides, with its log on.

    The home's Valkey is started, and stopped afterwards. By default the clock runs on from the catalog's.
    """
    home = Home(root)
    parts = load_parts(str(catalog_of(root)), home)
    clock_ms = parts.rules.catalog.clock_ms
    assert clock_ms is not None
    async with AsyncExitStack() as stack:
        url = stack.enter_context(store_url(home, None))
        store = connect(url, TIMEOUT_MS)
        stack.push_async_callback(store.aclose)
        log = await stack.enter_async_context(DecisionLog(connect(url, TIMEOUT_MS)))

        def build() -> Serving:
            with connect_for_bulk(url) as bulk:
                return build_serving(parts, bulk, store, clock or StoreClock.starting_at(clock_ms), log)

        yield await asyncio.to_thread(build)
