"""The service on a port of this process, with a clock that is moved by hand: a start costs nothing then."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc.aio
import redis.asyncio

from nextbest_service.api.decision_servicer import DecisionServicer
from nextbest_service.api.edge import service_handler
from nextbest_service.composition import LoadedParts, build_decider
from nextbest_service.server import DECISION_SERVICE
from nextbest_service.store.connection import connect, connect_for_bulk


@dataclass
class HandClock:
    """Shows what it was set to."""

    time_ms: int = 0

    def now_ms(self) -> int:
        """Return the time as Unix milliseconds."""
        return self.time_ms


@contextmanager
def service_in_process(parts: LoadedParts, url: str, clock: HandClock) -> Iterator[str]:
    """Serve decisions from a thread and yield the address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server, client, address = asyncio.run_coroutine_threadsafe(_start(parts, url, clock), loop).result()
    try:
        yield address
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server, client), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(
    parts: LoadedParts, url: str, clock: HandClock
) -> tuple[grpc.aio.Server, redis.asyncio.Redis, str]:
    client = connect(url, 1000)
    with connect_for_bulk(url) as bulk:
        decider = build_decider(parts, bulk, client, clock)
    server = grpc.aio.server()
    methods = {"Decide": DecisionServicer(lambda: decider).decide}
    server.add_generic_rpc_handlers((service_handler(DECISION_SERVICE, methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, client, f"127.0.0.1:{port}"


async def _stop(server: grpc.aio.Server, client: redis.asyncio.Redis) -> None:
    await server.stop(0)
    await client.aclose()
