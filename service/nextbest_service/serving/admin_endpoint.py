"""The address of the AdminService: a server of its own, so that a network can keep the two apart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc.aio
import structlog

from nextbest_service.api.admin_servicer import AdminServicer
from nextbest_service.api.edge import MAX_WIRE_BYTES, service_handler
from nextbest_service.errors import StartupError
from nextbest_service.metrics.tallies import Tallies
from nextbest_service.roles import Role
from nextbest_service.security.securing import Security
from nextbest_service.serving.bounds import bounds
from nextbest_service.serving.services import ADMIN_SERVICE, SERVICES
from nextbest_service.settings import Settings
from nextbest_service.workers.port import joined

log = structlog.get_logger()


@asynccontextmanager
async def admin_endpoint(
    settings: Settings, role: Role, security: Security, servicer: AdminServicer, tallies: Tallies | None
) -> AsyncIterator[None]:
    """Serve operators until the end of the context, if they have a port: each worker on one of its own.

    Such a port may be had by a worker and by the one that takes its place. RPCs of the other services are
    answered as what is not served here.

    Raises:
        StartupError: the port cannot be had.
    """
    if settings.admin_port is None:
        yield
        return
    server = grpc.aio.server(
        options=[
            *security.listening,
            ("grpc.so_reuseport", int(role.number > 0)),
            *bounds(MAX_WIRE_BYTES),
        ]
    )
    for service in SERVICES:
        methods = servicer.methods if service is ADMIN_SERVICE else {}
        counted = tallies if service is ADMIN_SERVICE else None
        handler = service_handler(service, methods, MAX_WIRE_BYTES, counted, security.gate)
        server.add_generic_rpc_handlers((handler,))
    security.reflect(server, [ADMIN_SERVICE.full_name])
    port = settings.admin_port and settings.admin_port + role.number
    try:
        address = joined(settings.admin_host, security.open_port(server, settings.admin_host, port))
    except StartupError as error:
        raise StartupError(
            f"cannot serve the AdminService on {joined(settings.admin_host, port)}: the port is taken or not "
            "allowed, or there is no such address; choose others with --admin-port and --admin-host"
        ) from error
    await server.start()
    role.announce_admin(address)
    log.info("admin_served", address=address, **security.told)
    try:
        yield
    finally:
        await server.stop(0)
