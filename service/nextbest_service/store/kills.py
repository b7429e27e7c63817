"""Actions that an operator took out of every decision: written here, read with each decision."""

from collections.abc import Mapping
from typing import cast

import redis
import structlog

from nextbest_rules.records import Kill
from nextbest_service.store import keys
from nextbest_service.store.codec import CodecError
from nextbest_service.store.record_codec import decode_kill, encode_kill

UNREADABLE = Kill(reason="the note that says why cannot be read.", since_ms=0)
"""Stands in for an entry that cannot be read: the action stays out."""

log = structlog.get_logger()


def write_kill(client: redis.Redis, action_id: str, kill: Kill) -> None:
    """Take an action out of every decision from the next one on; an earlier kill of it is replaced."""
    client.hset(cast(str, keys.KILLS), action_id, cast(str, encode_kill(kill)))


def remove_kill(client: redis.Redis, action_id: str) -> bool:
    """Let an action compete again, and tell whether it had been out."""
    return bool(client.hdel(cast(str, keys.KILLS), action_id))


def read_kills(client: redis.Redis) -> dict[str, Kill]:
    """Return every kill by action, those of the past included."""
    return kills_of(cast(dict[bytes, bytes], client.hgetall(cast(str, keys.KILLS))))


def kills_of(entries: Mapping[bytes, bytes]) -> dict[str, Kill]:
    """Return the kills of a hash as it was read."""
    return {action_id.decode(errors="replace"): _kill(blob) for action_id, blob in entries.items()}


def _kill(blob: bytes) -> Kill:
    try:
        return decode_kill(blob)
    except CodecError as error:
        log.error("kill_unreadable", error=str(error))
        return UNREADABLE
