"""The edge of the service: bytes come in, statuses go out, and nothing else leaks.

Every RPC of a service descriptor gets a handler made here. It decodes the request itself (grpc would answer
undecodable bytes with UNKNOWN and a traceback, before any interceptor sees them), calls the servicer's method
and turns every failure into a status with google.rpc details. See docs/adr/0003-edge-without-interceptor.md.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from itertools import accumulate, takewhile
from typing import Any

import grpc
import grpc.aio
import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2

from nextbest_service.errors import FieldViolation, NotReadyError, ServiceError, UndecodableRequestError

ERROR_DOMAIN = "nextbest"
DETAILS_KEY = "grpc-status-details-bin"
MAX_VIOLATIONS_BYTES = 4096
"""Most gRPC clients take 8 KiB of trailers, a quarter of it base64; beyond that they see no error at all."""
_VIOLATION_OVERHEAD = 10
"""At most so many bytes of tags and lengths go with each violation."""

Context = grpc.aio.ServicerContext[bytes, Message]
Method = Callable[[Any, Context], Awaitable[Message]]
"""A servicer's method: takes its own request type."""

log = structlog.get_logger()


class NotServedError(ServiceError):
    """The contract has this RPC, this build does not serve it."""

    status = grpc.StatusCode.UNIMPLEMENTED
    reason = "NOT_SERVED"


def service_handler(service: ServiceDescriptor, methods: Mapping[str, Method]) -> grpc.GenericRpcHandler:
    """Return the handler of a whole service; RPCs without a method answer UNIMPLEMENTED.

    Args:
        service: the service's descriptor.
        methods: async functions of (request message, context) by the name of their unary RPC.
    """
    handlers = {
        rpc.name: grpc.stream_stream_rpc_method_handler(_refuse_stream)
        if rpc.client_streaming or rpc.server_streaming
        else _unary_handler(rpc, methods.get(rpc.name, _not_served))
        for rpc in service.methods
    }
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def _unary_handler(rpc: MethodDescriptor, method: Method) -> "grpc.RpcMethodHandler[bytes, Message]":
    message_class = GetMessageClass(rpc.input_type)

    async def call(raw: bytes, context: Context) -> Message:
        try:
            return await method(_decode(message_class, raw), context)
        except ServiceError as error:
            failure = error
        except asyncio.CancelledError:
            if context.cancelled():
                raise  # the caller has gone: nobody is left to answer
            failure = NotReadyError("the call was cut short; try again")
        except grpc.aio.AbortError:
            raise
        except Exception:  # the last line: whatever it was, the caller gets an opaque reference
            failure = _internal_error(rpc)
        return await abort(context, failure)

    return grpc.unary_unary_rpc_method_handler(call, None, GetMessageClass(rpc.output_type).SerializeToString)


async def _not_served(_request: Message, _context: Context) -> Message:
    raise NotServedError("this build does not serve this RPC yet")


async def _refuse_stream(_requests: AsyncIterator[bytes], context: Context) -> None:
    await abort(context, NotServedError("this build serves no streams yet"))


def _decode(message_class: type[Message], raw: bytes) -> Message:
    try:
        return message_class.FromString(raw)
    except DecodeError as error:
        raise UndecodableRequestError("the bytes are not a message of this RPC's request type") from error


def _internal_error(rpc: MethodDescriptor) -> ServiceError:
    reference = uuid.uuid4().hex[:12]
    log.exception("handler_failed", rpc=rpc.full_name, reference=reference)
    return ServiceError(f"internal error, reference {reference}")


async def abort(context: Context, error: ServiceError) -> Message:
    """End the call with the error's status, one ErrorInfo and the field violations."""
    status = _status(error)
    trailers = ((DETAILS_KEY, status.SerializeToString()),)
    await context.abort(error.status, status.message, trailers)
    raise AssertionError("context.abort returned")


def _status(error: ServiceError) -> status_pb2.Status:
    listed = _that_fit(error.violations)
    cut = len(listed) < len(error.violations)
    message = f"{error.message}; the first {len(listed)} are listed" if cut else error.message
    status = status_pb2.Status(code=error.status.value[0], message=message)
    _attach(status, error_details_pb2.ErrorInfo(reason=error.reason, domain=ERROR_DOMAIN))
    if listed:
        bad = error_details_pb2.BadRequest()
        for violation in listed:
            bad.field_violations.add(field=violation.field, description=violation.description)
        _attach(status, bad)
    return status


def _that_fit(violations: Sequence[FieldViolation]) -> Sequence[FieldViolation]:
    """Return the first violations, as many as trailers can carry."""
    sizes = accumulate(
        len(violation.field.encode()) + len(violation.description.encode()) + _VIOLATION_OVERHEAD
        for violation in violations
    )
    return violations[: sum(1 for _ in takewhile(lambda size: size <= MAX_VIOLATIONS_BYTES, sizes))]


def _attach(status: status_pb2.Status, detail: Message) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    status.details.append(packed)
