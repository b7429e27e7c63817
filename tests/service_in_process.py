"""The services on a port of this process, with any clock, such as one moved by hand: a start costs little."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field

import grpc.aio

from nextbest_service.api.edge import MAX_WIRE_BYTES, service_handler
from nextbest_service.clock import Clock
from nextbest_service.composition import LoadedParts, Serving, build_serving
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.serving.services import SERVICES, served_methods
from nextbest_service.store.connection import connect, connect_for_bulk

STORE_TIMEOUT_MS = 5000
PATIENCE_SECONDS = 120  # the first start on a machine compiles kernels


@dataclass
class HandClock:
    """Shows what it was set to."""

    time_ms: int = 0

    def at(self, _store_ms: int) -> int:
        """Return the time as Unix milliseconds."""
        return self.time_ms


@contextmanager
def service_in_process(parts: LoadedParts, url: str, clock: Clock) -> Iterator[str]:
    """Serve from a thread and yield the address."""
    loop, running = asyncio.new_event_loop(), _Running()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        starting = asyncio.run_coroutine_threadsafe(running.start(parts, url, clock), loop)
        yield starting.result(PATIENCE_SECONDS)
    finally:
        asyncio.run_coroutine_threadsafe(running.closing.aclose(), loop).result(PATIENCE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass
class _Running:
    """What has been started, and must be closed."""

    closing: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self, parts: LoadedParts, url: str, clock: Clock) -> str:
        """Start to serve and return the address."""
        store = connect(url, STORE_TIMEOUT_MS)
        self.closing.push_async_callback(store.aclose)
        log = await self.closing.enter_async_context(DecisionLog(connect(url, STORE_TIMEOUT_MS)))

        def build() -> Serving:
            with connect_for_bulk(url) as bulk:
                return build_serving(parts, bulk, store, clock, log)

        serving = await asyncio.to_thread(build)
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", MAX_WIRE_BYTES)])
        methods = served_methods(lambda: serving)
        for service in SERVICES:
            handler = service_handler(service, methods.get(service.full_name, {}))
            server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        self.closing.push_async_callback(server.stop, 0)
        return f"127.0.0.1:{port}"
