"""The running service: starts in the right order, says when it is ready, drains before it stops."""

import asyncio
import gc
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc
import grpc.aio
import redis
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from nextbest.v1 import admin_pb2, customer_pb2, decision_pb2, outcome_pb2
from nextbest_service.api.customer_servicer import CustomerServicer
from nextbest_service.api.decision_servicer import DecisionServicer
from nextbest_service.api.decision_stream import DecisionStreams
from nextbest_service.api.edge import MAX_WIRE_BYTES, Method, service_handler
from nextbest_service.api.outcome_servicer import OutcomeServicer
from nextbest_service.clock import Clock, machine_ms
from nextbest_service.composition import (
    LoadedParts,
    Serving,
    build_serving,
    choose_clock,
    load_parts,
    open_feature_source,
)
from nextbest_service.decision_log.log import DecisionLog
from nextbest_service.decisions.generation import Generation
from nextbest_service.errors import NotReadyError, StartupError
from nextbest_service.feast.reader import FeastReader
from nextbest_service.home import Home
from nextbest_service.metrics.endpoint import metrics_endpoint
from nextbest_service.metrics.exposition import Exposition
from nextbest_service.metrics.tallies import Tallies
from nextbest_service.roles import Alone, Role
from nextbest_service.scheduling import step_back
from nextbest_service.settings import AuditMode, Settings
from nextbest_service.store.connection import (
    Store,
    connect,
    connect_for_bulk,
    wait_until_up,
    without_secrets,
)
from nextbest_service.store.durability import warn_if_writes_may_be_lost
from nextbest_service.store.loaded import Loaded, read_loaded
from nextbest_service.store.where import store_url
from nextbest_service.workers.port import joined, port_taken

DECISION_SERVICE = decision_pb2.DESCRIPTOR.services_by_name["DecisionService"]
CUSTOMER_SERVICE = customer_pb2.DESCRIPTOR.services_by_name["CustomerService"]
OUTCOME_SERVICE = outcome_pb2.DESCRIPTOR.services_by_name["OutcomeService"]
ADMIN_SERVICE = admin_pb2.DESCRIPTOR.services_by_name["AdminService"]
SERVICES = (DECISION_SERVICE, CUSTOMER_SERVICE, OUTCOME_SERVICE, ADMIN_SERVICE)
_DECIDE_STREAM = DECISION_SERVICE.methods_by_name["DecideStream"].full_name
LOG_TIMEOUT_MS = 1000
"""The log is written behind the answers: it may wait longer than they can."""
GARBAGE_THRESHOLDS = 20_000, 20, 50
"""Decisions leave no cycles behind: looking for some after every 700 objects costs 5 % of their time."""
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

log = structlog.get_logger()


def run(settings: Settings, role: Role | None = None) -> None:
    """Serve until SIGTERM or SIGINT, alone unless the role is another one.

    Raises:
        CatalogError, FeatureSpecError, ModelError: what is to be served is broken; nothing was served.
        StartupError: the port is taken, or the embedded store does not start.
    """
    import uvloop  # noqa: PLC0415 - only the serving process needs the loop

    home = Home(settings.home)
    role = role or Alone(home)
    parts = load_parts(settings.catalog, home, settings.model)
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    with store_url(home, redis_url) as url:
        uvloop.run(_serve(settings, role, parts, url))


@dataclass(slots=True)
class _Readiness:
    """Holds what answers calls, once there is anything."""

    serving: Serving | None = None

    def current(self) -> Serving:
        if self.serving is None:
            raise NotReadyError("the service is not ready yet; try again shortly")
        return self.serving

    def generation(self) -> Generation | None:
        return self.serving.decider.generation if self.serving else None


@dataclass(frozen=True, slots=True)
class _Connections:
    """What the service keeps open while it runs."""

    url: str
    store: Store
    log: DecisionLog
    source: FeastReader | None

    @classmethod
    def open(cls, settings: Settings, parts: LoadedParts, url: str) -> "_Connections":
        """Connect lazily: nothing is asked of anybody yet."""
        return cls(
            url,
            connect(url, settings.store_timeout_ms),
            DecisionLog(connect(url, LOG_TIMEOUT_MS), length=settings.log_length),
            open_feature_source(settings, parts),
        )


