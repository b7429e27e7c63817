"""What counting costs a decision, beside the same counted by prometheus_client, labels and all.

Run it with `python -m benchmarks.micro.metrics`; add `--json` for a machine. One call counts what a decision
does: a request, its status and time, the kind of the decision and the time of seven steps. "handler" is what
answers, with and without its counting. In the first line stands what one reading of the metrics takes, on a
thread that shares the interpreter with the answers.
"""

from collections.abc import Coroutine, Iterator
from time import perf_counter_ns, process_time_ns
from types import SimpleNamespace
from typing import Any, cast

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from benchmarks.interleaved import Candidate, run
from nextbest_service.api.counted import counted
from nextbest_service.api.refusals import Context
from nextbest_service.decisions.decision import Decision, SelectionType, Timing
from nextbest_service.decisions.observing import Spent
from nextbest_service.metrics.durations import CALL_BOUNDS_US, STEP_BOUNDS_US
from nextbest_service.metrics.exposition import Exposition
from nextbest_service.metrics.tallies import STEPS, Tallies
from nextbest_service.serving.services import SERVICES

DECIDE = "nextbest.v1.DecisionService.Decide"
TIMING = Timing(62, 31, 48, 22, 0, 3)
DECISION = cast(
    "Decision",
    SimpleNamespace(
        selection_type=SelectionType.RANKED,
        customer_known=True,
        timing=TIMING,
        stale_features=(),
        degraded=(),
    ),
)
READINGS = 20
NO_CALL = cast("Context", None)


def candidates() -> Iterator[Candidate]:
    """Yield everything that is compared."""
    tallies = Tallies.of(SERVICES)
    made, decide = tallies.decisions, tallies.calls[DECIDE]

    def ours() -> None:
        made.rendering.add(19)
        made.answered(DECISION, 3)
        decide.add(0, perf_counter_ns())

    yield Candidate("count one decision", "nextbest", 0, ours)
    yield Candidate("count one decision", "prometheus_client", 0, _theirs())

    async def answer(_asked: bytes, _context: Context) -> bytes:
        return b""

    samples = tallies.samples
    samples._due_ns = 1 << 62  # noqa: SLF001 - all but ten decisions in a second come before the time

    def look_on() -> None:
        samples.decided(DECISION, Spent(0, perf_counter_ns(), 19, 3))

    yield Candidate("look on at a decision", "not due", 0, look_on)

    with_it = counted(answer, decide)
    yield Candidate("handler", "as it is", 0, lambda: _awaited(cast("Any", answer(b"", NO_CALL))))
    yield Candidate("handler", "counted", 0, lambda: _awaited(cast("Any", with_it(b"", NO_CALL))))


def scrape_ms() -> tuple[float, float, int]:
    """Return what a reading takes of CPU where only Decide is called, where every RPC is, and its bytes."""
    registry, tallies = CollectorRegistry(), Tallies.of(SERVICES)
    registry.register(
        Exposition(tallies, SimpleNamespace(waiting=0, dropped=0, room=10_000), 0.0, lambda: None)
    )
    tallies.calls[DECIDE].statuses[0] += 1
    few = min(_cpu_ms(registry) for _ in range(READINGS))
    for calls in tallies.calls.values():
        calls.statuses[0] += 1
    return few, min(_cpu_ms(registry) for _ in range(READINGS)), len(generate_latest(registry))


def _cpu_ms(registry: CollectorRegistry) -> float:
    started_ns = process_time_ns()
    generate_latest(registry)
    return (process_time_ns() - started_ns) / 1e6


def _theirs() -> Any:  # noqa: ANN401 - a callable
    registry = CollectorRegistry()
    bounds, step_bounds = (tuple(it / 1e6 for it in them) for them in (CALL_BOUNDS_US, STEP_BOUNDS_US))
    requests = Counter("requests", "-", ["rpc", "status"], registry=registry)
    durations = Histogram("request_duration_seconds", "-", ["rpc"], buckets=bounds, registry=registry)
    kinds = Counter("decisions", "-", ["selection_type", "customer"], registry=registry)
    steps = Histogram("step_duration_seconds", "-", ["step"], buckets=step_bounds, registry=registry)

    def count() -> None:
        started_ns = perf_counter_ns()
        for step, spent_us in zip((*STEPS, "reserve"), TIMING, strict=True):
            steps.labels(step).observe(spent_us / 1e6)
        steps.labels("render").observe(19e-6)
        kinds.labels("RANKED", "known").inc()
        requests.labels("Decide", "OK").inc()
        durations.labels("Decide").observe((perf_counter_ns() - started_ns) / 1e9)

    return count


def _awaited(coroutine: Coroutine[Any, Any, Any]) -> None:
    try:
        coroutine.send(None)
    except StopIteration:
        return


if __name__ == "__main__":
    few, most, size = scrape_ms()
    scrape = {"scrape_ms": f"{few:.1f}", "scrape_of_all_rpcs_ms": f"{most:.1f}", "scrape_bytes": str(size)}
    run("What counting costs", candidates, scrape, rounds=101, calls=200)
