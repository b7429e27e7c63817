"""What people want to know of a service, computed from what its metrics say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

from nextbest_rules import Stage
from nextbest_service.top.scrapes import Values, Window

PREFIX = "nextbest_"


@dataclass(frozen=True, slots=True)
class Spread:
    """Durations in seconds; None where nothing was timed."""

    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Rpc:
    """The calls of one RPC: per second, by status where it is an error, how long they took."""

    name: str
    rate: float
    errors: Mapping[str, float]
    took: Spread
    under_way: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of decisions."""

    name: str
    took: Spread


@dataclass(frozen=True, slots=True)
class Worker:
    """One process; `problem` says why nothing is known of it."""

    address: str
    rate: float
    cores: float
    resident_bytes: float
    open_files: int
    lag_p99: float | None
    log_waiting: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is shown. Rates are per second.

    `served` are the labels of what each process serves, each once; `left_out` the actions left out per
    decision by stage. `breaker_open` is None where the service has no breaker.
    """

    rpcs: tuple[Rpc, ...]
    steps: tuple[Step, ...]
    decisions: float
    known_share: float | None
    ranked_share: float | None
    repeated: float
    stale: float
    degraded: Mapping[str, float]
    left_out: Mapping[str, float]
    empty_share: float | None
    round_trip: Spread
    items: Mapping[str, float]
    shed: float
    log_waiting: int
    log_lost: int
    breaker_open: bool | None
    broken_parts: tuple[str, ...]
    reloads: Mapping[str, int]
    served: tuple[Mapping[str, str], ...]
    workers: tuple[Worker, ...]


def figures(window: Window) -> Figures:
    """Return the figures of one window."""
    grown, now = window.grown, window.now
    kinds = by(grown, "decisions_total", "customer")
    ranked = by(grown, "decisions_total", "selection_type")
    decisions, sampled = sum(kinds.values()), total(grown, "sampled_decisions_total")
    breaker = [value for (name, _), value in now.items() if name == f"{PREFIX}store_breaker_open"]
    return Figures(
        rpcs=_rpcs(grown, now),
        steps=tuple(
            Step(name, spread(grown, "decision_step_duration_seconds", step=name))
            for name in by(now, "decision_step_duration_seconds_count", "step")
        ),
        decisions=decisions,
        known_share=_share(kinds.get("known", 0.0), decisions),
        ranked_share=_share(ranked.get("RANKED", 0.0), decisions),
        repeated=total(grown, "repeated_answers_total"),
        stale=total(grown, "stale_decisions_total"),
        degraded=_some(by(grown, "degraded_decisions_total", "reason")),
        left_out=_left_out(grown, sampled),
        empty_share=_share(total(grown, "sampled_empty_decisions_total"), sampled),
        round_trip=spread(grown, "store_round_trip_seconds"),
        items=_some(by(grown, "items_total", "kind", "result")),
        shed=total(grown, "shed_calls_total"),
        log_waiting=int(total(now, "decision_log_waiting_records")),
        log_lost=int(total(now, "decision_log_lost_records_total")),
        breaker_open=any(breaker) if breaker else None,
        broken_parts=_broken(window),
        reloads={result: int(count) for result, count in _some(by(now, "reloads_total", "result")).items()},
        served=_served(now),
        workers=_workers(window),
    )


def by(values: Values, name: str, *labels: str) -> dict[str, float]:
    """Return the sums of a series by the values of some labels, joined by spaces."""
    found: dict[str, float] = {}
    for (full, given), value in values.items():
        if full == PREFIX + name:
            named = dict(given)
            key = " ".join(named.get(label, "") for label in labels)
            found[key] = found.get(key, 0.0) + value
    return found


def total(values: Values, name: str, **labels: str) -> float:
    """Return the sum of a series with some labels; 0 where there is none."""
    wanted = labels.items()
    return sum(
        value for (full, given), value in values.items() if full == PREFIX + name and wanted <= {*given}
    )


def spread(grown: Values, name: str, **labels: str) -> Spread:
    """Return mean and quantiles of a histogram with some labels."""
    count, wanted = total(grown, f"{name}_count", **labels), labels.items()
    buckets: dict[float, float] = {}
    for (full, given), value in grown.items():
        if full == f"{PREFIX}{name}_bucket" and wanted <= {*given}:
            bound = float(dict(given)["le"])
            buckets[bound] = buckets.get(bound, 0.0) + value
    mean = total(grown, f"{name}_sum", **labels) / count if count else None
    rising = sorted(buckets.items())
    return Spread(mean, quantile(rising, 0.5), quantile(rising, 0.95), quantile(rising, 0.99))


def quantile(buckets: Iterable[tuple[float, float]], share: float) -> float | None:
    """Return below which value a share of all values lies, as Prometheus computes it.

    `buckets` are rising bounds, each with how many values it and all lower ones hold. None without values;
    the highest finite bound where the value lies beyond it.
    """
    rising = [*buckets]
    count = rising[-1][1] if rising else 0.0
    if count <= 0:
        return None
    wanted, low, below = share * count, 0.0, 0.0
    for bound, held in rising:
        if held >= wanted and held > below:
            return low if bound == inf else low + (bound - low) * (wanted - below) / (held - below)
        low, below = (low if bound == inf else bound), held
    return low


def _rpcs(grown: Values, now: Values) -> tuple[Rpc, ...]:
    """Return the RPCs that were ever called, busiest first."""
    under_way = by(now, "requests_under_way", "rpc")
    called = {rpc for rpc, count in by(now, "requests_total", "rpc").items() if count} | under_way.keys()
    statuses = by(grown, "requests_total", "rpc", "status")

    def rpc(name: str) -> Rpc:
        own = {key.rpartition(" ")[2]: rate for key, rate in statuses.items() if key.startswith(f"{name} ")}
        errors = _some({status: rate for status, rate in own.items() if status != "OK"})
        took = spread(grown, "request_duration_seconds", rpc=name)
        return Rpc(name, sum(own.values()), errors, took, int(under_way.get(name, 0)))

    return tuple(sorted(map(rpc, called), key=lambda it: (-it.rate, it.name)))


def _left_out(grown: Values, sampled: float) -> dict[str, float]:
    """Return the actions left out per sampled decision, in the order of the stages."""
    rates = by(grown, "sampled_exclusions_total", "stage")
    return {stage.value: rates[stage] / sampled for stage in Stage if sampled and rates.get(stage)}


def _broken(window: Window) -> tuple[str, ...]:
    """Return the parts that do not work in some process."""
    return tuple(
        sorted(
            {
                dict(labels)["part"]
                for end in window.ends
                for (name, labels), value in (end.values or {}).items()
                if name == f"{PREFIX}part_healthy" and not value
            }
        )
    )


def _served(now: Values) -> tuple[Mapping[str, str], ...]:
    return tuple(dict(labels) for name, labels in sorted(now) if name == f"{PREFIX}generation_info")


def _workers(window: Window) -> tuple[Worker, ...]:
    return tuple(
        Worker(
            address=end.address,
            rate=total(own, "requests_total"),
            cores=own.get(("process_cpu_seconds_total", ()), 0.0),
            resident_bytes=(end.values or {}).get(("process_resident_memory_bytes", ()), 0.0),
            open_files=int((end.values or {}).get(("process_open_fds", ()), 0)),
            lag_p99=spread(own, "loop_lag_seconds").p99,
            log_waiting=int(total(end.values or {}, "decision_log_waiting_records")),
            problem=end.problem,
        )
        for end, own in zip(window.ends, window.own, strict=True)
    )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _some(values: Mapping[str, float]) -> dict[str, float]:
    """Return what is not zero."""
    return {key: value for key, value in values.items() if value}
