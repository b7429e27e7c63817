"""How often each capped action reached the population as a whole: before we counted, and since."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import structlog

from nextbest_service.store import keys
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.line import Command

log = structlog.get_logger()


def write_volumes(client: SyncClient, volumes: Mapping[str, int]) -> None:
    """Set the number of contacts that each of the given actions had before we counted."""
    if volumes:
        client.hset(cast(str, keys.VOLUMES), mapping=cast(Any, volumes))


def volume_commands(action_ids: Sequence[str], now_ms: int) -> list[Command]:
    """Return the commands that read how many contacts the actions have had, held ones included."""
    if not action_ids:
        return []
    counts = [("ZCOUNT", keys.held_key(action_id), f"({now_ms}", "+inf") for action_id in action_ids]
    return [("HMGET", keys.VOLUMES, *action_ids), *counts]


def volumes_of(action_ids: Sequence[str], results: Sequence[Any]) -> dict[str, int] | None:
    """Return the volumes of the actions from what the commands gave; None if any is no number."""
    if not action_ids:
        return {}
    try:
        before, *since = results
        return {
            action_id: (0 if number is None else int(number)) + int(count)
            for action_id, number, count in zip(action_ids, before, since, strict=True)
        }
    except (TypeError, ValueError):
        log.error("volumes_unreadable")
        return None
