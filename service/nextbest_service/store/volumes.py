"""How often each capped action reached the population as a whole."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import redis
import structlog

from nextbest_service.store import keys

log = structlog.get_logger()


def write_volumes(client: redis.Redis, volumes: Mapping[str, int]) -> None:
    """Set the number of contacts of each of the given actions."""
    if volumes:
        client.hset(cast(str, keys.VOLUMES), mapping=cast(Any, volumes))


def volumes_of(action_ids: Sequence[str], numbers: Sequence[bytes | None]) -> dict[str, int] | None:
    """Return the volumes of the actions as read, 0 where nothing was counted; None if any is no number."""
    try:
        return {
            action_id: 0 if number is None else int(number)
            for action_id, number in zip(action_ids, numbers, strict=True)
        }
    except ValueError:
        log.error("volumes_unreadable")
        return None
