"""The real service as a process of its own, and a client that understands its refusals."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from nextbest.v1 import decision_pb2, decision_pb2_grpc

CORNER_SHOP = Path(__file__).parent / "catalogs" / "corner_shop"
DECIDE = "/nextbest.v1.DecisionService/Decide"
CANARY = "canary-jane.doe@example.org"  # personal data that no error and no log line may repeat
PATIENCE_SECONDS = 120.0  # the first start on a machine compiles kernels
HealthStatus = health_pb2.HealthCheckResponse.ServingStatus


@dataclass(frozen=True)
class Refusal:
    """A call that was answered with an error."""

    status: grpc.StatusCode
    message: str
    reason: str = ""
    domain: str = ""
    violations: tuple[tuple[str, str], ...] = ()
    retry_after_ms: int = 0
    raw: bytes = field(default=b"", repr=False)

    @property
    def fields(self) -> list[str]:
        """The paths of all fields that are wrong."""
        return [path for path, _ in self.violations]


class Client:
    """One channel to a service."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(address, options=[("grpc.enable_retries", 0)])
        self._decide = decision_pb2_grpc.DecisionServiceStub(self.channel).Decide
        self._raw = self.channel.unary_unary(DECIDE)

    def decide(self, request: decision_pb2.DecideRequest, timeout: float = 10.0) -> Any:
        """Return the answer."""
        return self._decide(request, timeout=timeout)

    def begin(self, request: decision_pb2.DecideRequest) -> Any:
        """Send a request and return the future of its answer."""
        return self._decide.future(request, timeout=10.0)

    def outcome(self, request: Message | bytes, timeout: float = 10.0) -> Any:
        """Return the answer, or the refusal."""
        try:
            if isinstance(request, bytes):
                return decision_pb2.DecideResponse.FromString(self._raw(request, timeout=timeout))
            return self._decide(request, timeout=timeout)
        except grpc.RpcError as error:
            return read_refusal(error)

    def refusal(self, request: Message | bytes, timeout: float = 10.0) -> Refusal:
        """Return the refusal of a request that must not be answered."""
        outcome = self.outcome(request, timeout)
        assert isinstance(outcome, Refusal), f"answered: {outcome}"
        return outcome

    def health(self, service: str = "") -> str:
        """Return the name of the status that the service gives itself."""
        request = health_pb2.HealthCheckRequest(service=service)
        answer = health_pb2_grpc.HealthStub(self.channel).Check(request, timeout=10.0, wait_for_ready=True)
        return str(HealthStatus.Name(answer.status))

    def close(self) -> None:
        """Hang up."""
        self.channel.close()


def read_refusal(error: Any) -> Refusal:
    """Return what an RpcError says."""
    raw = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    status = status_pb2.Status.FromString(raw)
    assert not raw or (status.code, status.message) == (error.code().value[0], error.details())
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    for detail in status.details:
        assert detail.Unpack(info) or detail.Unpack(bad) or detail.Unpack(retry), detail.type_url
    return Refusal(
        status=error.code(),
        message=error.details() or "",
        reason=info.reason,
        domain=info.domain,
        violations=tuple((item.field, item.description) for item in bad.field_violations),
        retry_after_ms=retry.retry_delay.ToMilliseconds(),
        raw=raw,
    )


def ids(answer: Any, placement: int = 0) -> list[str]:
    """Return the ids of the actions offered in one placement, best first."""
    return [proposition.action_id for proposition in answer.placements[placement].propositions]


def excluded(answer: Any) -> dict[tuple[str, str], Any]:
    """Return the exclusions by action and placement."""
    return {(item.action_id, item.placement_id): item for item in answer.exclusions}


@dataclass
class Service:
    """A service process. Its log goes to a file; `address` is known once it listens."""

    process: "subprocess.Popen[bytes]"
    log_file: Path
    address: str = ""

    def log(self) -> str:
        """Return everything it wrote to standard error so far."""
        return self.log_file.read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return its log lines about one kind of event."""
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def wait_for(self, event: str) -> dict[str, Any]:
        """Return the first log line about an event, as soon as there is one."""
        wait_until(lambda: bool(self.events(event)) or self.process.poll() is not None)
        assert self.events(event), f"no '{event}' but:\n{self.log()}"
        return self.events(event)[0]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def service(
    home: Path, *options: str, catalog: Path = CORNER_SHOP, wait_for: str = "ready"
) -> Iterator[Service]:
    """Start the service on a free port, wait for an event in its log, and see that it ends."""
    arguments = ["serve", "--home", str(home), "--catalog", str(catalog), "--log-format", "json", *options]
    if "--port" not in options:
        arguments += ["--port", "0"]
    with spawn(home, arguments) as running:
        running.address = running.wait_for("listening")["address"]
        running.wait_for(wait_for)
        yield running


@contextmanager
def spawn(home: Path, arguments: list[str]) -> Iterator[Service]:
    """Start a `nextbest` command as a process, and see that it ends."""
    home.mkdir(parents=True, exist_ok=True)
    log_file = home / "stderr.txt"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NEXTBEST_")}
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "nextbest_service", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment,
        )
    try:
        yield Service(process, log_file)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()


def wait_until(holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Return as soon as something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)
