"""Connections to Redis or Valkey, with the time-outs and retries that a decision can afford."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import redis
import structlog
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from nextbest_service.errors import StartupError, StoreUnavailableError
from nextbest_service.store.address import DEFAULT_PORT, Address
from nextbest_service.store.line import Command
from nextbest_service.store.nodes import Cluster, Nodes, Server, raise_if_error

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0
BULK_TIMEOUT_SECONDS = 30.0

SCHEMES = ("redis", "rediss", "unix")
CLUSTER_SCHEMES: Mapping[str, str] = {"redis-cluster": "redis", "rediss-cluster": "rediss"}

NO_ANSWER = (redis.RedisError, OSError, TimeoutError)
"""What a server that does not answer makes of a command."""

SyncClient: TypeAlias = "redis.Redis | RedisCluster"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script, and its name on the server."""

    text: str
    sha: str

    def call(self, keys: Sequence[bytes], args: Sequence[object]) -> Command:
        """Return the command that runs it."""
        return ("EVALSHA", self.sha, len(keys), *keys, *args)


@dataclass(frozen=True, slots=True)
class Store:
    """Runs commands, many in one round trip; the only way from here to Redis on the decision path.

    A cluster's commands go to their nodes side by side. No command is ever repeated behind the caller's back.
    """

    nodes: Nodes
    _scripts: dict[str, Script] = field(default_factory=dict)

    def script(self, text: str, sha: str) -> Script:
        """Return a script that `run` can load again where the server has lost it."""
        return self._scripts.setdefault(sha, Script(text, sha))

    @property
    def is_one_server(self) -> bool:
        """Whether one server has everything, and so one time."""
        return not isinstance(self.nodes, Cluster)

    def time_at(self, key: bytes) -> Command:
        """Return the command that tells the time of the node that holds a key: see `milliseconds`."""
        # On a cluster a bare TIME would ask any node.
        return ("TIME",) if self.is_one_server else ("EVAL", "return redis.call('TIME')", 1, key)

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        """Return the results in order; a command that the server refused has the ResponseError as its result.

        Raises:
            StoreUnavailableError: the store did not answer in time. Any of the commands may have run.
        """
        try:
            results = await self.nodes.send(commands)
            lost = [
                i for i, result in enumerate(results) if isinstance(result, redis.exceptions.NoScriptError)
            ]
            if lost:
                again = await self.nodes.send([self._with_text(commands[i]) for i in lost])
                for i, result in zip(lost, again, strict=True):
                    results[i] = result
        except NO_ANSWER as error:
            raise not_answering(error) from error
        return results

    def sent(self, commands: Sequence[Command]) -> asyncio.Future[list[Any]]:
        """Send commands at once, and return their results to come: if possible without any coroutine.

        The future fails as `run` does, or with what `not_answering` is for. Scripts that the server lost stay
        lost.
        """
        replies = self.nodes.sent(commands)
        return asyncio.ensure_future(self.run(commands)) if replies is None else replies

    async def aclose(self) -> None:
        """Close all connections."""
        await self.nodes.aclose()

    def _with_text(self, command: Command) -> Command:
        return ("EVAL", self._scripts[command[1]].text, *command[2:])


def not_answering(error: Exception) -> Exception:
    """Return what a caller is told where there was no answer; any other error is returned as it is."""
    if not isinstance(error, NO_ANSWER):
        return error
    log.warning("store_not_answering", error=type(error).__name__)
    return StoreUnavailableError("the customer store did not answer in time")


def milliseconds(time: Sequence[Any]) -> int:
    """Return what TIME answered as Unix milliseconds."""
    return int(time[0]) * 1000 + int(time[1]) // 1000


def check_url(url: str) -> None:
    """Find out without any connection whether a URL can be used.

    Raises:
        ValueError: it cannot. The message does not repeat the URL, which may carry a password.
    """
    try:
        parts = urlsplit(_plain(url))
        Address.of(_plain(url))
        usable = parts.scheme in SCHEMES and bool(parts.path or parts.scheme != "unix")
    except (TypeError, ValueError):
        usable = False
    if not usable:
        raise ValueError(
            "expected redis://host:6379/0, rediss://user:password@host:6379, redis-cluster://host:6379 "
            "or unix:///path"
        )


def connect(url: str, timeout_ms: int) -> Store:
    """Return the store for the decision path: short time-outs, and no retry behind the caller's back.

    redis-py retries ten times by default, which repeats writes and can hang a call for a minute.

    Raises:
        ValueError, TypeError: the URL cannot be used; see `check_url`.
    """
    seconds = timeout_ms / 1000
    if not is_cluster(url):
        return Store(Server(Address.of(url), seconds))
    parts = urlsplit(_plain(url))
    credentials, separator, _ = parts.netloc.rpartition("@")

    def node(host: str, port: int) -> Server:
        name = f"[{host}]" if ":" in host else host
        one = parts._replace(netloc=f"{credentials}{separator}{name}:{port}", path="").geturl()
        return Server(Address.of(one), seconds)

    return Store(Cluster((parts.hostname or "", parts.port or DEFAULT_PORT), node))


def connect_for_bulk(url: str) -> SyncClient:
    """Return a blocking client for start-up and for people's commands.

    Raises:
        StartupError: nothing answers at the URL.
    """
    client: SyncClient
    try:
        if is_cluster(url):
            client = RedisCluster.from_url(_plain(url), socket_timeout=BULK_TIMEOUT_SECONDS)
        else:
            client = redis.Redis.from_url(
                url, socket_timeout=BULK_TIMEOUT_SECONDS, retry=Retry(NoBackoff(), 0)
            )
        client.ping()
    except redis.RedisError as error:
        raise StartupError(f"the store at {without_secrets(url)} does not answer: {error}") from error
    return client


async def wait_until_up(store: Store, url: str) -> None:
    """Return once the store answers; meanwhile say so in the log, with growing pauses between tries."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            for reply in await store.nodes.send_everywhere(("PING",)):
                raise_if_error(reply)
        except (redis.RedisError, OSError) as error:
            log.warning(
                "store_not_reachable", store=without_secrets(url), error=str(error), retry_in_seconds=pause
            )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        else:
            return


def is_cluster(url: str) -> bool:
    """Tell whether a URL names a cluster."""
    return urlsplit(url).scheme in CLUSTER_SCHEMES


def without_secrets(url: str) -> str:
    """Return the URL without user name, password and query, fit for logs."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _plain(url: str) -> str:
    """Return the URL as redis-py reads it."""
    scheme, separator, rest = url.partition("://")
    return CLUSTER_SCHEMES.get(scheme, scheme) + separator + rest
