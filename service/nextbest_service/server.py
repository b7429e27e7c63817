"""The running service: starts in the right order, says when it is ready, drains before it stops."""

import asyncio
import signal
import time
from contextlib import AsyncExitStack

from nextbest_service.admin.kills import KillSwitch
from nextbest_service.composition import choose_clock
from nextbest_service.home import Home
from nextbest_service.metrics.endpoint import metrics_served
from nextbest_service.metrics.exposition import Exposition
from nextbest_service.metrics.loop_lag import loop_lag_measured
from nextbest_service.metrics.tallies import Tallies
from nextbest_service.overload.busyness import Busyness
from nextbest_service.overload.doors import House, nobody_known
from nextbest_service.overload.figures import OverloadFigures
from nextbest_service.overload.quotas import Buckets
from nextbest_service.reload.starting import Start
from nextbest_service.roles import Alone, Role
from nextbest_service.scheduling import patient_threads, step_back
from nextbest_service.security.securing import Security
from nextbest_service.serving.admin_endpoint import admin_endpoint
from nextbest_service.serving.connections import Connections
from nextbest_service.serving.listening import Listener
from nextbest_service.serving.onlookers import Onlookers
from nextbest_service.serving.readiness import Readiness, become_ready, tell_ready
from nextbest_service.serving.services import SERVICES
from nextbest_service.serving.upkeep import Provisions, Upkeep
from nextbest_service.settings import Settings
from nextbest_service.store.where import store_url


def run(settings: Settings, role: Role | None = None) -> None:
    """Serve until SIGTERM or SIGINT, alone unless the role is another one.

    Raises:
        BrokenFileError: certificates or callers cannot be used.
        CatalogError, FeatureSpecError, ModelError: what is to be served is broken; nothing was served.
        StartupError: a port is taken, or the embedded store does not start.
    """
    import uvloop  # noqa: PLC0415 - only the serving process needs the loop

    home = Home(settings.home)
    role = role or Alone(home)
    security = Security.of(settings)
    start = Provisions.of(settings).load(settings)
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    with store_url(home, redis_url) as url:
        uvloop.run(_serve(settings, role, security, start, url))


async def _serve(settings: Settings, role: Role, security: Security, start: Start, url: str) -> None:
    parts, stopping, readiness = start.parts, asyncio.Event(), Readiness()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(patient_threads())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    tallies = None if settings.metrics_port is None else Tallies.of(SERVICES)
    connections = Connections.open(settings, parts, url, tallies)
    clock = choose_clock(settings, parts.rules.catalog)
    build = connections.builder(settings, clock)
    upkeep = Upkeep.of(
        settings,
        start,
        alone=role.number == 0,
        build=build,
        current=readiness.current,
        swap=readiness.swap,
        security=security,
    )
    gate = security.gate
    house = House(Busyness(), Buckets(settings.workers), gate.who if gate else nobody_known)
    onlookers = Onlookers.of(settings, gate, role.number)
    listener = Listener(settings, role, security, tallies, house, readiness, stopping, onlookers)
    async with AsyncExitStack() as closing:
        await closing.enter_async_context(role.on_duty(stopping.set))
        await closing.enter_async_context(security.on_watch())
        await closing.enter_async_context(house.busyness.sampled())
        await closing.enter_async_context(connections.kept())
        await closing.enter_async_context(onlookers.on_duty())
        if tallies is not None:
            exposition = Exposition(
                tallies,
                connections.log,
                time.time(),
                readiness.generation,
                reloads=upkeep.reloader.counts,
                parts=upkeep.parts,
                breaker=connections.store.breaker,
            )
            await closing.enter_async_context(loop_lag_measured(tallies.loop_lag))
            figures = exposition, security.figures, OverloadFigures(house)
            closing.enter_context(metrics_served(settings, role, figures))
        switch = KillSwitch(connections.store, clock, connections.last_known.stop)
        servicer = upkeep.administration(
            settings, connections.log, switch, readiness.generation, stopping.is_set, gate
        )
        await closing.enter_async_context(admin_endpoint(settings, role, security, servicer, tallies))
        if role.listens_early:
            address = await closing.enter_async_context(listener.listening())
        starting = asyncio.create_task(become_ready(parts, connections, clock, readiness))
        closing.callback(starting.cancel)
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait({starting, stop}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            attaching = starting.result()
            if not role.listens_early:
                address = await closing.enter_async_context(listener.listening())
            step_back()
            await listener.tell_serving()
            role.announce(address)
            tell_ready(clock, parts, address)
            if attaching is not None:  # until the store is there, nothing can be loaded anew
                closing.callback(attaching.cancel)
                await asyncio.wait({attaching, stop}, return_when=asyncio.FIRST_COMPLETED)
            async with upkeep.on_duty(hangup=role.number == 0):
                await stop
