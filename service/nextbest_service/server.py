"""The running service: starts in the right order, says when it is ready, drains before it stops."""

import asyncio
import os
import signal
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc
import grpc.aio
import redis
import redis.asyncio
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from nextbest.v1 import admin_pb2, customer_pb2, decision_pb2, outcome_pb2
from nextbest_service.api.decision_servicer import DecisionServicer
from nextbest_service.api.edge import service_handler
from nextbest_service.clock import Clock
from nextbest_service.composition import LoadedParts, build_decider, choose_clock, load_parts, store_url
from nextbest_service.decisions.decider import Decider
from nextbest_service.errors import NotReadyError, StartupError
from nextbest_service.home import Home, RunningService
from nextbest_service.settings import Settings
from nextbest_service.store.connection import connect, connect_for_bulk, wait_until_up, without_secrets
from nextbest_service.store.loaded import read_loaded

DECISION_SERVICE = decision_pb2.DESCRIPTOR.services_by_name["DecisionService"]
SERVICES = (
    DECISION_SERVICE,
    customer_pb2.DESCRIPTOR.services_by_name["CustomerService"],
    outcome_pb2.DESCRIPTOR.services_by_name["OutcomeService"],
    admin_pb2.DESCRIPTOR.services_by_name["AdminService"],
)
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

log = structlog.get_logger()


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CatalogError, FeatureSpecError, ModelError: what is to be served is broken; nothing was served.
        StartupError: the port is taken, or the embedded store does not start.
    """
    import uvloop  # noqa: PLC0415 - only the serving process needs the loop

    home = Home(settings.home)
    parts = load_parts(settings.catalog, home, settings.model)
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    with store_url(home, redis_url) as url:
        uvloop.run(_serve(settings, home, parts, url))


@dataclass(slots=True)
class _Readiness:
    """Holds the decider once there is one."""

    decider: Decider | None = None

    def current(self) -> Decider:
        if self.decider is None:
            raise NotReadyError("the service is not ready yet; try again shortly")
        return self.decider


async def _serve(settings: Settings, home: Home, parts: LoadedParts, url: str) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    readiness, checks = _Readiness(), health.aio.HealthServicer()
    client = connect(url, settings.store_timeout_ms)
    server, address = await _listen(settings, readiness, checks)
    starting = asyncio.create_task(_become_ready(settings, parts, client, url, readiness))
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({starting, stop}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await _announce(readiness.current().clock, home, parts, address, checks)
            await stop
    finally:
        starting.cancel()
        await _drain(settings, home, server, checks)
        await client.aclose()


async def _listen(
    settings: Settings, readiness: _Readiness, checks: health.aio.HealthServicer
) -> tuple[grpc.aio.Server, str]:
    server = grpc.aio.server(
        options=[
            ("grpc.so_reuseport", 0),  # otherwise two services would share a port without a word
            ("grpc.max_receive_message_length", settings.max_message_bytes),
        ]
    )
    decisions = DecisionServicer(readiness.current)
    served = {DECISION_SERVICE.full_name: {"Decide": decisions.decide}}
    for service in SERVICES:
        server.add_generic_rpc_handlers((service_handler(service, served.get(service.full_name, {})),))
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    names = [service.full_name for service in SERVICES]
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    await _set_health(checks, NOT_SERVING)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host  # an IPv6 address
    try:
        port = server.add_insecure_port(f"{host}:{settings.port}")
    except RuntimeError as error:
        raise StartupError(
            f"cannot listen on {settings.host}:{settings.port}: the port is taken or not allowed; "
            "choose another with --port, or 0 for any free one"
        ) from error
    await server.start()
    log.info("listening", address=f"{host}:{port}")
    return server, f"{host}:{port}"


async def _become_ready(
    settings: Settings, parts: LoadedParts, client: redis.asyncio.Redis, url: str, readiness: _Readiness
) -> None:
    await wait_until_up(client, url)
    clock = choose_clock(settings, parts.rules.catalog)
    try:
        with await asyncio.to_thread(connect_for_bulk, url) as bulk:
            readiness.decider = await asyncio.to_thread(build_decider, parts, bulk, client, clock)
            loaded = await asyncio.to_thread(read_loaded, bulk)
    except redis.RedisError as error:
        raise StartupError(f"the store at {without_secrets(url)} cannot be used: {error}") from error
    if loaded is None:
        log.warning(
            "no_customers", hint="the store is empty: everybody is anonymous; see `nextbest load --help`"
        )
    if parts.ranker is None:
        log.warning(
            "no_model", hint="actions are ranked by their declared priority; see `nextbest train --help`"
        )


async def _announce(
    clock: Clock, home: Home, parts: LoadedParts, address: str, checks: health.aio.HealthServicer
) -> None:
    await _set_health(checks, SERVING)
    home.announce_service(RunningService(address, os.getpid()))
    catalog = parts.rules.catalog
    log.info(
        "ready",
        address=address,
        catalog=catalog.name,
        actions=len(catalog.actions),
        catalog_version=catalog.version,
        model_version=parts.ranker.version if parts.ranker else None,
        clock=datetime.fromtimestamp(clock.now_ms() / 1000, tz=UTC).isoformat(timespec="seconds"),
    )


async def _drain(
    settings: Settings, home: Home, server: grpc.aio.Server, checks: health.aio.HealthServicer
) -> None:
    log.info("draining", grace_seconds=settings.drain_seconds)
    home.withdraw_service()
    await checks.enter_graceful_shutdown()
    await server.stop(settings.drain_seconds)
    log.info("stopped")


async def _set_health(checks: health.aio.HealthServicer, status: int) -> None:
    for name in ("", DECISION_SERVICE.full_name):
        await checks.set(name, status)
