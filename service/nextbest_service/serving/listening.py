"""The port that callers know: opened with all services behind it, drained before it closes."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc.aio
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from nextbest_service.api.edge import MAX_WIRE_BYTES, Method, service_handler
from nextbest_service.metrics.tallies import Tallies
from nextbest_service.overload.doors import House
from nextbest_service.overload.waiting import waiting
from nextbest_service.roles import Role
from nextbest_service.security.securing import Security
from nextbest_service.serving.bounds import bounds
from nextbest_service.serving.health_port import serve_health
from nextbest_service.serving.onlookers import Onlookers
from nextbest_service.serving.readiness import Readiness
from nextbest_service.serving.services import (
    ADMIN_SERVICE,
    DECISION_SERVICE,
    SERVICES,
    served_methods,
)
from nextbest_service.settings import AuditMode, Settings
from nextbest_service.workers.port import joined

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Listener:
    """Listens for a process. `readiness` has what answers; streams of decisions end with `stopping`."""

    settings: Settings
    role: Role
    security: Security
    tallies: Tallies | None
    house: House
    readiness: Readiness
    stopping: asyncio.Event
    onlookers: Onlookers
    checks: health.aio.HealthServicer = field(default_factory=health.aio.HealthServicer)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Yield the address; at the end of the context calls under way are answered before it closes.

        Raises:
            StartupError: a port cannot be had.
        """
        settings, methods = self.settings, self._methods()
        await self._tell(NOT_SERVING)
        servers = [self._server(methods)]
        address = joined(settings.host, self.security.open_port(servers[0], settings.host, settings.port))
        if settings.reserved_port is not None:
            servers.append(self._server(methods))
            port = self.security.open_port(servers[1], settings.host, settings.reserved_port)
            log.info("listening_reserved", address=joined(settings.host, port))
        for server in servers:
            await server.start()
        log.info("listening", address=address, **self.security.told)
        async with self._probed():
            try:
                yield address
            finally:
                await self._drain(servers)

    async def tell_serving(self) -> None:
        """Have probes hear that calls are answered."""
        await self._tell(SERVING)

    def _methods(self) -> Mapping[str, Mapping[str, Method]]:
        return served_methods(
            self.readiness.current,
            self.stopping,
            audited=self.settings.audit is AuditMode.REQUIRED,
            tallies=self.tallies,
            gate=self.security.gate,
            patience=self.settings.deadline_ms / 1000,
            house=self.house,
            deciding=self.readiness.deciding,
            observers=self.onlookers.observers,
        )

    def _server(self, served: Mapping[str, Mapping[str, Method]]) -> grpc.aio.Server:
        """Return a server that does not listen yet. Who waits before one does not hold up another."""
        settings, gate = self.settings, self.security.gate
        server = grpc.aio.server(
            options=[
                *self.security.listening,
                *self.role.listening,
                *waiting(settings.waiting_calls),
                *bounds(max(MAX_WIRE_BYTES, settings.max_message_bytes)),
            ]
        )
        for service in SERVICES:
            limit = settings.max_message_bytes if service is DECISION_SERVICE else MAX_WIRE_BYTES
            methods = served.get(service.full_name, {})
            handler = service_handler(
                service, methods, limit, self.tallies, gate, self.house, self.onlookers.tracing
            )
            server.add_generic_rpc_handlers((handler,))
        health_pb2_grpc.add_HealthServicer_to_server(self.checks, server)
        self.security.reflect(server, [*(service.full_name for service in SERVICES), health.SERVICE_NAME])
        return server

    @asynccontextmanager
    async def _probed(self) -> AsyncIterator[None]:
        settings = self.settings
        if settings.health_port is None:
            yield
            return
        shared = self.role.number > 0
        server = await serve_health(self.checks, settings.host, settings.health_port, shared)
        try:
            yield
        finally:
            await server.stop(0)

    async def _drain(self, servers: Sequence[grpc.aio.Server]) -> None:
        log.info("draining", grace_seconds=self.settings.drain_seconds)
        self.role.withdraw()
        await self.checks.enter_graceful_shutdown()
        await asyncio.gather(*(server.stop(self.settings.drain_seconds) for server in servers))
        log.info("stopped")

    async def _tell(self, status: int) -> None:
        answering = (service.full_name for service in SERVICES if service is not ADMIN_SERVICE)
        for name in ("", *answering):
            await self.checks.set(name, status)
