"""Where a Redis or Valkey server is, and what it wants to hear first."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any, TypeVar

import redis.asyncio
from redis.asyncio.connection import parse_url

P = TypeVar("P", bound=asyncio.Protocol)
DEFAULT_PORT = 6379


@dataclass(frozen=True, slots=True)
class Address:
    """One server: a host and a port, or the path of a socket.

    `greeting` are the commands that a new connection starts with: they may hold a password.
    """

    host: str
    port: int
    path: str
    tls: SSLContext | None
    greeting: tuple[tuple[str, ...], ...] = field(repr=False)

    @classmethod
    def of(cls, url: str) -> "Address":
        """Return the address in a URL: redis://, rediss:// or unix://, with options as redis-py has them.

        Raises:
            ValueError, TypeError: the URL cannot be used.
        """
        options: dict[str, Any] = {**parse_url(url)}
        pool: Any = redis.asyncio.ConnectionPool.from_url(url)
        connection = pool.make_connection()  # which refuses options that do not exist
        tls = connection.ssl_context.get() if url.startswith("rediss://") else None
        greeting: list[tuple[str, ...]] = []
        if options.get("password"):
            user = (options["username"],) if options.get("username") else ()
            greeting.append(("AUTH", *user, options["password"]))
        if options.get("db"):
            greeting.append(("SELECT", str(options["db"])))
        return cls(
            host=options.get("host", "localhost"),
            port=options.get("port", DEFAULT_PORT),
            path=options.get("path", ""),
            tls=tls,
            greeting=tuple(greeting),
        )

    async def connect(self, protocol: Callable[[], P]) -> P:
        """Connect, and return the protocol that the connection speaks.

        Raises:
            OSError: nobody listens there, or TLS does not come about.
        """
        loop = asyncio.get_running_loop()
        if self.path:
            _, connected = await loop.create_unix_connection(protocol, self.path)
            return connected
        transport, connected = await loop.create_connection(protocol, self.host, self.port, ssl=self.tls)
        # A server that is gone without a word is noticed even while nobody asks it anything.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connected
