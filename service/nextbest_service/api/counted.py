"""Counts the calls of an RPC around what answers them, by the status that the caller gets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter_ns
from typing import TypeVar, cast

import grpc

from nextbest_service.api.refusals import Context
from nextbest_service.metrics.tallies import Calls

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")
OK: int = grpc.StatusCode.OK.value[0]
CANCELLED: int = grpc.StatusCode.CANCELLED.value[0]


def counted(
    answer: Callable[[Asked, Context], Awaitable[Answered]], calls: Calls | None
) -> Callable[[Asked, Context], Awaitable[Answered]]:
    """Return a handler with one answer that counts its calls; the same one where nothing is counted."""
    if calls is None:
        return answer

    async def answer_counted(asked: Asked, context: Context) -> Answered:
        started_ns = perf_counter_ns()
        try:
            answered = await answer(asked, context)
        except BaseException:
            calls.add(_status(context), started_ns)
            raise
        calls.add(OK, started_ns)
        return answered

    return answer_counted


def counted_stream(
    stream: Callable[[Asked, Context], AsyncIterator[Answered]], calls: Calls | None
) -> Callable[[Asked, Context], AsyncIterator[Answered]]:
    """Return a handler with many answers that counts its calls, each once it has ended."""
    if calls is None:
        return stream

    async def stream_counted(asked: Asked, context: Context) -> AsyncIterator[Answered]:
        started_ns = perf_counter_ns()
        try:
            async for answered in stream(asked, context):
                yield answered
        except BaseException:
            calls.add(_status(context), started_ns)
            raise
        calls.add(OK, started_ns)

    return stream_counted


def _status(context: Context) -> int:
    """Return the status that a call was aborted with; without one the caller has gone."""
    code = cast("int", context.code())  # whatever its annotation says
    return code or CANCELLED
