"""Traces for OpenTelemetry: a span per call, below it one per decision and its steps.

Only this module knows OpenTelemetry, and nothing imports it unless traces are wanted. Spans of decisions are
made when they are over, of the times that were taken anyway: nothing is measured for their sake.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from threading import Thread
from time import perf_counter_ns, time_ns

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from nextbest_service.api.refusals import Context
from nextbest_service.decisions.decision import Decision
from nextbest_service.decisions.observing import Spent

MOST_SECONDS_AT_THE_END = 2.0
"""So long the last spans may take to leave; a collector that hangs does not hold up the end."""
DEFECTS = frozenset({2, 13, 15})
"""UNKNOWN, INTERNAL and DATA_LOSS: a server's span has an error only where the server erred."""
_PARENTS = ("traceparent", "tracestate")
_PROPAGATOR = TraceContextTextMapPropagator()
_CALL: ContextVar[Span | None] = ContextVar("span of the call", default=None)


class _CallTrace:
    """The span of one call."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        self._span = span

    def end(self, status: int) -> None:
        """End the span."""
        if self._span.is_recording():
            self._span.set_attribute("rpc.grpc.status_code", status)
            if status in DEFECTS:
                self._span.set_status(Status(StatusCode.ERROR))
            self._span.end()


class Tracing:
    """Traces calls, and what is decided in them. `processor` takes the spans that end."""

    def __init__(self, processor: SpanProcessor, *, share: float | None = None, worker: int = 0) -> None:
        attributes = {"service.name": "nextbest"} | ({"service.instance.id": str(worker)} if worker else {})
        # A sampler that is not named is the one that OTEL_TRACES_SAMPLER names.
        sampler = None if share is None else ParentBased(TraceIdRatioBased(share))
        self._provider = TracerProvider(
            sampler, Resource.create(attributes), shutdown_on_exit=False, span_limits=None
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("nextbest")

    def begin(self, rpc: str, context: Context) -> _CallTrace:
        """Begin the span of a call, below that of the caller if it sent one."""
        service, _, method = rpc.rpartition(".")
        span = self._tracer.start_span(
            f"{service}/{method}",
            _PROPAGATOR.extract(_parents(context)),
            SpanKind.SERVER,
            {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method},
        )
        _CALL.set(span)  # the tasks of this call inherit it, and end with it
        return _CallTrace(span)

    def decided(self, decision: Decision, spent: Spent) -> None:
        """Add the spans of a decision to the call's."""
        call = _CALL.get()
        if call is None or not call.is_recording():
            return
        began_ns = time_ns() - (perf_counter_ns() - spent.began_ns)
        ended_ns = began_ns + spent.ended_ns - spent.began_ns
        span = self._tracer.start_span(
            "decision", trace.set_span_in_context(call), attributes=_attributes(decision), start_time=began_ns
        )
        within, at_ns = trace.set_span_in_context(span), began_ns
        for name, microseconds in _steps(decision, spent).items():
            if microseconds:
                until_ns = min(at_ns + microseconds * 1000, ended_ns)
                self._tracer.start_span(name, within, start_time=at_ns).end(until_ns)
                at_ns = until_ns
        span.end(ended_ns)

    def close(self) -> None:
        """Send what waits, for a moment."""
        closing = Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        closing.start()
        closing.join(MOST_SECONDS_AT_THE_END)


def _parents(context: Context) -> Mapping[str, str]:
    metadata = context.invocation_metadata() or ()
    return {key: value for key, value in metadata if key in _PARENTS and isinstance(value, str)}


def _attributes(decision: Decision) -> Mapping[str, str | bool | int | tuple[str, ...]]:
    versions = decision.basis.generation.versions
    return {
        "nextbest.decision_id": decision.id,
        "nextbest.placements": tuple(placed.request.placement.id for placed in decision.placements),
        "nextbest.propositions": sum(len(placed.propositions) for placed in decision.placements),
        "nextbest.selection_type": decision.selection_type.value,
        "nextbest.customer_known": decision.customer_known,
        "nextbest.degraded": tuple(it.value for it in decision.degraded),
        "nextbest.catalog_version": versions.catalog,
        "nextbest.model_version": versions.model,
    }


def _steps(decision: Decision, spent: Spent) -> Mapping[str, int]:
    """Return the microseconds of all steps, in their order."""
    timed = {name.removesuffix("_us"): took for name, took in decision.timing._asdict().items()}
    return {**timed, "reserve": spent.reserve_us, "render": spent.render_us}
