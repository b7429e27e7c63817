"""The address where metrics are read: plain HTTP, on threads that sleep unless somebody asks."""

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.registry import Collector

from nextbest_service.errors import StartupError
from nextbest_service.roles import Role
from nextbest_service.security.loopback import is_loopback
from nextbest_service.settings import Settings
from nextbest_service.workers.port import joined

log = structlog.get_logger()

SLOWEST_SECONDS = 5.0
"""Who takes longer to ask or to read is hung up on."""


@contextmanager
def metrics_endpoint(collectors: Iterable[Collector], host: str, port: int, *, shared: bool) -> Iterator[str]:
    """Serve metrics until the end of the context, and yield the address; port 0 is any free one.

    A `shared` port may be had by several who say so: by a worker and by the one that takes its place.

    Raises:
        StartupError: the port cannot be had.
    """
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    ProcessCollector(registry=registry)
    try:
        server = _Server(host, port, shared=shared)
    except OSError as error:
        raise StartupError(
            f"cannot serve metrics on {joined(host, port)}: the port is taken or not allowed, or there is no "
            "such address; choose others with --metrics-port and --metrics-host"
        ) from error
    server.set_app(make_wsgi_app(registry))
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield joined(host, server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def metrics_served(settings: Settings, role: Role, collectors: Iterable[Collector]) -> Iterator[None]:
    """Serve metrics, each worker on a port of its own, which the one that relieves it has meanwhile, too.

    Raises:
        StartupError: the port cannot be had.
    """
    port = settings.metrics_port and settings.metrics_port + role.number
    if not is_loopback(settings.metrics_host):
        log.warning("metrics_without_tls", hint="others than this machine may read the metrics")
    with metrics_endpoint(collectors, settings.metrics_host, port or 0, shared=role.number > 0) as address:
        log.info("metrics_served", address=address)
        yield


class _Handler(WSGIRequestHandler):
    timeout = SLOWEST_SECONDS

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
        """Say nothing: whoever reads metrics does it all day."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, *, shared: bool) -> None:
        self.allow_reuse_port = shared
        self.address_family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        super().__init__((host, port), _Handler)
