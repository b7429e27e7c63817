"""Health on a port of its own, without TLS: for probes such as those of Kubernetes, which know none."""

import grpc.aio
import structlog
from grpc_health.v1 import health, health_pb2_grpc

from nextbest_service.errors import StartupError
from nextbest_service.serving.bounds import bounds
from nextbest_service.workers.port import joined

MOST_BYTES = 4096
MOST_CONNECTIONS = 64
"""Probes are few. Whoever opens more than that must not take the files of those who ask for decisions."""

log = structlog.get_logger()


async def serve_health(
    checks: health.aio.HealthServicer, host: str, port: int, shared: bool
) -> grpc.aio.Server:
    """Serve health, and nothing else, until the server is stopped. Workers share the port.

    Raises:
        StartupError: the port cannot be had.
    """
    limits = bounds(MOST_BYTES, MOST_CONNECTIONS)
    server = grpc.aio.server(options=[("grpc.so_reuseport", int(shared)), *limits])
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    try:
        port = server.add_insecure_port(joined(host, port))
    except RuntimeError as error:
        raise StartupError(
            f"cannot tell health on {joined(host, port)}: the port is taken or not allowed; "
            "choose another with --health-port"
        ) from error
    await server.start()
    log.info("health_served", address=joined(host, port))
    return server
