"""Many questions over one call: answered as Decide would, each by itself, never too many at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from corner_shop import ANNA, BEN, CARL, STRANGER, asked, question
from running_service import CANARY, Client, Refusal, Service, read_refusal
from structlog.testing import capture_logs

from nextbest.v1 import decision_pb2
from nextbest.v1.decision_pb2 import DecideResponse, DecideStreamRequest, DecideStreamResponse
from nextbest_service.api.decision_stream import AT_A_TIME, MOST_BYTES, MOST_MORE, DecisionStreams
from nextbest_service.api.edge import service_handler
from nextbest_service.serving.services import DECISION_SERVICE

STREAM = "/nextbest.v1.DecisionService/DecideStream"
OK = DecideResponse(decision_id="fine")


def asked_as(number: int, request: decision_pb2.DecideRequest | None = None) -> DecideStreamRequest:
    """Return one question."""
    return DecideStreamRequest(correlation_id=number, request=request or question())


def together(questions: Sequence[DecideStreamRequest]) -> DecideStreamRequest:
    """Return one message with several questions."""
    message = DecideStreamRequest()
    message.CopyFrom(questions[0])
    message.more.extend(questions[1:])
    return message


def flat(messages: Iterable[DecideStreamResponse]) -> Iterator[DecideStreamResponse]:
    """Yield each answer by itself."""
    for message in messages:
        yield message
        yield from message.more


def stream(client: Client, messages: Iterable[DecideStreamRequest]) -> list[DecideStreamResponse]:
    """Ask a real service and return the messages that it sends, until the stream ends well."""
    call = client.channel.stream_stream(
        STREAM,
        request_serializer=DecideStreamRequest.SerializeToString,
        response_deserializer=DecideStreamResponse.FromString,
    )
    return list(call(iter(messages), timeout=60.0))


def by_id(messages: Iterable[DecideStreamResponse]) -> dict[int, DecideStreamResponse]:
    """Return the answers by their ids, each of which comes once."""
    answers = [*flat(messages)]
    found = {answer.correlation_id: answer for answer in answers}
    assert len(found) == len(answers)
    return found


def comparable(answer: DecideResponse) -> DecideResponse:
    """Return an answer without what differs from one decision to the next."""
    plain = DecideResponse()
    plain.CopyFrom(answer)
    plain.ClearField("timing")
    plain.ClearField("decision_id")
    plain.ClearField("decided_at_unix_ms")
    return plain


@pytest.mark.parametrize("in_one_message", [False, True])
def test_a_stream_answers_as_decide_does(client: Client, in_one_message: bool) -> None:
    requests = [
        question(asked("home", limit=4), of=who, dry_run=True, include_content=True)
        for who in (ANNA, BEN, CARL, STRANGER)
    ]
    questions = [asked_as(number, request) for number, request in enumerate(requests)]
    answers = by_id(stream(client, [together(questions)] if in_one_message else questions))
    for number, request in enumerate(requests):
        assert comparable(answers[number].response) == comparable(client.decide(request))


def test_the_same_request_id_gets_the_same_bytes_by_stream_and_by_call(client: Client) -> None:
    request = question(request_id="once-by-stream")
    answers = by_id(stream(client, [asked_as(-1, request)]))
    assert answers[-1].response == client.decide(request)


def test_a_bad_question_is_refused_by_itself_and_the_stream_goes_on(client: Client) -> None:
    bad = decision_pb2.DecideRequest(placements=[asked("attic")])
    answers = by_id(
        stream(
            client,
            [
                asked_as(1),
                asked_as(2, bad),
                DecideStreamRequest(correlation_id=3),
                asked_as(4, question("attic")),
                asked_as(5),
            ],
        )
    )
    assert answers[1].response.placements
    assert answers[5].response.placements
    refused = {number: answers[number].error for number in (2, 3, 4)}
    assert {number: (error.code, error.reason) for number, error in refused.items()} == {
        2: (3, "INVALID_REQUEST"),
        3: (3, "INVALID_REQUEST"),
        4: (5, "UNKNOWN_REFERENCE"),
    }
    assert [it.field for it in refused[2].field_violations] == ["identities", "placements[0].id"]
    assert [it.field for it in refused[3].field_violations] == ["request"]


def test_questions_that_stand_where_they_may_not_are_refused(client: Client) -> None:
    nested = asked_as(2)
    nested.more.append(asked_as(3))
    many = together([asked_as(1), nested, *(asked_as(number) for number in range(10, 10 + MOST_MORE))])
    answers = by_id(stream(client, [many]))
    assert 3 not in answers
    assert {number for number, answer in answers.items() if answer.HasField("error")} == {2, 9 + MOST_MORE}
    assert answers[2].error.field_violations[0].field == "more"


def test_only_those_who_ask_together_are_answered_together(client: Client) -> None:
    apart = stream(client, [asked_as(number) for number in range(50)])
    assert len(apart) == len(by_id(apart)) == 50
    joined = stream(client, [together([asked_as(number) for number in range(50)])])
    assert len(joined) < len(by_id(joined)) == 50


def test_bytes_that_cannot_be_read_end_the_stream_after_what_was_asked_before(client: Client) -> None:
    call = client.channel.stream_stream(STREAM)(iter([asked_as(1).SerializeToString(), b"\xff\xff"]))
    answers = []
    with pytest.raises(grpc.RpcError) as caught:
        answers.extend(call)
    refusal = read_refusal(caught.value)
    assert (refusal.status, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "UNDECODABLE_REQUEST")


def test_ten_thousand_questions_on_one_stream_take_no_memory(client: Client, shop: Service) -> None:
    def questions(count: int) -> Iterator[DecideStreamRequest]:
        for start in range(0, count, 50):
            yield together([asked_as(number, question(dry_run=True)) for number in range(start, start + 50)])

    assert len(by_id(stream(client, questions(1000)))) == 1000
    before = resident_mb(shop)
    assert len(by_id(stream(client, questions(10_000)))) == 10_000
    assert resident_mb(shop) - before < 20


def resident_mb(service: Service) -> float:
    """Return the memory of a service's process."""
    pages = Path(f"/proc/{service.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096 / 1e6


# What follows is about the stream itself: what answers is ours.

Answer = Callable[[decision_pb2.DecideRequest, Any], Awaitable[bytes]]


@asynccontextmanager
async def streaming(answer: Answer, stopping: asyncio.Event | None = None) -> AsyncIterator[grpc.aio.Channel]:
    """Serve streams of decisions and yield a channel."""
    streams = DecisionStreams(answer, stopping or asyncio.Event())
    server = grpc.aio.server()
    handler = service_handler(DECISION_SERVICE, {"DecideStream": streams.decide_stream})
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(None)


def opened(channel: grpc.aio.Channel) -> Any:
    """Open a stream."""
    return channel.stream_stream(
        STREAM,
        request_serializer=DecideStreamRequest.SerializeToString,
        response_deserializer=DecideStreamResponse.FromString,
    )()


class Gate:
    """Answers once it is open, and counts."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.began = self.ended = self.cancelled = 0

    async def answer(self, _request: decision_pb2.DecideRequest, _context: Any) -> bytes:
        """Answer one question."""
        self.began += 1
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.ended += 1
        return OK.SerializeToString()

    async def reaches(self, began: int) -> None:
        """Wait until so many questions have begun."""
        async with asyncio.timeout(10):
            while self.began < began:
                await asyncio.sleep(0.01)


def test_only_so_many_questions_of_a_stream_are_worked_on_at_a_time() -> None:
    async def run() -> None:
        gate = Gate()
        async with streaming(gate.answer) as channel:
            call = opened(channel)
            await call.write(together([asked_as(number) for number in range(90)]))
            await call.write(asked_as(90))
            await call.done_writing()
            await gate.reaches(AT_A_TIME)
            await asyncio.sleep(0.1)
            assert gate.began == AT_A_TIME
            gate.open.set()
            assert len(by_id([message async for message in call])) == 91

    asyncio.run(run())


def test_a_caller_that_does_not_read_is_not_worked_for() -> None:
    async def run() -> None:
        count = 0

        async def answer(_request: decision_pb2.DecideRequest, _context: Any) -> bytes:
            nonlocal count
            count += 1
            return DecideResponse(decision_id="x" * 100_000).SerializeToString()

        async with streaming(answer) as channel:
            call = opened(channel)

            async def ask() -> None:
                for number in range(1000):
                    await call.write(asked_as(number))
                await call.done_writing()

            asking = asyncio.create_task(ask())
            await asyncio.sleep(1)
            assert count < AT_A_TIME + 200  # those, and what fits into buffers on the way
            assert len(by_id([message async for message in call])) == 1000
            await asking

    asyncio.run(run())


def test_a_quick_answer_does_not_wait_for_a_slow_one() -> None:
    async def run() -> None:
        slow = asyncio.Event()

        async def answer(request: decision_pb2.DecideRequest, _context: Any) -> bytes:
            if request.request_id == "slow":
                await slow.wait()
            return OK.SerializeToString()

        async with streaming(answer) as channel:
            call = opened(channel)
            await call.write(asked_as(1, question(request_id="slow")))
            await call.write(asked_as(2))
            assert (await call.read()).correlation_id == 2
            slow.set()
            assert (await call.read()).correlation_id == 1
            await call.done_writing()
            assert await call.read() is grpc.aio.EOF
            assert await call.code() is grpc.StatusCode.OK

    asyncio.run(run())


def test_hanging_up_ends_what_was_on_its_way() -> None:
    async def run() -> None:
        gate = Gate()
        async with streaming(gate.answer) as channel:
            call = opened(channel)
            await call.write(together([asked_as(number) for number in range(10)]))
            await gate.reaches(10)
            call.cancel()
            async with asyncio.timeout(10):
                while gate.cancelled < 10:
                    await asyncio.sleep(0.01)

    asyncio.run(run())


def test_a_stream_has_one_deadline() -> None:
    async def run() -> Refusal:
        gate = Gate()
        async with streaming(gate.answer) as channel:
            call = channel.stream_stream(STREAM)(timeout=0.5)
            await call.write(asked_as(1).SerializeToString())
            try:
                await call.read()
            except grpc.aio.AioRpcError as error:
                return read_refusal(error)
        raise AssertionError("it was answered")

    assert asyncio.run(run()).status is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_service_that_stops_answers_what_it_has_taken_and_says_that_it_ends() -> None:
    async def run() -> tuple[dict[int, DecideStreamResponse], Refusal]:
        gate, stopping, answers = Gate(), asyncio.Event(), []
        async with streaming(gate.answer, stopping) as channel:
            call = opened(channel)
            await call.write(together([asked_as(number) for number in range(20)]))
            await gate.reaches(20)
            stopping.set()
            await asyncio.sleep(0.1)
            gate.open.set()
            try:
                while True:  # until it fails
                    answers.append(await call.read())
            except grpc.aio.AioRpcError as error:
                return by_id(answers), read_refusal(error)
        raise AssertionError("it ended well")

    answers, refusal = asyncio.run(run())
    assert len(answers) == 20
    assert all(answer.response == OK for answer in answers.values())
    assert (refusal.status, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "NOT_READY")


def test_a_defect_costs_one_question_and_leaks_nothing() -> None:
    async def answer(request: decision_pb2.DecideRequest, _context: Any) -> bytes:
        if request.request_id:
            raise KeyError(CANARY)
        return OK.SerializeToString()

    async def run() -> list[DecideStreamResponse]:
        async with streaming(answer) as channel:
            call = opened(channel)
            await call.write(together([asked_as(1, question(request_id="x")), asked_as(2)]))
            await call.done_writing()
            return [message async for message in call]

    with capture_logs() as log:
        answers = by_id(asyncio.run(run()))
    assert answers[2].response == OK
    assert (answers[1].error.code, answers[1].error.reason) == (13, "INTERNAL")
    assert CANARY not in str(answers)
    (line,) = [line for line in log if line["event"] == "handler_failed"]
    assert line["reference"] in answers[1].error.message


def test_answers_that_come_together_stay_below_a_size() -> None:
    async def answer(_request: decision_pb2.DecideRequest, _context: Any) -> bytes:
        return DecideResponse(decision_id="x" * 30_000).SerializeToString()

    async def run() -> list[DecideStreamResponse]:
        async with streaming(answer) as channel:
            call = opened(channel)
            await call.write(together([asked_as(number) for number in range(40)]))
            await call.done_writing()
            return [message async for message in call]

    messages = asyncio.run(run())
    assert len(by_id(messages)) == 40
    assert max(message.ByteSize() for message in messages) <= MOST_BYTES
    assert any(message.more for message in messages)
