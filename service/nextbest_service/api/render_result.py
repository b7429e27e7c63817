"""Writes what became of the items of a batch."""

from collections.abc import Mapping

from nextbest.v1 import error_pb2
from nextbest_service.api.refusals import MAX_VIOLATIONS_BYTES, told
from nextbest_service.customers.incoming import Status
from nextbest_service.errors import ServiceError

_STATUS: Mapping[Status, error_pb2.ItemStatus] = {
    Status.APPLIED: error_pb2.ITEM_STATUS_APPLIED,
    Status.DUPLICATE: error_pb2.ITEM_STATUS_DUPLICATE,
    Status.STALE: error_pb2.ITEM_STATUS_STALE,
}


def render_result(item_id: str, result: Status | ServiceError) -> error_pb2.ItemResult:
    """Return the result of one item; `item_id` is empty where it has none or it could not be read."""
    if isinstance(result, Status):
        return error_pb2.ItemResult(id=item_id, status=_STATUS[result])
    return render_refusal(item_id, render_error(result))


def render_refusal(item_id: str, error: error_pb2.Error) -> error_pb2.ItemResult:
    """Return the result of one item that was refused."""
    return error_pb2.ItemResult(id=item_id, status=error_pb2.ITEM_STATUS_REJECTED, error=error)


def render_error(error: ServiceError, most_bytes: int = MAX_VIOLATIONS_BYTES) -> error_pb2.Error:
    """Return a refusal as it stands in answers that go on, with violations of so many bytes at most."""
    message, listed = told(error, most_bytes)
    return error_pb2.Error(
        code=error.status.value[0],
        reason=error.reason,
        message=message,
        field_violations=[
            error_pb2.FieldViolation(field=violation.field, description=violation.description)
            for violation in listed
        ],
        retry_after_ms=error.retry_after_ms,
    )
