"""A real service, asked over gRPC by more and more callers at a time."""

import asyncio
import itertools
import time
from typing import NamedTuple

import grpc.aio
import numpy as np
import psutil

from benchmarks.growth.desk import question
from benchmarks.serving import Running

DECIDE = "/nextbest.v1.DecisionService/Decide"
CHANNELS, TIMEOUT_SECONDS = 4, 30.0


class Called(NamedTuple):
    """What a service did in one pass; CPU time is its own, in microseconds per decision."""

    cpu_us: float
    per_second: float
    p50_ms: float
    p99_ms: float


async def measure(service: Running, callers: int, seconds: float, customers: int) -> Called:
    """Ask for some seconds, each caller as soon as it has its answer. Any failed call ends the benchmark."""
    process = psutil.Process(service.pid)
    numbers = itertools.cycle(np.random.default_rng().permutation(customers).tolist())
    channels = [
        grpc.aio.insecure_channel(service.address, options=[("grpc.use_local_subchannel_pool", 1)])
        for _ in range(min(CHANNELS, callers))
    ]
    took: list[float] = []

    async def ask_on(channel: grpc.aio.Channel, until: float) -> None:
        decide = channel.unary_unary(DECIDE)
        while (started := time.perf_counter()) < until:
            await decide(question(next(numbers)).SerializeToString(), timeout=TIMEOUT_SECONDS)
            took.append(time.perf_counter() - started)

    async def all_ask(seconds: float) -> float:
        started = time.perf_counter()
        used = itertools.islice(itertools.cycle(channels), callers)
        await asyncio.gather(*(ask_on(channel, started + seconds) for channel in used))
        return time.perf_counter() - started

    await all_ask(seconds / 5)
    took.clear()
    before = process.cpu_times()
    elapsed = await all_ask(seconds)
    after = process.cpu_times()
    for channel in channels:
        await channel.close()
    cpu = after.user + after.system - before.user - before.system
    p50, p99 = np.quantile(took, [0.5, 0.99]) * 1e3
    return Called(1e6 * cpu / len(took), len(took) / elapsed, float(p50), float(p99))
