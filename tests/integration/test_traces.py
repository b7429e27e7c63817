"""Traces as a collector gets them, and that nothing is paid for them where nobody wants any."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
import redis
from corner_shop import ANNA, question
from running_service import CORNER_SHOP, DECIDE, Service, service, spawn, wait_until

from nextbest.v1.decision_pb2 import DecideResponse, DecideStreamRequest, DecideStreamResponse
from nextbest_service.errors import StartupError
from nextbest_service.observing import exporting
from nextbest_service.observing.exporting import open_tracing

pytest.importorskip("opentelemetry.sdk", reason="of the extra `tracing`")
pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc")

from opentelemetry.proto.collector.trace.v1 import (
    trace_service_pb2,
    trace_service_pb2_grpc,
)

STREAM = "/nextbest.v1.DecisionService/DecideStream"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = (("traceparent", f"00-{TRACE}-{PARENT}-01"),)
NOT_SAMPLED = (("traceparent", f"00-{TRACE}-{PARENT}-00"),)
STEPS = {"read", "screen", "score", "arbitrate", "render"}


@dataclass
class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes spans over OTLP, as collectors do."""

    spans: list[Any] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        """Take spans."""
        del context
        for of_resource in request.resource_spans:
            attributes = of_resource.resource.attributes
            self.resources.append({it.key: it.value.string_value for it in attributes})
            for of_scope in of_resource.scope_spans:
                self.spans += of_scope.spans
        return trace_service_pb2.ExportTraceServiceResponse()

    def named(self, name: str) -> list[Any]:
        """Return the spans of a name."""
        return [span for span in self.spans if span.name == name]


@contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    """Yield a collector and its address."""
    collector, server = Collector(), grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield collector, f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@dataclass
class Traced:
    """A service whose traces are collected."""

    running: Service
    collector: Collector
    channel: grpc.Channel

    def decide(self, metadata: Any = (), **fields: Any) -> DecideResponse:
        """Ask one question."""
        raw = self.channel.unary_unary(DECIDE)(
            question(**fields).SerializeToString(), timeout=20, metadata=metadata
        )
        return DecideResponse.FromString(raw)

    def span_of(self, decision_id: str) -> Any:
        """Return the span of a decision, once it has come."""

        def found() -> list[Any]:
            return [
                span
                for span in self.collector.named("decision")
                if attributes(span)["nextbest.decision_id"] == decision_id
            ]

        wait_until(lambda: bool(found()), 30)
        return found()[0]


def attributes(span: Any) -> dict[str, Any]:
    """Return the attributes of a span."""
    return {it.key: getattr(it.value, str(it.value.WhichOneof("value"))) for it in span.attributes}


