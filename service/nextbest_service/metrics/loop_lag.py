"""How late the event loop is: whoever answers in it waits as long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

from nextbest_service.metrics.durations import Durations

PERIOD_SECONDS = 0.1


@asynccontextmanager
async def loop_lag_measured(into: Durations) -> AsyncIterator[None]:
    """Count until the end of the context how late a timer fires that is set again and again."""

    async def measure() -> None:
        while True:
            due = perf_counter() + PERIOD_SECONDS  # a loop's own clock may only know milliseconds
            await asyncio.sleep(PERIOD_SECONDS)
            into.add(max(0, round((perf_counter() - due) * 1e6)))

    measuring = asyncio.create_task(measure(), name="loop lag")
    try:
        yield
    finally:
        measuring.cancel()
