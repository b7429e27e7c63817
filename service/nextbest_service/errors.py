"""What can go wrong at the service's edge: each class is one status, one reason and one safe message.

Messages name fields and rules, never the values a caller sent: those may be personal data.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import grpc


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One thing wrong with one field of a request, by its path in the message."""

    field: str
    description: str


class ServiceError(Exception):
    """A failure with a gRPC status, an UPPER_SNAKE reason and a message for the caller."""

    status = grpc.StatusCode.INTERNAL
    reason = "INTERNAL"

    def __init__(
        self, message: str, violations: Sequence[FieldViolation] = (), *, retry_after_ms: int = 0
    ) -> None:
        """`retry_after_ms` is how long a retry should wait; 0 gives no advice."""
        super().__init__(message)
        self.message = message
        self.violations = tuple(violations)
        self.retry_after_ms = retry_after_ms


class InvalidRequestError(ServiceError):
    """The request breaks the contract; every violation is listed."""

    status = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_REQUEST"

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        plural = "field is" if len(violations) == 1 else "fields are"
        super().__init__(f"{len(violations)} {plural} invalid", violations)


class UndecodableRequestError(ServiceError):
    """The bytes are not a message of the RPC's request type."""

    status = grpc.StatusCode.INVALID_ARGUMENT
    reason = "UNDECODABLE_REQUEST"


class UnknownReferenceError(ServiceError):
    """The request names something that the catalog does not have; every such name is listed."""

    status = grpc.StatusCode.NOT_FOUND
    reason = "UNKNOWN_REFERENCE"

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        super().__init__("the request names things that the catalog does not have", violations)


class UnauthenticatedError(ServiceError):
    """Nobody knows who calls. Why not is told in the log, not to the caller."""

    status = grpc.StatusCode.UNAUTHENTICATED
    reason = "UNAUTHENTICATED"

    def __init__(self) -> None:
        super().__init__("the call carries no credentials that are accepted here")


class PermissionDeniedError(ServiceError):
    """The caller is known, and may not do this; fields that are not permitted are listed."""

    status = grpc.StatusCode.PERMISSION_DENIED
    reason = "PERMISSION_DENIED"

    def __init__(self, violations: Sequence[FieldViolation] = ()) -> None:
        super().__init__("this caller may not do this", violations)


class StoreUnavailableError(ServiceError):
    """The customer store did not answer in time, or is not there."""

    status = grpc.StatusCode.UNAVAILABLE
    reason = "STORE_UNAVAILABLE"


class StoreTimeoutError(StoreUnavailableError):
    """The customer store may be there, and did not answer in time."""


class UnknownDecisionError(ServiceError):
    """What is reported happened to a decision that is not known any more: the person was erased since."""

    status = grpc.StatusCode.NOT_FOUND
    reason = "UNKNOWN_DECISION"

    def __init__(self) -> None:
        super().__init__("this decision is not known any more")


class AuditUnavailableError(ServiceError):
    """The caller wants a durable record of the decision, and there is nowhere to keep one."""

    status = grpc.StatusCode.UNAVAILABLE
    reason = "AUDIT_UNAVAILABLE"

    def __init__(self, message: str = "the decision cannot be recorded now; try again") -> None:
        super().__init__(message)


class OverloadedError(ServiceError):
    """More is asked than can be answered, and this would come too late or can wait."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "OVERLOADED"

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__("there is more to do than time: try again later", retry_after_ms=retry_after_ms)


class QuotaExceededError(ServiceError):
    """The caller asks more than it may."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "QUOTA_EXCEEDED"

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__("this caller asks more often than it may", retry_after_ms=retry_after_ms)


class NotReadyError(ServiceError):
    """The service is starting or draining."""

    status = grpc.StatusCode.UNAVAILABLE
    reason = "NOT_READY"


class DecisionFailedError(Exception):
    """A defect on the way of a decision, which had got its id already; the cause says what it was."""

    def __init__(self, decision_id: str) -> None:
        super().__init__()
        self.decision_id = decision_id


class StartupError(Exception):
    """The service, or a command, cannot start; the message says why and what to do."""
