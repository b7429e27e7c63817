"""RPCs of many messages fail as clearly as those of one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc
import grpc.aio
import pytest
from running_service import CANARY, Refusal, read_refusal
from structlog.testing import capture_logs

from nextbest.v1 import customer_pb2
from nextbest_service.api.edge import service_handler
from nextbest_service.errors import NotReadyError
from nextbest_service.serving.services import CUSTOMER_SERVICE

COLLECT = "/nextbest.v1.CustomerService/StreamEvents"
EXPORT = "/nextbest.v1.CustomerService/ExportCustomer"
RECORD = customer_pb2.ExportCustomerResponse(kind="identity")


def outcome_of(
    methods: dict[str, Callable[..., Any]], ask: Callable[[Any], Any], max_bytes: int = 1000
) -> Any:
    """Serve some methods, ask once, and return the answer or the refusal."""

    async def run() -> Any:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((service_handler(CUSTOMER_SERVICE, methods, max_bytes),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                return await ask(channel)
        except grpc.aio.AioRpcError as error:
            return read_refusal(error)
        finally:
            await server.stop(None)

    return asyncio.run(run())


def collected(handler: Callable[..., Any], *messages: bytes) -> Any:
    """Return what a client stream of some messages comes to."""
    return outcome_of(
        {"StreamEvents": handler}, lambda channel: channel.stream_unary(COLLECT)(iter(messages))
    )


def streamed(handler: Callable[..., Any], message: bytes = b"") -> Any:
    """Return what a server stream comes to: its messages, or the refusal."""

    async def ask(channel: grpc.aio.Channel) -> Sequence[bytes]:
        return [answer async for answer in channel.unary_stream(EXPORT)(message)]

    return outcome_of({"ExportCustomer": handler}, ask)


async def count(requests: AsyncIterator[Any], _context: Any) -> customer_pb2.StreamEventsResponse:
    """Count messages."""
    return customer_pb2.StreamEventsResponse(applied=len([request async for request in requests]))


def test_many_messages_have_one_answer() -> None:
    answer = collected(count, b"", b"", b"")
    assert customer_pb2.StreamEventsResponse.FromString(answer).applied == 3


def test_a_message_that_cannot_be_read_ends_the_stream_with_the_reason() -> None:
    refusal = collected(count, b"", b"\xff\xff")
    assert (refusal.status, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "UNDECODABLE_REQUEST")


def test_a_message_that_is_too_large_is_refused_before_it_is_read() -> None:
    for refusal in (collected(count, b"", b"\xff" * 1001), streamed(count, b"\xff" * 1001)):
        assert (refusal.status, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_LARGE")


def test_one_message_has_many_answers() -> None:
    async def export(_request: Any, _context: Any) -> AsyncIterator[Any]:
        yield RECORD
        yield RECORD

    assert streamed(export) == [RECORD.SerializeToString()] * 2


def test_what_fails_after_some_answers_is_told_all_the_same() -> None:
    async def export(_request: Any, _context: Any) -> AsyncIterator[Any]:
        yield RECORD
        raise NotReadyError("draining")

    refusal = streamed(export)
    assert (refusal.status, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "NOT_READY")


@pytest.mark.parametrize("kind", ["collect", "stream"])
def test_a_bug_becomes_an_opaque_reference(kind: str) -> None:
    async def collect(_requests: Any, _context: Any) -> Any:
        raise KeyError(CANARY)

    async def stream(_request: Any, _context: Any) -> AsyncIterator[Any]:
        yield RECORD
        raise KeyError(CANARY)

    with capture_logs() as log:
        refusal: Refusal = collected(collect, b"") if kind == "collect" else streamed(stream)
    assert refusal.status == grpc.StatusCode.INTERNAL
    assert CANARY.encode() not in refusal.raw
    (line,) = [line for line in log if line["event"] == "handler_failed"]
    assert line["reference"] in refusal.message


def test_an_rpc_that_is_not_served_says_so() -> None:
    refusal = outcome_of({}, lambda channel: channel.stream_unary(COLLECT)(iter([b""])))
    assert (refusal.status, refusal.reason) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_SERVED")
