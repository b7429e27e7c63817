"""Reads the log for people's commands: blocking, in batches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import redis
import structlog

from nextbest_service.decision_log.entries import Entry, LogFormatError, Stored, read_entry
from nextbest_service.decision_log.legend import Legend
from nextbest_service.decision_log.logged_decision import LoggedDecision, legend_of, read_decision
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import DECISION_LOG, LOG_ACTION_SIDES, LOG_ERASURES, LOG_LEGENDS

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class StreamState:
    """How the stream stands: its last place ever, the first entry's place, and how many were ever added."""

    last: str
    first: str
    added: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries in a row, those of unknown form left out; how many it were with them, and the last place."""

    entries: list[Entry]
    count: int
    place: str


class LogSource:
    """The log as one reader sees it. Legends are read once."""

    def __init__(self, client: SyncClient) -> None:
        self._client = client
        self._legends: dict[bytes, Legend] = {}

    def state(self) -> StreamState | None:
        """Return how the stream stands, None where nothing was ever logged."""
        try:
            info: Any = self._client.xinfo_stream(cast(str, DECISION_LOG))
        except redis.ResponseError:
            return None
        first = info["first-entry"]
        last = _text(info["last-generated-id"])
        return StreamState(last, _text(first[0]) if first else last, int(info["entries-added"]))

    def after(self, place: str, until: str, count: int) -> Batch:
        """Return the next entries after a place."""
        found: Any = self._client.xrange(cast(str, DECISION_LOG), f"({place}", until, count)
        return Batch([*_readable(found)], len(found), _text(found[-1][0]) if found else place)

    def newest(self, count: int) -> list[Entry]:
        """Return the newest entries, oldest first."""
        found: Any = self._client.xrevrange(cast(str, DECISION_LOG), count=count)
        return [*_readable(found)][::-1]

    def wait_after(self, place: str, milliseconds: int) -> list[Entry]:
        """Return the entries after a place as soon as there are any, none if there are none in time."""
        found: Any = self._client.xread({cast(str, DECISION_LOG): place}, count=1000, block=milliseconds)
        return [*_readable(found[0][1])] if found else []

    def decision(self, entry: Entry) -> LoggedDecision:
        """Return the decision that an entry holds.

        Raises:
            LogFormatError: it cannot be read.
        """
        key = legend_of(entry)
        if key not in self._legends:
            blob = cast(bytes | None, self._client.hget(cast(str, LOG_LEGENDS), cast(str, key)))
            if blob is None:
                raise LogFormatError("the legend of a decision is not in the store")
            self._legends[key] = Legend.from_blob(blob)
        return read_decision(entry, self._legends[key])

    def action_side(self, side_id: str) -> bytes | None:
        """Return an action side by its id, None where the store does not have it."""
        return cast(bytes | None, self._client.hget(cast(str, LOG_ACTION_SIDES), side_id))

    def erasures(self) -> Mapping[bytes, int]:
        """Return who was erased, as digests of refs, and when (Unix milliseconds)."""
        found: Any = self._client.zrange(cast(str, LOG_ERASURES), 0, -1, withscores=True)
        return {digest: int(score) for digest, score in found}


def _readable(found: list[Stored]) -> Iterator[Entry]:
    for stored in found:
        try:
            yield read_entry(stored)
        except LogFormatError as error:
            log.error("decision_log_unreadable", place=_text(stored[0]), error=str(error))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
