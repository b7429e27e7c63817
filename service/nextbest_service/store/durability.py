"""What the store keeps in its files: whether acknowledged writes are there, and that erased ones leave."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import redis
import structlog

from nextbest_service.store.connection import Store, SyncClient
from nextbest_service.store.nodes import raise_if_error

REWRITE_SECONDS = 10.0
"""How long an erasure waits for the append-only file to be rewritten."""
UNSURE_MS = 3_600_000
"""Within an hour a store that does not tell has written a new file, if its operator saw to it."""
_PAUSE_SECONDS = 0.05

log = structlog.get_logger()


def warn_if_writes_may_be_lost(client: SyncClient) -> None:
    """Say in the log what a killed store would lose; stores that do not tell are left in peace."""
    try:
        settings: Any = client.config_get("append*")
    except redis.RedisError:
        return
    if settings.get("appendonly") != "yes":
        log.warning(
            "store_may_lose_writes",
            hint="the store keeps no append-only file: what it acknowledged is gone if it is killed",
        )
    elif settings.get("appendfsync") != "always":
        log.warning(
            "store_may_lose_writes",
            hint="set appendfsync to always, or the last second before a crash may be lost",
        )


async def rewrite_files(store: Store) -> int:
    """Have the store write its append-only file anew, without what was erased.

    Returns how many milliseconds from now on the old file may still be there: 0 where it is gone.
    """
    try:
        told = [*map(_settings, await store.nodes.send_everywhere(_PERSISTENCE))]
        if not any(one["aof_enabled"] == "1" for one in told):
            return 0
        await store.nodes.send_everywhere(("BGREWRITEAOF",))
        until = time.monotonic() + REWRITE_SECONDS
        while time.monotonic() < until:
            await asyncio.sleep(_PAUSE_SECONDS)
            told = [*map(_settings, await store.nodes.send_everywhere(_PERSISTENCE))]
            if all(one[state] == "0" for one in told for state in _REWRITING):
                return 0
    except (redis.RedisError, OSError, TimeoutError, KeyError) as error:
        log.warning("store_files_not_rewritten", error=type(error).__name__)
    return UNSURE_MS


_PERSISTENCE = ("INFO", "persistence")
_REWRITING = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")


def _settings(info: Any) -> Mapping[str, str]:  # noqa: ANN401 - a reply, or an error
    """Return what a server says of itself, by name.

    Raises:
        redis.RedisError: it says nothing.
    """
    raise_if_error(info)
    lines = (line.partition(":") for line in info.decode().splitlines())
    return {name: value for name, _, value in lines}
