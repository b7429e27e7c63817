"""Connections to Redis or Valkey, with the time-outs and retries that a decision can afford."""

import asyncio
from urllib.parse import urlsplit

import redis
import redis.asyncio
import structlog
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from nextbest_service.errors import StartupError

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0
BULK_TIMEOUT_SECONDS = 30.0

SCHEMES = ("redis", "rediss", "unix")

log = structlog.get_logger()


def check_url(url: str) -> None:
    """Find out without any connection whether a URL can be used.

    Raises:
        ValueError: it cannot. The message does not repeat the URL, which may carry a password.
    """
    try:
        parts = urlsplit(url)
        redis.ConnectionPool.from_url(url).make_connection()
        usable = parts.scheme in SCHEMES and bool(parts.path or parts.scheme != "unix")
    except (TypeError, ValueError):
        usable = False
    if not usable:
        raise ValueError("expected redis://host:6379/0, rediss://user:password@host:6379 or unix:///path")


def connect(url: str, timeout_ms: int) -> redis.asyncio.Redis:
    """Return a client for the decision path: short time-outs, and no retry behind the caller's back.

    redis-py retries ten times by default, which repeats writes and can hang a call for a minute.
    """
    seconds = timeout_ms / 1000
    return redis.asyncio.Redis.from_url(
        url,
        socket_timeout=seconds,
        socket_connect_timeout=max(seconds, 1.0),
        retry=AsyncRetry(NoBackoff(), 0),
        max_connections=256,
    )


def connect_for_bulk(url: str) -> redis.Redis:
    """Return a blocking client for loading.

    Raises:
        StartupError: nothing answers at the URL.
    """
    client = redis.Redis.from_url(url, socket_timeout=BULK_TIMEOUT_SECONDS, retry=Retry(NoBackoff(), 0))
    try:
        client.ping()
    except redis.RedisError as error:
        raise StartupError(f"the store at {without_secrets(url)} does not answer: {error}") from error
    return client


async def wait_until_up(client: redis.asyncio.Redis, url: str) -> None:
    """Return once the store answers; meanwhile say so in the log, with growing pauses between tries."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            await client.ping()
        except (redis.RedisError, OSError) as error:
            log.warning(
                "store_not_reachable", store=without_secrets(url), error=str(error), retry_in_seconds=pause
            )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        else:
            return


def without_secrets(url: str) -> str:
    """Return the URL without user name, password and query, fit for logs."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
