"""A small blocking client of the AdminService for the command line."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import grpc
import typer

from nextbest.v1 import admin_pb2, admin_pb2_grpc
from nextbest_service.cli.asking import failure_of
from nextbest_service.cli.dialling import Dialling

_TARGETS: Mapping[str, admin_pb2.ReloadTarget] = {
    name.removeprefix("RELOAD_TARGET_").lower(): cast(admin_pb2.ReloadTarget, number)
    for name, number in admin_pb2.ReloadTarget.items()
    if number
}


def get_status(address: str, timeout: float) -> admin_pb2.GetStatusResponse:
    """Return how a service is.

    Raises:
        UnreachableError: nobody answered in time.
        RefusedError: the service answered with an error.
    """
    with _service(address) as service:
        found: admin_pb2.GetStatusResponse = service.GetStatus(admin_pb2.GetStatusRequest(), timeout=timeout)
        return found


def ask_to_reload(
    address: str, targets: Sequence[str], only_check: bool, timeout: float
) -> admin_pb2.ReloadResponse:
    """Have a service load parts anew, all without `targets`, and return how that went.

    Raises:
        UnreachableError: nobody answered in time.
        RefusedError: the service answered with an error.
    """
    unknown = sorted({*targets} - _TARGETS.keys())
    if unknown:
        raise typer.BadParameter(f"expected {', '.join(_TARGETS)}", param_hint="--target")
    request = admin_pb2.ReloadRequest(targets=[_TARGETS[it] for it in targets], validate_only=only_check)
    with _service(address) as service:
        found: admin_pb2.ReloadResponse = service.Reload(request, timeout=timeout)
        return found


def errors_in(found: admin_pb2.ReloadResponse) -> Sequence[admin_pb2.Diagnostic]:
    """Return what makes loading impossible."""
    return [it for it in found.diagnostics if it.severity == admin_pb2.SEVERITY_ERROR]


@contextmanager
def _service(address: str) -> Iterator[Any]:
    with Dialling.from_environment().channel(address) as channel:
        try:
            yield admin_pb2_grpc.AdminServiceStub(channel)  # type: ignore[no-untyped-call]
        except grpc.RpcError as error:
            raise failure_of(address, error) from None
