"""A service of this command's own, for as long as it needs one, and the stubs to talk to it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

from nextbest.v1 import customer_pb2_grpc, decision_pb2_grpc, outcome_pb2_grpc
from nextbest_service.errors import StartupError
from nextbest_service.home import Home

START_TIMEOUT_SECONDS = 120.0
"""The first start on a machine compiles kernels."""
STOP_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Stubs:
    """All that callers of a service say and ask."""

    decisions: decision_pb2_grpc.DecisionServiceStub
    customers: customer_pb2_grpc.CustomerServiceStub
    outcomes: outcome_pb2_grpc.OutcomeServiceStub

    @classmethod
    def of(cls, channel: grpc.Channel) -> "Stubs":
        """Return the stubs of a channel."""
        return cls(
            decision_pb2_grpc.DecisionServiceStub(channel),  # type: ignore[no-untyped-call]
            customer_pb2_grpc.CustomerServiceStub(channel),  # type: ignore[no-untyped-call]
            outcome_pb2_grpc.OutcomeServiceStub(channel),  # type: ignore[no-untyped-call]
        )


@contextmanager
def own_service(home: Home) -> Iterator[Stubs]:
    """Run `nextbest serve` on a free port and yield stubs once it is ready; stop it cleanly afterwards.

    Raises:
        StartupError: it does not become ready.
    """
    command = [sys.executable, "-m", "nextbest_service", "serve", "--home", str(home.root), "--port", "0"]
    # Nobody waits for its answers: on a machine that is busy with other things the store may take its time.
    command += ["--store-timeout-ms", "5000", "--log-level", "warning"]
    service = subprocess.Popen(command)  # noqa: S603 - our own interpreter
    try:
        with grpc.insecure_channel(_address_when_ready(home, service)) as channel:
            yield Stubs.of(channel)
    finally:
        service.terminate()
        service.wait(STOP_TIMEOUT_SECONDS)


def _address_when_ready(home: Home, service: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and service.poll() is None:
        running = home.running_service()
        if running is not None and running.pid == service.pid:
            return running.address
        time.sleep(0.05)
    raise StartupError("the service did not become ready; see its messages above")
