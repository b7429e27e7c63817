"""Connections to Redis or Valkey, with the time-outs and retries that a decision can afford."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import redis
import structlog
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from nextbest_service.errors import StartupError, StoreTimeoutError, StoreUnavailableError
from nextbest_service.metrics.durations import Durations
from nextbest_service.store import sentinels
from nextbest_service.store.address import DEFAULT_PORT, Address
from nextbest_service.store.breaker import LONGEST_PAUSE_SECONDS as LONGEST_PROBE_PAUSE_SECONDS
from nextbest_service.store.breaker import Breaker
from nextbest_service.store.line import Command
from nextbest_service.store.nodes import Cluster, Nodes, Server, raise_if_error

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 2.0
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
    No reply is waited for longer than `timeout_ms`. With a `breaker`, all fails at once while that is open.
    """

    nodes: Nodes
    timeout_ms: int = 0
    breaker: Breaker | None = None
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
            StoreUnavailableError: the store did not answer in time. Any of the commands may have run, unless
                the breaker is open.
        """
        if self.breaker is not None and self.breaker.is_open:
            raise _given_up()
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
            raise self.unanswered(error) from error
        self.answered()
        return results

    def sent(self, commands: Sequence[Command]) -> asyncio.Future[list[Any]]:
        """Send commands at once, and return their results to come: if possible without any coroutine.

        The future fails as `run` does, or with what `unanswered` is for; where it does not, `answered` is to
        be told. Scripts that the server lost stay lost.
        """
        if self.breaker is not None and self.breaker.is_open:
            given_up: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
            given_up.set_exception(_given_up())
            return given_up
        replies = self.nodes.sent(commands)
        return asyncio.ensure_future(self.run(commands)) if replies is None else replies

    def answered(self) -> None:
        """Take note that the store answered."""
        if self.breaker is not None:
            self.breaker.answered()

    def unanswered(self, error: Exception) -> Exception:
        """Take note that there was no answer, and return what a caller is told; any other error as it is."""
        if not isinstance(error, NO_ANSWER):
            return error
        if self.breaker is None or not self.breaker.is_quiet:
            log.warning("store_not_answering", error=type(error).__name__)
        if self.breaker is not None:
            self.breaker.unanswered(error)
        kind = StoreTimeoutError if isinstance(error, TimeoutError) else StoreUnavailableError
        return kind("the customer store did not answer in time")

    async def aclose(self) -> None:
        """Close all connections."""
        if self.breaker is not None:
            await self.breaker.aclose()
        await self.nodes.aclose()

    def _with_text(self, command: Command) -> Command:
        return ("EVAL", self._scripts[command[1]].text, *command[2:])


def guarded(store: Store) -> Store:
    """Return the store with a breaker, for those who would rather do without it than wait."""

    async def ask() -> None:
        await _asked_everywhere(store)

    return replace(store, breaker=Breaker(ask, NO_ANSWER))


def _given_up() -> StoreUnavailableError:
    return StoreUnavailableError(
        "the customer store is away; it is asked again soon",
        retry_after_ms=round(LONGEST_PROBE_PAUSE_SECONDS * 1000),
    )


async def _asked_everywhere(store: Store) -> None:
    """Return once all servers that take writes have answered; raises one of NO_ANSWER."""
    for reply in await store.nodes.send_everywhere(("PING",)):
        raise_if_error(reply)


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
        if parts.scheme in sentinels.SCHEMES:
            sentinels.Primary.of(sentinels.Watched.of(url), 1.0)
            return
        Address.of(_plain(url))
        usable = parts.scheme in SCHEMES and bool(parts.path or parts.scheme != "unix")
    except (TypeError, ValueError):
        usable = False
    if not usable:
        raise ValueError(
            "expected redis://host:6379/0, rediss://user:password@host:6379, redis-cluster://host:6379, "
            "redis+sentinel://host:26379,host2:26379/service-name or unix:///path"
        )


def connect(url: str, timeout_ms: int, round_trips: Durations | None = None) -> Store:
    """Return the store for the decision path: short time-outs, and no retry behind the caller's back.

    redis-py retries ten times by default, which repeats writes and can hang a call for a minute.
    `round_trips` counts how long replies take; None: nothing does.

    Raises:
        ValueError, TypeError: the URL cannot be used; see `check_url`.
    """
    seconds = timeout_ms / 1000
    if _is_watched(url):
        return Store(sentinels.Primary.of(sentinels.Watched.of(url), seconds, round_trips), timeout_ms)
    if not is_cluster(url):
        return Store(Server(Address.of(url), seconds, round_trips), timeout_ms)
    parts = urlsplit(_plain(url))
    credentials, separator, _ = parts.netloc.rpartition("@")

    def node(host: str, port: int) -> Server:
        name = f"[{host}]" if ":" in host else host
        one = parts._replace(netloc=f"{credentials}{separator}{name}:{port}", path="").geturl()
        return Server(Address.of(one), seconds, round_trips)

    return Store(Cluster((parts.hostname or "", parts.port or DEFAULT_PORT), node), timeout_ms)


def connect_for_bulk(url: str) -> SyncClient:
    """Return a blocking client for start-up and for people's commands.

    Raises:
        StartupError: nothing answers at the URL.
    """
    client: SyncClient
    try:
        if is_cluster(url):
            client = RedisCluster.from_url(_plain(url), socket_timeout=BULK_TIMEOUT_SECONDS)
        elif _is_watched(url):
            client = sentinels.bulk_client(sentinels.Watched.of(url), BULK_TIMEOUT_SECONDS)
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
            await _asked_everywhere(store)
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


def _is_watched(url: str) -> bool:
    return urlsplit(url).scheme in sentinels.SCHEMES


def without_secrets(url: str) -> str:
    """Return the URL without user name, password and query, fit for logs."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _plain(url: str) -> str:
    """Return the URL as redis-py reads it."""
    scheme, separator, rest = url.partition("://")
    return CLUSTER_SCHEMES.get(scheme, scheme) + separator + rest
