"""DecideStream: many questions over one call, each answered as Decide would, whenever it is ready."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from time import perf_counter_ns
from typing import TypeAlias

from nextbest.v1.decision_pb2 import DecideRequest, DecideStreamRequest, DecideStreamResponse
from nextbest_service.api.counted import CANCELLED, OK
from nextbest_service.api.refusals import Context, defect
from nextbest_service.api.render_result import render_error
from nextbest_service.api.wire import tag, varint, with_length
from nextbest_service.errors import FieldViolation, InvalidRequestError, NotReadyError, ServiceError
from nextbest_service.metrics.tallies import Calls
from nextbest_service.overload.doors import Door

AT_A_TIME = 64
"""Questions of one stream that are taken and not answered: no more are read until answers have left."""
MOST_MORE = 99
MOST_BYTES = 256 * 1024
"""Of a message that carries several answers."""
_ID, _RESPONSE = tag(DecideStreamResponse, "correlation_id"), tag(DecideStreamResponse, "response")
_ERROR, _MORE = tag(DecideStreamResponse, "error"), tag(DecideStreamResponse, "more")
_64_BITS = (1 << 64) - 1

Answer: TypeAlias = Callable[[DecideRequest, Context], Awaitable[bytes]]
"""Answers one question, with a serialised DecideResponse."""


class DecisionStreams:
    """Serves `DecideStream` with what answers Decide. Once `stopping` is set, streams end.

    `calls` counts questions, and which streams are open; None: nothing does. `door` refuses questions that
    have to wait.
    """

    def __init__(
        self,
        answer: Answer,
        stopping: asyncio.Event,
        calls: Calls | None = None,
        door: Door | None = None,
    ) -> None:
        self._answer = answer
        self._door = door
        self._stopping = stopping
        self._calls = calls

    async def decide_stream(
        self, messages: AsyncIterator[DecideStreamRequest], context: Context
    ) -> AsyncIterator[bytes]:
        """Answer the questions of one stream.

        Raises:
            NotReadyError: the service is about to stop; what was taken has been answered.
        """
        stream = _Stream(self._answer, context, self._calls, self._door)
        self._count_open(1)
        reading = asyncio.create_task(stream.read(messages))
        stopping = asyncio.create_task(self._stopping.wait())
        stopping.add_done_callback(lambda _: reading.cancel())
        try:
            async for message in stream.answers():
                yield message
        finally:
            self._count_open(-1)
            stream.close()
            reading.cancel()
            stopping.cancel()

    def _count_open(self, more: int) -> None:
        if self._calls is not None:
            self._calls.open_streams += more


class _Stream:
    """The questions of one stream on their way, and the answers that are ready."""

    def __init__(self, answer: Answer, context: Context, calls: Calls | None, door: Door | None) -> None:
        self._answer = answer
        self._door = door
        self._context = context
        self._calls = calls
        self._room = asyncio.Semaphore(AT_A_TIME)
        self._asked: set[asyncio.Task[bytes]] = set()
        self._ready: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._together = False
        self._all_read = False
        self._failure: Exception | None = None

    async def read(self, messages: AsyncIterator[DecideStreamRequest]) -> None:
        """Take questions, as many as there is room for, until there are no more."""
        try:
            async for message in messages:
                for question, sound in self._questions(message):
                    await self._room.acquire()
                    self._take(question, sound)
        except asyncio.CancelledError:
            self._failure = NotReadyError("the service is stopping: ask again what was not answered")
        except Exception as error:
            self._failure = error
        self._all_read = True
        self._changed.set()

    async def answers(self) -> AsyncIterator[bytes]:
        """Yield messages of answers until everything that was taken is answered; then raise what ended it."""
        while not (self._all_read and not self._asked and not self._ready):
            await self._changed.wait()
            self._changed.clear()
            while self._ready:
                count, message = self._next()
                yield message
                for _ in range(count):
                    self._room.release()
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Drop what is on its way: nobody is there to hear it."""
        for task in self._asked:
            task.cancel()

    def _questions(self, message: DecideStreamRequest) -> Iterator[tuple[DecideStreamRequest, bool]]:
        """Yield the questions of a message, and whether each stands where it may."""
        yield message, True
        if message.more:
            self._together = True
            for place, question in enumerate(message.more):
                yield question, place < MOST_MORE and not question.more

    def _take(self, question: DecideStreamRequest, sound: bool) -> None:
        task = asyncio.create_task(self._answered(question, sound))
        self._asked.add(task)
        task.add_done_callback(self._put)

    def _put(self, task: asyncio.Task[bytes]) -> None:
        self._asked.discard(task)
        if not task.cancelled():
            self._ready.append(task.result())
        self._changed.set()

    async def _answered(self, question: DecideStreamRequest, sound: bool) -> bytes:
        started_ns, status = perf_counter_ns(), CANCELLED
        if self._calls is not None:
            self._calls.begun += 1
        try:
            status, outcome = await self._outcome(question, sound)
        finally:
            if self._calls is not None:
                self._calls.add(status, started_ns)
        return _ID + varint(question.correlation_id & _64_BITS) + outcome

    async def _outcome(self, question: DecideStreamRequest, sound: bool) -> tuple[int, bytes]:
        try:
            if self._door is not None:
                self._door.ask(self._context)
            _check(question, sound)
            return OK, _RESPONSE + with_length(await self._answer(question.request, self._context))
        except ServiceError as error:
            refusal = error
        except Exception:  # as at the edge: whatever it was, the caller gets a reference
            refusal = defect("nextbest.v1.DecisionService.DecideStream")
        return refusal.status.value[0], _ERROR + with_length(render_error(refusal).SerializeToString())

    def _next(self) -> tuple[int, bytes]:
        """Return the next message and how many answers it has: all that are ready, as far as it may."""
        parts = [self._ready.popleft()]
        size = len(parts[0])
        while self._together and self._ready:
            more = _MORE + with_length(self._ready[0])
            size += len(more)
            if size > MOST_BYTES:
                break
            self._ready.popleft()
            parts.append(more)
        return len(parts), b"".join(parts)


def _check(question: DecideStreamRequest, sound: bool) -> None:
    if not sound:
        limit = f"at most {MOST_MORE} more questions in a message, which have no more themselves"
        raise InvalidRequestError([FieldViolation("more", limit)])
    if not question.HasField("request"):
        raise InvalidRequestError([FieldViolation("request", "is needed")])
