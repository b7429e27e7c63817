"""Writes what became of the items of a batch."""

from collections.abc import Mapping

from nextbest.v1 import error_pb2
from nextbest_service.api.refusals import told
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
    return error_pb2.ItemResult(id=item_id, status=error_pb2.ITEM_STATUS_REJECTED, error=render_error(result))


def render_error(error: ServiceError) -> error_pb2.Error:
    """Return a refusal as it stands in answers that go on."""
    message, listed = told(error)
    return error_pb2.Error(
        code=error.status.value[0],
        reason=error.reason,
        message=message,
        field_violations=[
            error_pb2.FieldViolation(field=violation.field, description=violation.description)
            for violation in listed
        ],
    )
