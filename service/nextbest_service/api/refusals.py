"""How failures leave the service: a status, one ErrorInfo, the fields that are wrong, when to try again."""

import sys
import uuid
from collections.abc import Sequence
from itertools import accumulate, takewhile
from typing import NoReturn

import grpc.aio
import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from nextbest_service.errors import DecisionFailedError, FieldViolation, ServiceError
from nextbest_service.observing.limits import Limit

ERROR_DOMAIN = "nextbest"
DETAILS_KEY = "grpc-status-details-bin"
MAX_VIOLATIONS_BYTES = 4096
"""Most gRPC clients take 8 KiB of trailers, a quarter of it base64; beyond that they see no error at all."""
_VIOLATION_OVERHEAD = 10
"""At most so many bytes of tags and lengths go with each violation."""

_TRACEBACKS = Limit(10, 60.0)

log = structlog.get_logger()

Context = grpc.aio.ServicerContext[bytes, Message]


async def abort(context: Context, error: ServiceError) -> NoReturn:
    """End the call with the error's status, one ErrorInfo, the field violations and the delay of a retry."""
    status = _status(error)
    trailers = ((DETAILS_KEY, status.SerializeToString()),)
    await context.abort(error.status, status.message, trailers)
    raise AssertionError("context.abort returned")


def told(error: ServiceError, most_bytes: int = MAX_VIOLATIONS_BYTES) -> tuple[str, Sequence[FieldViolation]]:
    """Return the message of an error, and as many of its violations as there is room for, as in trailers."""
    listed = _that_fit(error.violations, most_bytes)
    cut = len(listed) < len(error.violations)
    return (f"{error.message}; the first {len(listed)} are listed" if cut else error.message), listed


def defect(rpc: str) -> ServiceError:
    """Log the exception at hand, and return what the caller hears of it: an opaque reference.

    Every one has its line. Those that come in masses have no traceback: it would be the same.
    """
    reference, error = uuid.uuid4().hex[:12], sys.exception()
    told = {"decision_id": error.decision_id} if isinstance(error, DecisionFailedError) else {}
    whole = _TRACEBACKS.unsaid() is not None
    log.error("handler_failed", rpc=rpc, reference=reference, **told, exc_info=whole)
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
    if error.retry_after_ms:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(error.retry_after_ms)
        _attach(status, retry)
    return status


def _that_fit(violations: Sequence[FieldViolation], most_bytes: int) -> Sequence[FieldViolation]:
    sizes = accumulate(
        len(violation.field.encode()) + len(violation.description.encode()) + _VIOLATION_OVERHEAD
        for violation in violations
    )
    return violations[: sum(1 for _ in takewhile(lambda size: size <= most_bytes, sizes))]


def _attach(status: status_pb2.Status, detail: Message) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    status.details.append(packed)
