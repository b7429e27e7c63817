"""A bug in whatever serves an RPC, of whatever kind: the caller gets a reference, nobody gets its text."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from every_kind import KINDS, Kind
from running_service import CANARY, Refusal, read_refusal
from structlog.testing import capture_logs

from nextbest_service.api.edge import service_handler


class Unspeakable:
    """An answer that cannot be written."""

    def SerializeToString(self) -> bytes:  # noqa: N802 - as protobuf names it
        """Fail."""
        raise ValueError(CANARY)


async def fails(*_: Any) -> Any:
    """Fail at once."""
    raise KeyError(CANARY)


async def answers_badly(*_: Any) -> Any:
    """Answer with what cannot be written."""
    return Unspeakable()


async def fails_on_the_way(*_: Any) -> AsyncIterator[Any]:
    """Answer once, then fail."""
    yield b""
    raise KeyError(CANARY)


async def streams_badly(*_: Any) -> AsyncIterator[Any]:
    """Answer once, then with what cannot be written."""
    yield b""
    yield Unspeakable()


async def reads_first(messages: AsyncIterator[Any], _: Any) -> Any:
    """Read everything, then fail."""
    async for _message in messages:
        pass
    raise KeyError(CANARY)


CASES = [
    *((kind, method) for kind in KINDS if not kind.streams_answers for method in (fails, answers_badly)),
    *(
        (kind, method)
        for kind in KINDS
        if kind.streams_answers
        for method in (fails_on_the_way, streams_badly)
    ),
    *((kind, reads_first) for kind in KINDS if kind.streams_requests and not kind.streams_answers),
]


@pytest.mark.parametrize(("kind", "method"), CASES, ids=lambda it: getattr(it, "name", None) or it.__name__)
def test_a_bug_is_told_by_a_reference_only(
    kind: Kind, method: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as log:
        refusal = refusal_of(kind, method)
    assert (refusal.status, refusal.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    (line,) = log
    assert refusal.message == f"internal error, reference {line['reference']}"
    assert (line["event"], line["rpc"]) == ("handler_failed", f"{kind.service.full_name}.{kind.name}")
    assert CANARY.encode() not in refusal.raw
    assert CANARY not in refusal.message
    assert caplog.records == []  # gRPC itself would tell the whole exception


def refusal_of(kind: Kind, method: Callable[..., Any]) -> Refusal:
    """Serve an RPC by a method, call it once, and return the refusal."""

    async def run() -> Refusal:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((service_handler(kind.service, {kind.name: method}),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                await kind.call(channel)
        except grpc.aio.AioRpcError as error:
            return read_refusal(error)
        finally:
            await server.stop(None)
        raise AssertionError("the call was answered")

    return asyncio.run(run())