async def _serve(settings: Settings, role: Role, parts: LoadedParts, url: str) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    readiness, checks = _Readiness(), health.aio.HealthServicer()
    connections = _Connections.open(settings, parts, url)
    clock = choose_clock(settings, parts.rules.catalog)
    tallies = None if settings.metrics_port is None else Tallies.of(SERVICES)
    async with AsyncExitStack() as closing:
        await closing.enter_async_context(role.on_duty(stopping.set))
        closing.push_async_callback(connections.store.aclose)
        if connections.source is not None:
            closing.push_async_callback(connections.source.aclose)
        await closing.enter_async_context(connections.log)
        if tallies is not None:
            exposition = Exposition(tallies, connections.log, time.time(), readiness.generation)
            closing.enter_context(_metrics(settings, role, exposition))

        async def listen() -> str:
            server, address = await _listen(settings, role, readiness, checks, stopping, tallies)
            closing.push_async_callback(_drain, settings, role, server, checks)
            return address

        address = await listen() if role.listens_early else None
        starting = asyncio.create_task(_become_ready(parts, connections, clock, readiness))
        closing.callback(starting.cancel)
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait({starting, stop}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await _announce(clock, role, parts, address or await listen(), checks)
            await stop


@contextmanager
def _metrics(settings: Settings, role: Role, exposition: Exposition) -> Iterator[None]:
    """Serve metrics, each worker on a port of its own, which the one that relieves it has meanwhile, too."""
    port = settings.metrics_port and settings.metrics_port + role.number
    with metrics_endpoint(exposition, settings.metrics_host, port or 0, shared=role.number > 0) as address:
        log.info("metrics_served", address=address)
        yield


async def _listen(
    settings: Settings,
    role: Role,
    readiness: _Readiness,
    checks: health.aio.HealthServicer,
    stopping: asyncio.Event,
    tallies: Tallies | None,
) -> tuple[grpc.aio.Server, str]:
    server = grpc.aio.server(
        options=[
            *role.listening,
            ("grpc.max_receive_message_length", max(MAX_WIRE_BYTES, settings.max_message_bytes)),
        ]
    )
    audited = settings.audit is AuditMode.REQUIRED
    served = served_methods(readiness.current, stopping, audited=audited, tallies=tallies)
    for service in SERVICES:
        limit = settings.max_message_bytes if service is DECISION_SERVICE else MAX_WIRE_BYTES
        methods = served.get(service.full_name, {})
        server.add_generic_rpc_handlers((service_handler(service, methods, limit, tallies),))
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    names = [service.full_name for service in SERVICES]
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    await _set_health(checks, NOT_SERVING)
    try:
        port = server.add_insecure_port(joined(settings.host, settings.port))
    except RuntimeError as error:
        raise StartupError(port_taken(settings.host, settings.port)) from error
    await server.start()
    address = joined(settings.host, port)
    log.info("listening", address=address)
    return server, address


def served_methods(
    current: Callable[[], Serving],
    stopping: asyncio.Event | None = None,
    *,
    audited: bool = False,
    tallies: Tallies | None = None,
) -> Mapping[str, Mapping[str, Method]]:
    """Return what is served, by service and RPC; streams of decisions end once `stopping` is set."""
    tally = tallies.decisions if tallies else None
    questions = tallies.calls[_DECIDE_STREAM] if tallies else None
    decisions = DecisionServicer(lambda: current().decider, audited=audited, tally=tally)
    streams = DecisionStreams(decisions.decide, stopping or asyncio.Event(), questions)
    customers = CustomerServicer(lambda: current().intake, lambda: current().care)
    outcomes = OutcomeServicer(lambda: current().intake)
    return {
        DECISION_SERVICE.full_name: {"Decide": decisions.decide, "DecideStream": streams.decide_stream},
        CUSTOMER_SERVICE.full_name: {
            "UpsertProfiles": customers.upsert_profiles,
            "TrackEvents": customers.track_events,
            "StreamEvents": customers.stream_events,
            "LinkIdentities": customers.link_identities,
            "UnlinkIdentities": customers.unlink_identities,
            "GetCustomer": customers.get_customer,
            "ExportCustomer": customers.export_customer,
            "EraseCustomer": customers.erase_customer,
        },
        OUTCOME_SERVICE.full_name: {"ReportOutcomes": outcomes.report_outcomes},
    }


async def _become_ready(
    parts: LoadedParts, connections: _Connections, clock: Clock, readiness: _Readiness
) -> None:
    await wait_until_up(connections.store, connections.url)

    def build() -> Loaded | None:
        with connect_for_bulk(connections.url) as bulk:
            warn_if_writes_may_be_lost(bulk)
            readiness.serving = build_serving(
                parts, bulk, connections.store, clock, connections.log, connections.source
            )
            return read_loaded(bulk)

    try:
        loaded = await asyncio.to_thread(build)
    except redis.RedisError as error:
        store = without_secrets(connections.url)
        raise StartupError(f"the store at {store} cannot be used: {error}") from error
    gc.collect()
    gc.freeze()  # what was loaded stays: looking through it again would hold up answers
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    gc.enable()  # whoever started the process may have waited with it
    if loaded is None:
        log.warning(
            "no_customers", hint="the store is empty: everybody is anonymous; see `nextbest load --help`"
        )
    if parts.champion is None:
        log.warning(
            "no_model", hint="actions are ranked by their declared priority; see `nextbest train --help`"
        )
    for name, ranker in parts.rankers.items():
        if ranker.scorer.why:
            log.warning("slow_scorer", ranker=name, scorer=ranker.scorer.name, why=ranker.scorer.why)
    for name in parts.missing_rankers:
        log.warning(
            "no_ranker",
            ranker=name,
            hint="experiments.yaml names it; put a model into use with `nextbest models promote --as`",
        )


async def _announce(
    clock: Clock, role: Role, parts: LoadedParts, address: str, checks: health.aio.HealthServicer
) -> None:
    step_back()
    await _set_health(checks, SERVING)
    role.announce(address)
    catalog = parts.rules.catalog
    log.info(
        "ready",
        address=address,
        catalog=catalog.name,
        actions=len(catalog.actions),
        catalog_version=catalog.version,
        model_version=parts.champion.version if parts.champion else None,
        scorer=parts.champion.scorer.name if parts.champion else None,
        rankers={name: ranker.version for name, ranker in parts.rankers.items()},
        clock=datetime.fromtimestamp(clock.at(machine_ms()) / 1000, tz=UTC).isoformat(timespec="seconds"),
    )


async def _drain(
    settings: Settings, role: Role, server: grpc.aio.Server, checks: health.aio.HealthServicer
) -> None:
    log.info("draining", grace_seconds=settings.drain_seconds)
    role.withdraw()
    await checks.enter_graceful_shutdown()
    await server.stop(settings.drain_seconds)
    log.info("stopped")


async def _set_health(checks: health.aio.HealthServicer, status: int) -> None:
    for name in ("", DECISION_SERVICE.full_name, CUSTOMER_SERVICE.full_name, OUTCOME_SERVICE.full_name):
        await checks.set(name, status)
