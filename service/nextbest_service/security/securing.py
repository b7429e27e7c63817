"""Puts the parts of security together for a process, and secures the ports that it listens on."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import grpc.aio
import structlog
from grpc_reflection.v1alpha import reflection

from nextbest_service.errors import StartupError
from nextbest_service.security.callers import Callers
from nextbest_service.security.callers_file import read_callers
from nextbest_service.security.certificates import (
    Certificates,
    TlsFiles,
    read_certificates,
    server_credentials,
)
from nextbest_service.security.figures import SecurityFigures
from nextbest_service.security.gate import Gate
from nextbest_service.security.last_good import LastGood
from nextbest_service.settings import Settings
from nextbest_service.workers.port import joined, port_taken

LOOK_SECONDS = 1.0
"""How often files are looked at."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Security:
    """What guards a process: None where nothing does.

    `gate` guards the RPCs of handlers that get it. `reflects` is whether the service tells of its contract.
    """

    certificates: LastGood[Certificates] | None = None
    callers: LastGood[Callers] | None = None
    gate: Gate | None = None
    reflects: bool = True
    connection_age_seconds: float = 60.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read what the settings name.

        Raises:
            BrokenFileError: certificates or callers cannot be used; all faults of a file are listed.
        """
        certificates = callers = gate = None
        if settings.tls_cert is not None and settings.tls_key is not None:
            files = TlsFiles(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
            certificates = LastGood("certificates", partial(read_certificates, files))
        if settings.callers is not None:
            callers = file = LastGood("callers", partial(read_callers, settings.callers))
            gate = Gate(lambda: file.current)
            if file.current.reads_certificates and settings.tls_client_ca is None:
                log.warning(
                    "certificates_not_asked_for",
                    hint="callers are known by certificates: set --tls-client-ca",
                )
        return cls(certificates, callers, gate, not settings.production, settings.connection_age_seconds)

    @property
    def watched(self) -> tuple[LastGood[Any], ...]:
        """All that follows files."""
        return tuple(part for part in (self.certificates, self.callers) if part is not None)

    @property
    def told(self) -> Mapping[str, bool]:
        """What the log says of a port that was opened."""
        clients = self.certificates is not None and self.certificates.current.asks_clients
        return {
            "tls": self.certificates is not None,
            "client_certificates": clients,
            "callers": self.gate is not None,
        }

    @property
    def figures(self) -> SecurityFigures:
        """What metrics tell about it."""
        return SecurityFigures(self.gate, self.watched, self.certificates)

    @property
    def listening(self) -> Sequence[tuple[str, int]]:
        """The options of gRPC for a secured port.

        A certificate is verified when a connection opens. So that no trust outlives its withdrawal for long,
        connections are opened anew after a while.
        """
        if self.certificates is None or not self.certificates.current.asks_clients:
            return ()
        return (("grpc.max_connection_age_ms", round(self.connection_age_seconds * 1000)),)

    def reflect(self, server: grpc.aio.Server, services: Sequence[str]) -> None:
        """Have a server tell of the contract of its services, unless that is not to be told."""
        if self.reflects:
            reflection.enable_server_reflection([*services, reflection.SERVICE_NAME], server)

    def open_port(self, server: grpc.aio.Server, host: str, port: int) -> int:
        """Have a server listen, with TLS if there are certificates; return the port.

        Raises:
            StartupError: the port cannot be had.
        """
        address = joined(host, port)
        try:
            if self.certificates is None:
                return server.add_insecure_port(address)
            return server.add_secure_port(address, server_credentials(self.certificates))
        except RuntimeError as error:
            raise StartupError(port_taken(host, port)) from error

    @asynccontextmanager
    async def on_watch(self) -> AsyncIterator[None]:
        """Follow the files while the context lasts."""
        watching = asyncio.create_task(_watch(self.watched))
        try:
            yield
        finally:
            watching.cancel()


async def _watch(parts: Sequence[LastGood[Any]]) -> None:
    while parts:
        await asyncio.sleep(LOOK_SECONDS)
        for part in parts:
            try:
                await asyncio.to_thread(part.refresh)
            except Exception:  # the watch goes on
                log.exception("reload_failed", part=part.part)
