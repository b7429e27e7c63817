"""A connection that all callers share: their commands go out together, and the replies come in order.

A caller that hangs up leaves its place in the queue: its replies still come, and nobody gets them.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, TypeAlias, cast

import hiredis
import redis
from redis import exceptions

from nextbest_service.metrics.durations import Durations

Command: TypeAlias = tuple[Any, ...]
"""A command and its arguments, such as `("HGET", key, field)`."""

MOST_WAITING = 4096
"""How many callers may wait on one line: more would wait longer than any decision may take."""

_MISSING = object()
_ERRORS: dict[str, type[redis.RedisError]] = {
    "ASK": exceptions.AskError,
    "CLUSTERDOWN": exceptions.ClusterDownError,
    "LOADING": exceptions.BusyLoadingError,
    "MOVED": exceptions.MovedError,
    "NOAUTH": exceptions.AuthenticationError,
    "NOSCRIPT": exceptions.NoScriptError,
    "READONLY": exceptions.ReadOnlyError,
    "TRYAGAIN": exceptions.TryAgainError,
    "WRONGPASS": exceptions.AuthenticationError,
}


@dataclass(slots=True)
class _Caller:
    """Somebody who waits for the replies to some commands."""

    commands: int
    until: float
    replies: asyncio.Future[list[Any]]


class Line(asyncio.Protocol):
    """One open connection. It is `open` as long as commands can be sent.

    `round_trips` counts how long replies take: of one caller at a time, for that costs the others nothing.
    """

    def __init__(self, timeout_seconds: float, round_trips: Durations | None = None) -> None:
        self._round_trips = round_trips
        self._timed: _Caller | None = None
        self._timed_ns = 0
        self._timeout = timeout_seconds
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(
            protocolError=exceptions.InvalidResponse, replyError=_error, notEnoughData=_MISSING
        )
        self._transport: asyncio.Transport | None = None
        self._callers: deque[_Caller] = deque()
        self._replies: list[Any] = []
        self._unsent = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self.open = True

    def send(self, commands: Sequence[Command]) -> asyncio.Future[list[Any]]:
        """Send commands and return their replies to come, errors of the server in their places.

        The future fails with redis.ConnectionError where the line is lost or too many wait, and with
        TimeoutError where the replies do not come in time. Any of the commands may then have run.

        Raises:
            TypeError: an argument is neither bytes nor text nor number.
        """
        packed = b"".join([hiredis.pack_command(command) for command in commands])
        replies = self._loop.create_future()
        if not self.open or len(self._callers) >= MOST_WAITING:
            replies.set_exception(redis.ConnectionError("the line to the store is closed, or too busy"))
        elif not commands:
            replies.set_result([])
        else:
            if not self._unsent:
                self._loop.call_soon(self.flush)  # what others send in this turn goes out with it
            self._unsent += packed
            self._callers.append(_Caller(len(commands), self._loop.time() + self._timeout, replies))
            if self._timer is None:
                self._watch(self._callers[-1])
            if self._timed is None and self._round_trips is not None:
                self._timed, self._timed_ns = self._callers[-1], perf_counter_ns()
        return replies

    def flush(self) -> None:
        """Send now what was asked so far, and not only at the end of this turn."""
        packed, self._unsent = self._unsent, bytearray()
        if packed and self.open and self._transport is not None:
            self._transport.write(packed)

    def close(self) -> None:
        """Close the connection; whoever still waits gets an error."""
        self.open = False
        if self._transport is not None:
            hangs = self._transport.get_write_buffer_size() > 0
            (self._transport.abort if hangs else self._transport.close)()
        self._fail(redis.ConnectionError("the line to the store was closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, as asyncio calls it."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits, as asyncio calls it."""
        self.open = False
        self._fail(redis.ConnectionError(f"the store closed the connection: {type(exc).__name__}"))

    def data_received(self, data: bytes) -> None:
        """Hand out the replies that are complete, as asyncio calls it."""
        self._reader.feed(data)
        try:
            while self._callers:
                caller = self._callers[0]
                while len(self._replies) < caller.commands:
                    reply = self._reader.gets()
                    if reply is _MISSING:
                        return
                    self._replies.append(reply)
                replies, self._replies = self._replies, []
                self._callers.popleft()
                if caller is self._timed:
                    self._count_round_trip()
                if not caller.replies.done():
                    caller.replies.set_result(replies)
        except exceptions.InvalidResponse:
            self.close()

    def _count_round_trip(self) -> None:
        if self._round_trips is not None:
            self._round_trips.add((perf_counter_ns() - self._timed_ns) // 1000)
        self._timed = None

    def _watch(self, caller: _Caller) -> None:
        self._timer = self._loop.call_at(caller.until, self._give_up_waiting)

    def _give_up_waiting(self) -> None:
        """Let those go who have waited long enough; then the line takes no more, for the server hangs."""
        self._timer = None
        now = self._loop.time()
        for caller in self._callers:
            if caller.until > now:
                self._watch(caller)
                return
            self.open = False
            if caller is self._timed:
                self._count_round_trip()  # it took at least so long
            if not caller.replies.done():
                caller.replies.set_exception(TimeoutError("the store did not answer in time"))
        if not self.open:
            self.close()

    def _fail(self, error: Exception) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for caller in self._callers:
            if not caller.replies.done():
                caller.replies.set_exception(error)
        self._callers.clear()


def _error(text: str) -> redis.RedisError:
    """Return the error that the server's words stand for."""
    kind, _, rest = text.partition(" ")
    error = _ERRORS.get(kind)
    if error is None:
        return redis.ResponseError(text.removeprefix("ERR "))
    return error(rest)
