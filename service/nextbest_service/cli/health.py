"""`nextbest health`: ask a running service whether it serves, for probes and people."""

from typing import Annotated

import typer

from nextbest_service.cli.calling import AddressOption, service_address
from nextbest_service.cli.options import DEFAULT_HOME, HomeOption
from nextbest_service.errors import StartupError


def health(
    service: Annotated[
        str, typer.Option(help="Such as nextbest.v1.DecisionService. Default: the service as a whole.")
    ] = "",
    address: AddressOption = None,
    timeout: Annotated[float, typer.Option(help="Longest wait for the answer, in seconds.", min=0.001)] = 2.0,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Print the health of a service. Exit code 0 if it is SERVING, else 3."""
    import grpc  # noqa: PLC0415 - slow to import
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415

    from nextbest_service.cli.dialling import Dialling  # noqa: PLC0415

    asked = service_address(address, home)
    with Dialling.from_environment().channel(asked) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=timeout)
        except grpc.RpcError as error:
            raise StartupError(f"no answer from {asked}: {error.code().name}") from None
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise StartupError(status)
    typer.echo(status)
