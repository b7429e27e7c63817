"""What keeps a running service up to date: it reloads what changed, and when somebody asks for it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

import structlog

from nextbest_service.admin.kills import KillSwitch
from nextbest_service.admin.models import Models
from nextbest_service.admin.status import Overview
from nextbest_service.api.admin_servicer import AdminServicer, nobody
from nextbest_service.api.past_decisions import PastDecisions
from nextbest_service.clock import machine_ms
from nextbest_service.composition import LoadedParts, Serving
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decisions.generation import Generation
from nextbest_service.home import Home
from nextbest_service.reload.canary import Canary
from nextbest_service.reload.candidate import Workshop
from nextbest_service.reload.findings import Part
from nextbest_service.reload.followed import Followed
from nextbest_service.reload.health import Condition, Health
from nextbest_service.reload.reloader import KEPT_MEANWHILE, Reloader
from nextbest_service.reload.results import Target
from nextbest_service.reload.shelf import Shelf
from nextbest_service.reload.sources import Sources
from nextbest_service.reload.starting import Start, load_at_start
from nextbest_service.reload.watch import Orders, Settling, Watch
from nextbest_service.security.gate import Gate
from nextbest_service.security.securing import Security
from nextbest_service.settings import Settings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Provisions:
    """Where that lies which is served, and where that is kept which was good."""

    sources: Sources
    shelf: Shelf

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the provisions that settings name."""
        home = Home(settings.home)
        sources = Sources(settings.catalog, home, settings.model)
        return cls(sources, Shelf.of(home, settings.catalog))

    def load(self, settings: Settings) -> Start:
        """Load what serves first.

        Raises:
            CatalogError, FeatureSpecError, ModelError, ModelUseError, StartupError: nothing can be served.
        """
        return load_at_start(self.sources, self.shelf, last_good=settings.last_good)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Reloads of one process: by the watch, by SIGHUP where it is alone, by orders of other workers."""

    reloader: Reloader
    watch: Watch
    orders: Orders | None
    followed: tuple[Followed, ...] = ()
    _tasks: set[asyncio.Task[object]] = field(default_factory=set)

    @classmethod
    def of(
        cls,
        settings: Settings,
        start: Start,
        *,
        alone: bool,
        build: Callable[[LoadedParts], Serving],
        current: Callable[[], Serving],
        swap: Callable[[Serving], None],
        security: Security,
    ) -> Self:
        """Return the upkeep of what was loaded at the start. `build` blocks, the others do not."""
        provisions, health = Provisions.of(settings), Health()
        if start.findings:
            health.fails(start.findings, KEPT_MEANWHILE)
        canary = Canary(settings.reload_timeout_seconds)
        workshop = Workshop(provisions.sources, provisions.shelf, canary, build)
        followed = tuple(map(Followed, security.watched))
        others = {Target(it.part): it for it in followed}
        reloader = Reloader(workshop, current, swap, health, served=start.snapshot, others=others)
        orders = None if alone else Orders.of(provisions.shelf.root)
        settling = Settling(told=start.look)
        watch = Watch(reloader, provisions.sources, orders, files=settings.watch, settling=settling)
        return cls(reloader, watch, orders, followed)

    def parts(self) -> Mapping[Part, Condition]:
        """Return how everything is that is loaded anew."""
        health = self.reloader.health
        for it in self.followed:
            if it.findings:
                health.fails(it.findings, KEPT_MEANWHILE)
            else:
                health.works(it.part)
        return health.parts

    @asynccontextmanager
    async def on_duty(self, *, hangup: bool) -> AsyncIterator[None]:
        """Keep up to date until the end of the context; with `hangup` SIGHUP reloads, too."""
        loop = asyncio.get_running_loop()
        if hangup:
            loop.add_signal_handler(signal.SIGHUP, lambda: self._start(self.reloader.reload("signal")))
        self._start(self.watch.run())
        try:
            yield
        finally:
            if hangup:
                loop.remove_signal_handler(signal.SIGHUP)
            self.reloader.workshop.canary.stop()
            for task in [*self._tasks]:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def tell_others(self) -> None:
        """Make the other workers of the service load anew, if there are any."""
        if self.orders is not None:
            try:
                self.orders.give()
            except OSError as error:
                log.error("other_workers_not_told", error=str(error))

    def administration(
        self,
        settings: Settings,
        log: DecisionLog,
        kills: KillSwitch,
        generation: Callable[[], Generation | None],
        draining: Callable[[], bool],
        gate: Gate | None,
    ) -> AdminServicer:
        """Return what operators ask."""
        overview = Overview(generation, draining, self.reloader.health, self.parts, log, kills, machine_ms())
        models = Models(
            self.reloader, Home(settings.home), self.tell_others, pinned=settings.model is not None
        )
        past = PastDecisions(lambda: self.reloader.current().decider, kills)
        caller = gate.name if gate else nobody
        return AdminServicer(overview, self.reloader, models, kills, past, self.tell_others, caller)

    def _start(self, work: Coroutine[object, object, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
