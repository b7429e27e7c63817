"""How failures leave the service: a status, one ErrorInfo and the fields that are wrong, nothing else."""

import uuid
from collections.abc import Sequence
from itertools import accumulate, takewhile

import grpc.aio
import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from nextbest_service.errors import FieldViolation, ServiceError

ERROR_DOMAIN = "nextbest"
DETAILS_KEY = "grpc-status-details-bin"
MAX_VIOLATIONS_BYTES = 4096
"""Most gRPC clients take 8 KiB of trailers, a quarter of it base64; beyond that they see no error at all."""
_VIOLATION_OVERHEAD = 10
"""At most so many bytes of tags and lengths go with each violation."""

log = structlog.get_logger()

Context = grpc.aio.ServicerContext[bytes, Message]


async def abort(context: Context, error: ServiceError) -> Message:
    """End the call with the error's status, one ErrorInfo and the field violations."""
    status = _status(error)
    trailers = ((DETAILS_KEY, status.SerializeToString()),)
    await context.abort(error.status, status.message, trailers)
    raise AssertionError("context.abort returned")


def told(error: ServiceError) -> tuple[str, Sequence[FieldViolation]]:
    """Return the message of an error, and as many of its violations as trailers can carry."""
    listed = _that_fit(error.violations)
    cut = len(listed) < len(error.violations)
    return (f"{error.message}; the first {len(listed)} are listed" if cut else error.message), listed


def defect(rpc: str) -> ServiceError:
    """Log the exception at hand, and return what the caller hears of it: an opaque reference."""
    reference = uuid.uuid4().hex[:12]
    log.exception("handler_failed", rpc=rpc, reference=reference)
    return ServiceError(f"internal error, reference {reference}")


def _status(error: ServiceError) -> status_pb2.Status:
    message, listed = told(error)
    status = status_pb2.Status(code=error.status.value[0], message=message)
    _attach(status, error_details_pb2.ErrorInfo(reason=error.reason, domain=ERROR_DOMAIN))
    if listed:
        bad = error_details_pb2.BadRequest()
        for violation in listed:
            bad.field_violations.add(field=violation.field, description=violation.description)
        _attach(status, bad)
    return status


def _that_fit(violations: Sequence[FieldViolation]) -> Sequence[FieldViolation]:
    sizes = accumulate(
        len(violation.field.encode()) + len(violation.description.encode()) + _VIOLATION_OVERHEAD
        for violation in violations
    )
    return violations[: sum(1 for _ in takewhile(lambda size: size <= MAX_VIOLATIONS_BYTES, sizes))]


def _attach(status: status_pb2.Status, detail: Message) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    status.details.append(packed)
