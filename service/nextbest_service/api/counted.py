"""Counts the calls of an RPC around what answers them, by the status that the caller gets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter_ns
from typing import TypeVar

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
        calls.begun += 1
        started_ns = perf_counter_ns()
        try:
            answered = await answer(asked, context)
        except BaseException as error:
            calls.add(status_of(context, error), started_ns)
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
        calls.begun += 1
        started_ns = perf_counter_ns()
        try:
            async for answered in stream(asked, context):
                yield answered
        except BaseException as error:
            calls.add(status_of(context, error), started_ns)
            raise
        calls.add(OK, started_ns)

    return stream_counted


def status_of(context: Context, error: BaseException) -> int:
    """Return the status that a call ended with by an error.

    Whose caller has gone is cancelled first and known to be over later: the edge aborts it, too, unheard.
    """
    code: grpc.StatusCode | None = context.code()
    cut_short = isinstance(error.__context__, asyncio.CancelledError)
    return CANCELLED if code is None or cut_short else int(code.value[0])
