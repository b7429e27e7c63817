"""The address where metrics are read: plain HTTP, on threads that sleep unless somebody asks."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.registry import Collector

from nextbest_service.errors import StartupError
from nextbest_service.workers.port import joined

SLOWEST_SECONDS = 5.0
"""Who takes longer to ask or to read is hung up on."""


@contextmanager
def metrics_endpoint(collector: Collector, host: str, port: int, *, shared: bool) -> Iterator[str]:
    """Serve metrics until the end of the context, and yield the address; port 0 is any free one.

    A `shared` port may be had by several who say so: by a worker and by the one that takes its place.

    Raises:
        StartupError: the port cannot be had.
    """
    registry = CollectorRegistry()
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
