"""One cell of a run: some load on one server, and all that can be measured of it."""

import asyncio
import gc
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.load.driving import Driven, Target, closed, open_loop, poisson_plan
from benchmarks.load.processes import Server, cpu_seconds
from nextbest.v1 import decision_pb2

SETTLING_SECONDS = 0.3
"""What a server still does behind its answers counts as their cost: it gets this long to do it."""
_FRAME_HEAD = 5
_STRIDE = 977
"""Each round begins with another customer."""
_NEARLY = 0.97

Milliseconds: TypeAlias = NDArray[np.float64]
Check: TypeAlias = Callable[[bytes], bool]
"""Tells whether an answer is as it should be."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What was measured. `level` is the share of saturation; None is a closed loop.

    `cpu_us` and `store_us` are CPU time per good answer, of the server and of Valkey; `load_busy` is the
    share of their core that Valkey and the generator used; `late_ms` is how much later than planned 99 % of
    calls went out at most. `core_share` is how much of its core the server had while calls came. `wrong` are
    answers of the sample that were not as they should be.
    """

    server: str
    level: float | None
    round: int
    offered: float
    rate: float
    errors: int
    wrong: int
    cpu_us: float
    store_us: float
    core_share: float
    load_busy: float
    late_ms: float
    latencies_ms: Milliseconds

    def percentile(self, share: float) -> float:
        """Return a percentile of this cell's latencies, in ms."""
        return percentile(self.latencies_ms, share)


def percentile(latencies_ms: Milliseconds, share: float) -> float:
    """Return the least latency that so many percent of calls do not exceed: a measured one, in ms."""
    if not len(latencies_ms):
        return float("nan")
    rank = math.ceil(round(len(latencies_ms) * share / 100, 6))  # 99.9 is no number that floats know
    return float(np.sort(latencies_ms)[max(0, rank - 1)])


@dataclass(frozen=True, slots=True)
class Subject:
    """A server under test, with what it is asked and how its answers are checked."""

    server: Server
    requests: tuple[bytes, ...]
    check: Check
    store_pid: int

    @property
    def name(self) -> str:
        """What it is called in results."""
        return self.server.name

    @property
    def target(self) -> Target:
        """The server as the generator calls it."""
        return Target(self.server.host, self.server.port, self.server.method, self.requests)

    async def saturated(self, concurrency: int, seconds: float, round_: int) -> Cell:
        """Measure how much the server can do."""
        load = closed(self.target, concurrency, seconds, first=round_ * _STRIDE)
        return await self._measured(None, 0.0, round_, load)

    async def at_level(self, level: float, rate: float, seconds: float, round_: int) -> Cell:
        """Measure latency at a share of the rate that the server reached in this round."""
        plan = poisson_plan(level * rate, seconds, seed=round_ * 1009 + round(100 * level))
        load = open_loop(self.target, plan, first=round_ * _STRIDE)
        return await self._measured(level, level * rate, round_, load)

    async def alone_us(self, seconds: float) -> float:
        """Return the median time inside the server, in us, as it reports it to a caller who is alone."""
        driven = await closed(self.target, 1, seconds, sampled=1)
        answers = [decision_pb2.DecideResponse.FromString(it[_FRAME_HEAD:]) for it in driven.answers]
        return median(it.timing.total_us for it in answers) if answers else float("nan")

    async def plateau(self, seconds: float, steps: Sequence[int] = (16, 32, 64)) -> int:
        """Return the least number of open calls with which the server does nearly all that it can."""
        await closed(self.target, steps[0], seconds)  # warm up
        rates = {step: (await closed(self.target, step, seconds)).rate for step in steps}
        return next(step for step, rate in rates.items() if rate >= _NEARLY * max(rates.values()))

    async def _measured(
        self, level: float | None, offered: float, round_: int, load: Coroutine[Any, Any, Driven]
    ) -> Cell:
        gc.collect()  # not while it is measured
        server, started, began = self.server, time.process_time(), time.monotonic()
        store_before, server_before = cpu_seconds(self.store_pid), server.cpu_seconds
        driven = await load
        core_share = (server.cpu_seconds - server_before) / (time.monotonic() - began)
        busy = time.process_time() - started + cpu_seconds(self.store_pid) - store_before
        await asyncio.sleep(SETTLING_SECONDS)
        answered = max(1, driven.answered)
        return Cell(
            server=server.name,
            level=level,
            round=round_,
            offered=offered,
            rate=driven.rate,
            errors=driven.errors,
            wrong=sum(not self.check(it[_FRAME_HEAD:]) for it in driven.answers),
            cpu_us=(server.cpu_seconds - server_before) / answered * 1e6,
            store_us=(cpu_seconds(self.store_pid) - store_before) / answered * 1e6,
            core_share=core_share,
            load_busy=busy / driven.seconds,
            late_ms=percentile(driven.lateness_ms, 99),
            latencies_ms=driven.latencies_ms,
        )


def whole_decision(answer: bytes) -> bool:
    """Tell whether an answer has what the standard work asks for, in full quality."""
    found = decision_pb2.DecideResponse.FromString(answer)
    shown = [proposition for placement in found.placements for proposition in placement.propositions]
    whole = [it for it in shown if it.content_json and it.token]
    return len(whole) == 3 and found.customer_known and not found.degraded


def any_answer(answer: bytes) -> bool:
    """Tell whether there is anything at all: what the echo is asked for."""
    return bool(answer)
