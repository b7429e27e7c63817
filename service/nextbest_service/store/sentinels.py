"""A primary whose place Sentinels know: they are asked whenever a line is opened, so failovers are followed.

An old primary that comes back takes no writes any more: whoever still has a line to it is led away with the
first write that it refuses.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import redis
from redis.asyncio.connection import parse_url
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError
from redis.retry import Retry
from redis.sentinel import Sentinel

from nextbest_service.metrics.durations import Durations
from nextbest_service.store.address import Address
from nextbest_service.store.line import Command, Line
from nextbest_service.store.nodes import Server, greeted, raise_if_error

SCHEMES = {"redis+sentinel": "redis", "rediss+sentinel": "rediss"}
PORT = 26_379
ONE_SENTINEL_SECONDS = 0.3
"""So long one Sentinel is waited for before the next one is asked."""
_OF_SENTINELS = {"sentinel_username": "username", "sentinel_password": "password"}


@dataclass(frozen=True, slots=True)
class Watched:
    """A primary that Sentinels watch: who they are, what they call it, how all of them are spoken to."""

    service: str
    hosts: tuple[tuple[str, int], ...]
    scheme: str
    credentials: str = field(repr=False)
    database: str
    query: str = field(repr=False)
    of_sentinels: str = field(repr=False)

    @classmethod
    def of(cls, url: str) -> "Watched":
        """Return what a URL says: redis+sentinel://user:password@host:26379,host2:26379/service/0?option=value.

        User, password, database and options are those of the primary; Sentinels have `sentinel_username`
        and `sentinel_password`. Options of TLS are for all of them.

        Raises:
            ValueError: the URL cannot be used.
        """
        parts = urlsplit(url)
        credentials, separator, hosts = parts.netloc.rpartition("@")
        service, _, database = parts.path.strip("/").partition("/")
        named = tuple(_host_and_port(host) for host in hosts.split(","))
        if parts.scheme not in SCHEMES or not service or (database and not database.isdecimal()):
            raise ValueError("expected redis+sentinel://host:26379,host2:26379/service-name")
        options = parse_qsl(parts.query)
        of_sentinels = [(_OF_SENTINELS[name], value) for name, value in options if name in _OF_SENTINELS]
        of_tls = [(name, value) for name, value in options if name.startswith("ssl_")]
        return cls(
            service=service,
            hosts=named,
            scheme=SCHEMES[parts.scheme],
            credentials=credentials + separator,
            database=database,
            query=urlencode([(name, value) for name, value in options if name not in _OF_SENTINELS]),
            of_sentinels=urlencode(of_tls + of_sentinels),
        )

    def primary(self, host: str, port: int) -> str:
        """Return the URL of the primary, if it is there."""
        return self._url(self.credentials + _netloc(host, port), f"/{self.database}", self.query)

    def sentinels(self) -> list[str]:
        """Return the URLs of all Sentinels."""
        return [self._url(_netloc(host, port), "", self.of_sentinels) for host, port in self.hosts]

    def _url(self, netloc: str, path: str, query: str) -> str:
        return SplitResult(self.scheme, netloc, path, query, "").geturl()


class Primary(Server):
    """The server that Sentinels take for the primary of a service. `node` makes the address of one."""

    def __init__(
        self,
        sentinels: Sequence[Address],
        service: str,
        node: Callable[[str, int], Address],
        timeout_seconds: float,
        round_trips: Durations | None = None,
    ) -> None:
        super().__init__(sentinels[0], timeout_seconds, round_trips)
        self._sentinels = [*sentinels]
        self._service = service
        self._node = node

    @classmethod
    def of(cls, watched: Watched, timeout_seconds: float, round_trips: Durations | None = None) -> "Primary":
        """Return the primary that a URL means.

        Raises:
            ValueError, TypeError: the URL has options that cannot be used.
        """
        sentinels = [Address.of(url) for url in watched.sentinels()]
        Address.of(watched.primary(*watched.hosts[0]))
        return cls(
            sentinels,
            watched.service,
            lambda host, port: Address.of(watched.primary(host, port)),
            timeout_seconds,
            round_trips,
        )

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Run all commands in one round trip; one that takes no writes any more is left for the new primary.

        Raises:
            redis.RedisError, OSError, TimeoutError: no answer, or not from a primary.
        """
        results = await super().send(commands)
        if any(isinstance(result, ReadOnlyError) for result in results):
            self.leave()
            raise redis.ConnectionError("this server is no primary any more")
        return results

    async def _new_line(self) -> Line:
        """Ask the Sentinels in turn, the one that helped last first, until a primary is found."""
        failure: Exception = redis.ConnectionError("no Sentinel answers")
        for sentinel in [*self._sentinels]:
            try:
                async with asyncio.timeout(max(self._timeout, ONE_SENTINEL_SECONDS)):
                    return await self._line_by(sentinel)
            except (redis.RedisError, OSError, TimeoutError) as error:
                failure = error
                self._sentinels.remove(sentinel)
                self._sentinels.append(sentinel)
        raise failure

    async def _line_by(self, sentinel: Address) -> Line:
        asked = await greeted(sentinel, self._timeout)
        try:
            named = await self._named(asked)
            line = await greeted(self._node(*named), self._timeout, self._round_trips)
            try:
                (role,) = await line.send([("ROLE",)])
                _check_is_primary(role)
                # One that hung takes itself for the primary still, until it is told: so once more.
                _check_is_same(named, await self._named(asked))
            except BaseException:
                line.close()
                raise
            return line
        finally:
            asked.close()

    async def _named(self, asked: Line) -> tuple[str, int]:
        """Return where a Sentinel says that the primary is."""
        (found,) = await asked.send([("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service)])
        raise_if_error(found)
        if found is None:
            raise redis.ConnectionError("the Sentinel knows no such service")
        host, port = found
        return host.decode(), int(port)


def bulk_client(watched: Watched, timeout_seconds: float) -> redis.Redis:
    """Return a blocking client of the primary."""
    options: dict[str, Any] = {**parse_url(watched.primary(*watched.hosts[0]))}
    tls = {"ssl": True} if watched.scheme == "rediss" else {}
    of_sentinels: dict[str, Any] = {**parse_url(watched.sentinels()[0])}
    for found in (options, of_sentinels):
        for name in ("host", "port", "connection_class"):
            found.pop(name, None)
    sentinels = Sentinel(  # type: ignore[no-untyped-call]
        watched.hosts, sentinel_kwargs={**of_sentinels, **tls, "socket_timeout": timeout_seconds}, **tls
    )
    client: redis.Redis = sentinels.master_for(  # type: ignore[no-untyped-call]
        watched.service, socket_timeout=timeout_seconds, retry=Retry(NoBackoff(), 0), **options
    )
    return client


def _check_is_primary(role: Any) -> None:  # noqa: ANN401 - a reply, or an error
    raise_if_error(role)
    if role[0] != b"master":
        raise redis.ConnectionError("the Sentinel names a server that is no primary")


def _check_is_same(first: tuple[str, int], second: tuple[str, int]) -> None:
    if first != second:
        raise redis.ConnectionError("another server has taken over meanwhile")


def _host_and_port(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("a Sentinel without a host")
    return parts.hostname, parts.port or PORT


def _netloc(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
