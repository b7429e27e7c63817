"""Makes a trace of the calls of an RPC around what answers them, where somebody wants traces."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

from nextbest_service.api.counted import OK, status_of
from nextbest_service.api.refusals import Context

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class CallTrace(Protocol):
    """The trace of one call."""

    def end(self, status: int) -> None:
        """End it, with the number of the gRPC status."""


class Tracing(Protocol):
    """Traces calls."""

    def begin(self, rpc: str, context: Context) -> CallTrace:
        """Begin the trace of a call of an RPC; what is decided in it belongs to it."""


def traced(
    answer: Callable[[Asked, Context], Awaitable[Answered]], rpc: str, tracing: Tracing | None
) -> Callable[[Asked, Context], Awaitable[Answered]]:
    """Return a handler with one answer whose calls are traced; the same one where nobody traces."""
    if tracing is None:
        return answer

    async def answer_traced(asked: Asked, context: Context) -> Answered:
        trace = tracing.begin(rpc, context)
        try:
            answered = await answer(asked, context)
        except BaseException as error:
            trace.end(status_of(context, error))
            raise
        trace.end(OK)
        return answered

    return answer_traced


def traced_stream(
    stream: Callable[[Asked, Context], AsyncIterator[Answered]], rpc: str, tracing: Tracing | None
) -> Callable[[Asked, Context], AsyncIterator[Answered]]:
    """Return a handler with many answers whose calls are traced."""
    if tracing is None:
        return stream

    async def stream_traced(asked: Asked, context: Context) -> AsyncIterator[Answered]:
        trace = tracing.begin(rpc, context)
        try:
            async for answered in stream(asked, context):
                yield answered
        except BaseException as error:
            trace.end(status_of(context, error))
            raise
        trace.end(OK)

    return stream_traced
