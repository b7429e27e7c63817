"""The services and their reloader on a port of this process: no process is started for a check."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field

import grpc.aio
from changing_shop import ChangingShop
from corner_shop import NOW_MS, open_for_business
from service_in_process import PATIENCE_SECONDS, STORE_TIMEOUT_MS, HandClock

from nextbest_service.api.edge import service_handler
from nextbest_service.composition import LoadedParts, Serving, build_serving, load_parts
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.reload.canary import Canary
from nextbest_service.reload.candidate import Workshop
from nextbest_service.reload.findings import Finding
from nextbest_service.reload.health import Health
from nextbest_service.reload.proving import Question, prove
from nextbest_service.reload.reloader import Reloader
from nextbest_service.reload.results import Outcome
from nextbest_service.reload.shelf import Shelf
from nextbest_service.reload.sources import Sources
from nextbest_service.serving.services import DECISION_SERVICE, served_methods
from nextbest_service.store.connection import connect, connect_for_bulk


class Here(Canary):
    """Checks in this process."""

    def findings(self, question: Question) -> tuple[Finding, ...]:
        """Return what is found here."""
        return prove(question)


@contextmanager
def reloading_in_process(shop: ChangingShop, url: str) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Serve from a thread; yield the address, and what reloads and tells whether anything was swapped."""
    loop, running = asyncio.new_event_loop(), _Running()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        starting = asyncio.run_coroutine_threadsafe(running.start(shop, url), loop)
        address, reloader = starting.result(PATIENCE_SECONDS)

        def reload() -> bool:
            asked = asyncio.run_coroutine_threadsafe(reloader.reload("test"), loop)
            return asked.result(PATIENCE_SECONDS).outcome is Outcome.SWAPPED

        yield address, reload
    finally:
        asyncio.run_coroutine_threadsafe(running.closing.aclose(), loop).result(PATIENCE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass
class _Running:
    """What has been started, and must be closed."""

    closing: AsyncExitStack = field(default_factory=AsyncExitStack)
    serving: list[Serving] = field(default_factory=list)

    def swap(self, serving: Serving) -> None:
        self.serving[:] = [serving]

    async def start(self, shop: ChangingShop, url: str) -> tuple[str, Reloader]:
        """Start to serve."""
        with connect_for_bulk(url) as bulk:
            open_for_business(bulk)
        store = connect(url, STORE_TIMEOUT_MS)
        self.closing.push_async_callback(store.aclose)
        log = await self.closing.enter_async_context(DecisionLog(connect(url, STORE_TIMEOUT_MS)))
        clock = HandClock(NOW_MS)

        def build(parts: LoadedParts) -> Serving:
            with connect_for_bulk(url) as bulk:
                return build_serving(parts, bulk, store, clock, log)

        first = await asyncio.to_thread(build, load_parts(str(shop.catalog), shop.home))
        self.serving.append(first)
        sources, shelf = Sources(str(shop.catalog), shop.home), Shelf.of(shop.home, str(shop.catalog))
        workshop = Workshop(sources, shelf, Here(), build)
        reloader = Reloader(workshop, lambda: self.serving[0], self.swap, Health())
        server = grpc.aio.server()
        methods = served_methods(lambda: self.serving[0])[DECISION_SERVICE.full_name]
        server.add_generic_rpc_handlers((service_handler(DECISION_SERVICE, methods),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        self.closing.push_async_callback(server.stop, 0)
        return f"127.0.0.1:{port}", reloader
