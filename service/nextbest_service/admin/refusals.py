"""What operators may ask for that cannot be done."""

import grpc

from nextbest_service.errors import ServiceError


class UnknownModelError(ServiceError):
    """There is no such model version."""

    status = grpc.StatusCode.NOT_FOUND
    reason = "UNKNOWN_MODEL"

    def __init__(self) -> None:
        super().__init__("there is no such model version; ListModels has all of them")


class InvalidModelError(ServiceError):
    """The model fails its checks, or cannot be put into use; what serves has not changed."""

    status = grpc.StatusCode.FAILED_PRECONDITION
    reason = "INVALID_MODEL"


class NoPreviousModelError(ServiceError):
    """No model was in use before."""

    status = grpc.StatusCode.FAILED_PRECONDITION
    reason = "NO_PREVIOUS_MODEL"

    def __init__(self) -> None:
        super().__init__("no model was in use before the one that is")