@pytest.fixture(autouse=True, scope="module")
def sent_soon() -> Iterator[None]:
    """Have spans sent five times in a second, and not once in five of them."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        yield


@pytest.fixture(scope="module")
def traced(
    shop_model: Path, shop_store: redis.Redis, shop_store_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Traced]:
    """A service that sends traces. It must end cleanly, and quickly."""
    del shop_store
    options = ["--redis-url", shop_store_url, "--model", str(shop_model), "--store-timeout-ms", "2000"]
    with collecting() as (collector, address):
        options += ["--tracing", f"otlp://{address}"]
        with service(tmp_path_factory.mktemp("traced"), *options) as running:
            assert running.events("tracing")
            with grpc.insecure_channel(running.address) as channel:
                yield Traced(running, collector, channel)
            assert running.stop() == 0, running.log()
        assert "Traceback" not in running.log()


def test_a_call_has_a_span_below_that_of_its_caller_and_steps_below_the_decision(traced: Traced) -> None:
    answer = traced.decide(SAMPLED)
    decision = traced.span_of(answer.decision_id)
    spans = {span.span_id: span for span in traced.collector.spans if span.trace_id.hex() == TRACE}
    call = spans[decision.parent_span_id]
    assert call.name == "nextbest.v1.DecisionService/Decide"
    assert call.parent_span_id.hex() == PARENT
    assert attributes(call)["rpc.grpc.status_code"] == 0
    steps = {it.name: it for it in spans.values() if it.parent_span_id == decision.span_id}
    assert steps.keys() >= STEPS
    for step in steps.values():
        assert decision.start_time_unix_nano <= step.start_time_unix_nano <= step.end_time_unix_nano
        assert step.end_time_unix_nano <= decision.end_time_unix_nano
    assert call.start_time_unix_nano - 1e6 <= decision.start_time_unix_nano
    spent_us = (decision.end_time_unix_nano - decision.start_time_unix_nano) / 1000
    timing = answer.timing
    assert timing.read_us + timing.screen_us + timing.score_us <= spent_us <= timing.total_us
    told = attributes(decision)
    assert told["nextbest.model_version"] == answer.versions.model
    assert told["nextbest.propositions"] == len(answer.placements[0].propositions)
    assert traced.collector.resources[0]["service.name"] == "nextbest"


def test_who_is_not_sampled_by_its_caller_sends_nothing(traced: Traced) -> None:
    silent = traced.decide(NOT_SAMPLED).decision_id
    traced.span_of(traced.decide().decision_id)  # that came later, and is there
    assert silent not in {
        attributes(span)["nextbest.decision_id"] for span in traced.collector.named("decision")
    }


def test_the_questions_of_a_stream_are_decisions_of_one_call(traced: Traced) -> None:
    questions = [DecideStreamRequest(correlation_id=it, request=question(dry_run=True)) for it in range(5)]
    call = traced.channel.stream_stream(
        STREAM,
        request_serializer=DecideStreamRequest.SerializeToString,
        response_deserializer=DecideStreamResponse.FromString,
    )
    ids = [answer.response.decision_id for answer in call(iter(questions), timeout=30)]
    assert len({traced.span_of(id_).parent_span_id for id_ in ids}) == 1


def test_errors_of_callers_are_no_errors_of_the_service(traced: Traced) -> None:
    metadata = (("traceparent", f"00-{'1' * 32}-{PARENT}-01"),)
    with pytest.raises(grpc.RpcError):
        traced.channel.unary_unary(DECIDE)(b"\xff\xff", timeout=20, metadata=metadata)
    wait_until(lambda: any(it.trace_id.hex() == "1" * 32 for it in traced.collector.spans), 30)
    (span,) = (it for it in traced.collector.spans if it.trace_id.hex() == "1" * 32)
    assert attributes(span)["rpc.grpc.status_code"] == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert span.status.code == 0


@pytest.mark.parametrize("sent", ["", "nonsense", f"00-{'0' * 32}-{PARENT}-01", "00-" + "x" * 5000])
def test_a_parent_that_is_none_is_overlooked(traced: Traced, sent: str) -> None:
    answer = traced.decide((("traceparent", sent),))
    assert traced.span_of(answer.decision_id).trace_id.hex() not in {TRACE, "0" * 32}


def test_nothing_about_customers_is_in_traces(traced: Traced) -> None:
    traced.span_of(traced.decide().decision_id)
    assert ANNA.id.encode() not in b"".join(span.SerializeToString() for span in traced.collector.spans)


def test_a_collector_that_is_away_holds_up_neither_answers_nor_the_end(
    shop_model: Path, shop_store_url: str, tmp_path: Path
) -> None:
    options = ["--redis-url", shop_store_url, "--model", str(shop_model), "--store-timeout-ms", "2000"]
    with service(tmp_path, *options, "--tracing", "otlp://127.0.0.1:1") as running:
        with grpc.insecure_channel(running.address) as channel:
            for _ in range(20):
                channel.unary_unary(DECIDE)(question().SerializeToString(), timeout=5)
        assert running.stop() == 0


def test_nothing_of_ours_is_imported_where_nobody_wants_traces() -> None:
    # redis-py imports by itself what there is of OpenTelemetry: nothing in an installation without the extra.
    code = (
        "import sys, nextbest_service.server;"
        "print('opentelemetry.exporter' in sys.modules, 'nextbest_service.observing.tracing' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "False False"
    assert open_tracing(None, None, environ={}) is None


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4317", "OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_SDK_DISABLED": "True"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
    ],
)
def test_variables_of_opentelemetry_are_heeded(environ: dict[str, str], wanted: bool) -> None:
    assert exporting._wanted(environ) is wanted


def test_where_it_is_not_installed_the_option_is_refused_and_a_variable_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exporting, "_NEEDED", ("opentelemetry.nowhere",))
    with pytest.raises(StartupError, match="pip install"):
        open_tracing("otlp://127.0.0.1:4317", None)
    assert open_tracing(None, None, environ={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}) is None


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    arguments = ["serve", "--home", str(tmp_path), "--catalog", str(CORNER_SHOP), "--tracing", "localhost"]
    with spawn(tmp_path, arguments) as running:
        assert running.process.wait(60) == 2
        assert "--tracing" in running.log()
