"""Failures of the service itself as callers see them, and what it tells tools about itself."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from corner_shop import ANNA, BEN, question
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from running_service import CANARY, DECIDE, Client, Refusal, ids, read_refusal
from structlog.testing import capture_logs

from nextbest.v1 import decision_pb2
from nextbest_service.api.edge import service_handler
from nextbest_service.serving.services import DECISION_SERVICE

Handler = Callable[[Any, Any], Awaitable[Any]]


def refusal_by(handler: Handler) -> tuple[Refusal, list[dict[str, Any]]]:
    """Serve Decide by a handler, ask once, and return the refusal and the log."""

    async def ask() -> Refusal:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((service_handler(DECISION_SERVICE, {"Decide": handler}),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                await channel.unary_unary(DECIDE)(question().SerializeToString(), timeout=5)
        except grpc.aio.AioRpcError as error:
            return read_refusal(error)
        finally:
            await server.stop(None)
        raise AssertionError("the call was answered")

    with capture_logs() as log:
        return asyncio.run(ask()), log


@pytest.mark.parametrize("bug", [KeyError, ValueError, AssertionError, RecursionError, StopAsyncIteration])
def test_a_bug_becomes_an_opaque_reference_that_the_log_explains(bug: type[Exception]) -> None:
    async def broken(_request: Any, _context: Any) -> Any:
        raise bug(CANARY)

    refusal, log = refusal_by(broken)
    assert (refusal.status, refusal.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert CANARY not in refusal.message
    assert CANARY.encode() not in refusal.raw
    (line,) = [line for line in log if line["event"] == "handler_failed"]
    assert refusal.message == f"internal error, reference {line['reference']}"
    assert line["rpc"] == "nextbest.v1.DecisionService.Decide"
    assert line["exc_info"]


def test_a_handler_that_was_cancelled_from_inside_answers_all_the_same() -> None:
    """Without an answer the caller would wait for its whole deadline."""

    async def cancelled(_request: Any, _context: Any) -> Any:
        raise asyncio.CancelledError

    refusal, _ = refusal_by(cancelled)
    assert (refusal.status, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "NOT_READY")


def test_a_handler_that_ends_the_call_itself_is_not_overruled() -> None:
    async def aborting(_request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "as I said")

    refusal, log = refusal_by(aborting)
    assert (refusal.status, refusal.message) == (grpc.StatusCode.FAILED_PRECONDITION, "as I said")
    assert not log


def test_answers_are_not_mixed_up_when_calls_are_cancelled(client: Client) -> None:
    """A reply that a cancelled call left on its connection must not reach the next caller."""
    expected = {person: ids(client.decide(question(of=person))) for person in (ANNA, BEN)}
    assert expected[ANNA] != expected[BEN]
    seen: Counter[str] = Counter()
    for turn in range(60):
        calls = [(person, client.begin(question(of=person))) for person in (ANNA, BEN, BEN, ANNA)]
        for _, call in calls[turn % 4 :: 2]:
            call.cancel()
        for person, call in calls:
            if not call.cancelled():
                assert ids(call.result()) == expected[person]
            seen["cancelled" if call.cancelled() else "answered"] += 1
    assert min(seen["cancelled"], seen["answered"]) > 20


def test_reflection_lists_every_service_of_the_contract(client: Client) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(client.channel)
    wanted = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = stub.ServerReflectionInfo(iter([wanted]), timeout=5)
    assert {item.name for item in answer.list_services_response.service} == {
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        "nextbest.v1.AdminService",
        "nextbest.v1.CustomerService",
        "nextbest.v1.DecisionService",
        "nextbest.v1.OutcomeService",
    }


def test_reflection_describes_the_request(client: Client) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(client.channel)
    symbol = decision_pb2.DecideRequest.DESCRIPTOR.full_name
    wanted = reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)
    (answer,) = stub.ServerReflectionInfo(iter([wanted]), timeout=5)
    assert b"DecideRequest" in answer.file_descriptor_response.file_descriptor_proto[0]


def test_health_is_told_for_the_service_as_a_whole_and_for_decisions(client: Client) -> None:
    assert client.health() == client.health("nextbest.v1.DecisionService") == "SERVING"
    with pytest.raises(grpc.RpcError) as caught:
        client.health("nextbest.v1.NoSuchService")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
