"""Locust as load testers run it: in a process of its own, against a real service and one that refuses."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import pytest
from running_service import service

from nextbest.v1 import decision_pb2, error_pb2, outcome_pb2

SECONDS = 4
Handler = Callable[[Any, grpc.ServicerContext], Any]


class Run:
    """What a run of Locust came to: exit code, requests and failures by name, and all that it printed."""

    def __init__(self, repository: Path, address: str, *options: str) -> None:
        arguments = ["--headless", "--json", "-u", "6", "-r", "6", "-t", f"{SECONDS}s", "--host", address]
        ended = subprocess.run(
            [sys.executable, "-m", "locust", "-f", "benchmarks/locustfile.py", *arguments, *options],
            cwd=repository,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        self.code, self.printed = ended.returncode, ended.stdout + ended.stderr
        entries = json.loads(ended.stdout[ended.stdout.index("[") :]) if "[" in ended.stdout else []
        self.requests = {it["name"]: it["num_requests"] for it in entries}
        self.failures = {it["name"]: it["num_failures"] for it in entries}

    def of(self, mix: str) -> int:
        """Return how many requests of a mix there were."""
        return sum(number for name, number in self.requests.items() if name.startswith(f"{mix}:"))


@pytest.fixture(scope="module")
def grocery(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service on the grocery catalog."""
    catalog = repository / "rules" / "catalogs" / "grocery"
    with service(tmp_path_factory.mktemp("home"), "--store-timeout-ms", "10000", catalog=catalog) as running:
        yield running.address


@pytest.mark.parametrize("mix", ["web", "contact-centre", "orchestrator"])
def test_every_mix_runs_against_the_grocery_catalog_without_a_failure(
    repository: Path, grocery: str, mix: str
) -> None:
    run = Run(repository, grocery, "--tags", mix, "--think", "0.1", "--timeout", "30")
    assert run.code == 0, run.printed
    assert run.of(mix.replace("-", " ")) > 10
    assert sum(run.requests.values()) == run.of(mix.replace("-", " ")), "tags leave other mixes out"
    assert sum(run.failures.values()) == 0


def test_users_wait_for_their_answers_side_by_side(repository: Path) -> None:
    def dawdle(request: Any, context: grpc.ServicerContext) -> Any:
        time.sleep(1.0)
        return _offer(request, context)

    with _fake(decide=dawdle, report=_refused) as address:
        run = Run(repository, address, "--think", "0", "--tags", "contact-centre")
    asked = run.requests["contact centre: next best action"]
    assert asked > 1.5 * SECONDS, "one at a time would be one a second"


def test_refused_calls_are_failures_by_status_and_reason(repository: Path) -> None:
    def refuse(_request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too much")

    with _fake(decide=refuse, report=refuse) as address:
        run = Run(repository, address, "--think", "0.1")
    assert run.code == 1
    assert sum(run.failures.values()) == sum(run.requests.values()) > 0
    assert "RESOURCE_EXHAUSTED: too much" in run.printed


def test_refused_outcomes_are_failures_though_the_call_is_not(repository: Path) -> None:
    refused = error_pb2.ItemResult(
        status=error_pb2.ITEM_STATUS_REJECTED, error=error_pb2.Error(code=3, reason="INVALID_TOKEN")
    )

    def report(request: Any, _context: grpc.ServicerContext) -> Any:
        return outcome_pb2.ReportOutcomesResponse(results=[refused] * len(request.outcomes))

    with _fake(decide=_offer, report=report) as address:
        run = Run(repository, address, "--think", "0.1", "--tags", "web")
    assert run.code == 1
    assert run.failures["web: displayed"] == run.requests["web: displayed"] > 0
    assert run.failures["web: page, known"] == 0
    assert "INVALID_ARGUMENT: an item was refused, INVALID_TOKEN" in run.printed


def test_another_answer_to_a_repeated_question_is_a_failure(repository: Path) -> None:
    with _fake(decide=_offer, report=lambda *_: outcome_pb2.ReportOutcomesResponse()) as address:
        run = Run(repository, address, "--think", "0", "--tags", "orchestrator")
    assert run.code == 1
    assert run.failures["orchestrator: repeated"] == run.requests["orchestrator: repeated"] > 0
    assert "a repeated question got another answer" in run.printed


def test_an_answer_about_other_placements_is_a_failure(repository: Path) -> None:
    with _fake(decide=lambda *_: decision_pb2.DecideResponse(), report=_refused) as address:
        run = Run(repository, address, "--tags", "web")
    assert run.code == 1
    assert "the placements are not those of the question" in run.printed


def test_a_service_that_is_not_there_fails_the_run(repository: Path) -> None:
    run = Run(repository, "127.0.0.1:1")
    assert run.code == 1
    assert "UNAVAILABLE" in run.printed


def test_a_run_that_asks_nothing_fails(repository: Path) -> None:
    assert Run(repository, "127.0.0.1:1", "--tags", "no-such-tag").code == 1


def _refused(_request: Any, context: grpc.ServicerContext) -> Any:
    context.abort(grpc.StatusCode.INTERNAL, "nobody reports here")


_NUMBERS = count()


def _offer(request: Any, _context: grpc.ServicerContext) -> Any:
    """Offer one action in every placement, each time by another decision."""
    answer = decision_pb2.DecideResponse(decision_id=f"{next(_NUMBERS):032x}", decided_at_unix_ms=1)
    for asked in request.placements:
        answer.placements.add(placement_id=asked.id).propositions.add(action_id="a", token="t")
    return answer


@contextmanager
def _fake(decide: Handler, report: Handler) -> Iterator[str]:
    """Serve two methods as a test wants them."""

    def handler(handle: Handler, request: Any, answer: Any) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(handle, request.FromString, answer.SerializeToString)

    server = grpc.server(ThreadPoolExecutor(8))
    requests, answers = decision_pb2.DecideRequest, decision_pb2.DecideResponse
    server.add_registered_method_handlers(
        "nextbest.v1.DecisionService", {"Decide": handler(decide, requests, answers)}
    )
    reports, receipts = outcome_pb2.ReportOutcomesRequest, outcome_pb2.ReportOutcomesResponse
    server.add_registered_method_handlers(
        "nextbest.v1.OutcomeService", {"ReportOutcomes": handler(report, reports, receipts)}
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None)
