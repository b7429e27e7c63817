"""The edge of the service: bytes come in, statuses go out, and nothing else leaks.

Every RPC of a service descriptor gets a handler made here. It decodes the request itself (grpc would answer
undecodable bytes with UNKNOWN and a traceback, before any interceptor sees them), calls the servicer's method
and turns every failure into a status with google.rpc details. See docs/adr/0003-edge-without-interceptor.md.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, TypeAlias

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from nextbest_service.api.counted import counted, counted_stream
from nextbest_service.api.refusals import Context, abort, defect
from nextbest_service.api.traced import Tracing, traced, traced_stream
from nextbest_service.errors import NotReadyError, ServiceError, UndecodableRequestError
from nextbest_service.metrics.tallies import Calls, Tallies
from nextbest_service.overload.doors import Door, House
from nextbest_service.security.gate import Admit, Gate

MAX_WIRE_BYTES = 4 * 1024 * 1024
"""The largest message of any RPC. gRPC knows one limit per server; smaller ones hold here."""

Method: TypeAlias = Callable[[Any, Context], Any]
"""A servicer's method, by the kind of its RPC.

Unary: takes its request and returns an awaitable answer; one of bytes is sent as it is. Client streaming:
takes an asynchronous iterator of requests instead. Server streaming: returns one of answers.
"""


class NotServedError(ServiceError):
    """The contract has this RPC, this build does not serve it."""

    status = grpc.StatusCode.UNIMPLEMENTED
    reason = "NOT_SERVED"


class TooLargeError(ServiceError):
    """A message is larger than its RPC takes."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "TOO_LARGE"


def service_handler(
    service: ServiceDescriptor,
    methods: Mapping[str, Method],
    max_bytes: int = MAX_WIRE_BYTES,
    tallies: Tallies | None = None,
    gate: Gate | None = None,
    house: House | None = None,
    tracing: Tracing | None = None,
) -> grpc.GenericRpcHandler:
    """Return the handler of a whole service; RPCs without a method answer UNIMPLEMENTED.

    Args:
        service: the service's descriptor.
        methods: the servicer's methods by the name of their RPC.
        max_bytes: the largest message that its RPCs take.
        tallies: where calls are counted, except for conversations; None: nowhere.
        gate: what lets calls in, before anything else is done with them; None: everybody is let in.
        house: has a door for each RPC, where calls are refused that cannot be answered; None: there are none.
            Conversations go by it with each question instead.
        tracing: what traces calls; None: nothing does, and nothing is paid for it.
    """
    calls = tallies.calls if tallies else {}
    handlers = {
        rpc.name: _handler(
            rpc,
            methods.get(rpc.name),
            max_bytes,
            calls.get(rpc.full_name),
            gate.admission(rpc.full_name) if gate else None,
            house.door(rpc.full_name) if house else None,
            tracing,
        )
        for rpc in service.methods
    }
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def _handler(
    rpc: MethodDescriptor,
    method: Method | None,
    max_bytes: int,
    calls: Calls | None,
    admit: Admit | None,
    door: Door | None,
    tracing: Tracing | None,
) -> "grpc.RpcMethodHandler[bytes, bytes]":
    call = _Call(rpc, method or _not_served, GetMessageClass(rpc.input_type), max_bytes, admit, door)
    if method is None:
        return grpc.stream_stream_rpc_method_handler(counted(call.refuse, calls))
    name = rpc.full_name
    if rpc.client_streaming and rpc.server_streaming:
        return grpc.stream_stream_rpc_method_handler(traced_stream(call.converse, name, tracing))
    if rpc.client_streaming:
        collect = traced(counted(call.collect, calls), name, tracing)
        return grpc.stream_unary_rpc_method_handler(collect)
    if rpc.server_streaming:
        stream = traced_stream(counted_stream(call.stream, calls), name, tracing)
        return grpc.unary_stream_rpc_method_handler(stream)
    answer = traced(counted(call.answer, calls), name, tracing)
    return grpc.unary_unary_rpc_method_handler(answer)


@dataclass(frozen=True, slots=True)
class _Call:
    """Answers the calls of one RPC, by its kind."""

    rpc: MethodDescriptor
    method: Method
    message_class: type[Message]
    max_bytes: int
    admit: Admit | None
    door: Door | None

    async def answer(self, raw: bytes, context: Context) -> bytes:
        """Answer one message with one."""
        try:
            came_ns = self._let_in(context)
            answer = _to_bytes(await self.method(self._decode(raw), context))
            if self.door is not None:
                self.door.leave((perf_counter_ns() - came_ns) / 1e9)
        except (Exception, asyncio.CancelledError) as error:
            return await abort(context, self._failure(error, context))
        return answer

    async def collect(self, raws: AsyncIterator[bytes], context: Context) -> bytes:
        """Answer many messages with one."""
        try:
            self._let_in(context)
            answer = _to_bytes(await self.method(self._decoded(raws), context))
        except (Exception, asyncio.CancelledError) as error:
            return await abort(context, self._failure(error, context))
        return answer

    async def stream(self, raw: bytes, context: Context) -> AsyncIterator[bytes]:
        """Answer one message with many."""
        try:
            self._let_in(context)
            async for answer in self.method(self._decode(raw), context):
                yield _to_bytes(answer)
        except (Exception, asyncio.CancelledError) as error:
            await abort(context, self._failure(error, context))

    async def converse(self, raws: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        """Answer many messages with many."""
        try:
            if self.admit is not None:
                self.admit(context)
            async for answer in self.method(self._decoded(raws), context):
                yield _to_bytes(answer)
        except (Exception, asyncio.CancelledError) as error:
            await abort(context, self._failure(error, context))

    async def refuse(self, _raws: AsyncIterator[bytes], context: Context) -> None:
        """Tell those who may call it that the RPC is not served."""
        try:
            if self.admit is not None:
                self.admit(context)
            self.method(None, context)
        except Exception as error:
            await abort(context, self._failure(error, context))

    def _let_in(self, context: Context) -> int:
        """Let a call in, if its caller may call and it can be answered; return when, by `perf_counter_ns`."""
        if self.admit is not None:
            self.admit(context)
        if self.door is not None:
            self.door.enter(context)
        return perf_counter_ns()

    async def _decoded(self, raws: AsyncIterator[bytes]) -> AsyncIterator[Message]:
        async for raw in raws:
            yield self._decode(raw)

    def _decode(self, raw: bytes) -> Message:
        if len(raw) > self.max_bytes:
            raise TooLargeError(f"a message of this RPC has at most {self.max_bytes:,} bytes")
        try:
            return self.message_class.FromString(raw)
        except DecodeError as error:
            raise UndecodableRequestError("the bytes are not a message of this RPC's request type") from error

    def _failure(self, error: BaseException, context: Context) -> ServiceError:
        """Return what the caller hears of a failure; raise it again where the call is over already."""
        if isinstance(error, ServiceError):
            return error
        if isinstance(error, asyncio.CancelledError) and not context.cancelled():
            return NotReadyError("the call was cut short; try again")
        if isinstance(error, asyncio.CancelledError | grpc.aio.AbortError):
            raise error  # the caller has gone, or has been answered
        return defect(self.rpc.full_name)  # the last line, whatever it was


def _not_served(_message: object, _context: Context) -> None:
    raise NotServedError("this build does not serve this RPC yet")


def _to_bytes(answer: Message | bytes) -> bytes:
    """Return what is sent: done here, for grpc tells the caller the text of what fails in a serializer."""
    return answer if isinstance(answer, bytes) else answer.SerializeToString()
