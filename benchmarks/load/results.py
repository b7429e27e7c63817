"""From cells to the figures of a run, as `benchmarks/results/latest.json` holds them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np

from benchmarks.load.measuring import Cell, percentile
from benchmarks.load.verdict import LEVEL, TARGETS, noise, why_no_verdict
from benchmarks.standard_work import Figures

NEXTBEST, ECHO, DECODED, HANDWRITTEN = "nextbest", "echo", "echo, decoded", "handwritten"
FEWEST_BEYOND = 10
"""A percentile that fewer calls lie beyond is not given."""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that a run found. `alone_us` and `rss_mb` are by server; `extras` are further figures."""

    cells: tuple[Cell, ...]
    rounds: int
    apart: bool
    concurrency: Mapping[str, int]
    alone_us: Mapping[str, float]
    rss_mb: Mapping[str, float]
    machine: Mapping[str, Any]
    work: Figures
    extras: Mapping[str, Any]


def results(run: Run) -> dict[str, Any]:
    """Return the figures: rates and ratios as medians over rounds, latencies over all calls of all rounds.

    A ratio is that of two servers in one round, so that what slows the machine for a while slows both.
    """
    rates = {name: _rates(run.cells, name) for name in dict.fromkeys(it.server for it in run.cells)}
    servers = {
        name: {"ratio_to_echo": ratio(own, rates[ECHO]), **_server(run, name)} for name, own in rates.items()
    }
    own = servers[NEXTBEST]
    top = own["levels"].get(f"{LEVEL:.0%}", {})
    floor = servers[ECHO]["levels"].get(f"{LEVEL:.0%}", {})
    figures = {
        "echo_rps": servers[ECHO]["rps"],
        "decide_rps": own["rps"],
        "handwritten_rps": servers[HANDWRITTEN]["rps"],
        "ratio_to_echo": ratio(rates[NEXTBEST], rates[ECHO]),
        "ratio_to_handwritten": ratio(rates[NEXTBEST], rates[HANDWRITTEN]),
        "p50_ms": top.get("p50_ms"),
        "p99_ms": top.get("p99_ms"),
        "p999_ms": top.get("p999_ms"),
        "p99_to_echo": _quotient(top.get("p99_ms"), floor.get("p99_ms")),
        "cpu_us_per_decision": own["cpu_us"],
        "cpu_to_echo": _quotient(own["cpu_us"], servers[ECHO]["cpu_us"]),
        "alone_us": run.alone_us.get(NEXTBEST),
        "rss_mb": run.rss_mb[NEXTBEST],
        "stream_rps": None,
        "growth": None,
        **run.extras,
    }
    reasons = why_no_verdict(run.cells, rounds=run.rounds, apart=run.apart)
    verdict = {} if reasons else {it.key: it.met(figures[it.key]) for it in TARGETS}
    return {
        **figures,
        "verdict": verdict,
        "why_no_verdict": reasons,
        "noise": round(noise(run.cells), 2),
        "rounds": run.rounds,
        "servers": servers,
        "standard_work": asdict(run.work),
        "machine": dict(run.machine),
    }


def ratio(ours: Mapping[int, float], theirs: Mapping[int, float]) -> float:
    """Return the median over rounds of the ratio of two rates within a round."""
    return round(median(ours[it] / theirs[it] for it in ours.keys() & theirs.keys()), 3)


def _rates(cells: Sequence[Cell], server: str) -> dict[int, float]:
    return {it.round: it.rate for it in cells if it.server == server and it.level is None}


def _server(run: Run, name: str) -> dict[str, Any]:
    own = [it for it in run.cells if it.server == name]
    full = [it for it in own if it.level is None]
    levels = sorted({it.level for it in own if it.level is not None})
    return {
        "rps": round(median(it.rate for it in full), 1),
        "rps_by_round": [round(it.rate, 1) for it in full],
        "concurrency": run.concurrency[name],
        "cpu_us": round(median(it.cpu_us for it in full), 1),
        "store_cpu_us": round(median(it.store_us for it in full), 1),
        "core_share": round(min(it.core_share for it in full), 2),
        "load_busy": round(max(it.load_busy for it in full), 2),
        "alone_us": run.alone_us.get(name),
        "rss_mb": run.rss_mb.get(name),
        "errors": sum(it.errors for it in own),
        "wrong": sum(it.wrong for it in own),
        "levels": {f"{level:.0%}": _level([it for it in own if it.level == level]) for level in levels},
    }


def _level(cells: Sequence[Cell]) -> dict[str, Any]:
    latencies = np.concatenate([it.latencies_ms for it in cells])
    shares = {"p50_ms": 50.0, "p99_ms": 99.0, "p999_ms": 99.9}
    return {
        "offered_rps": round(median(it.offered for it in cells), 1),
        "calls": len(latencies),
        **{
            name: round(percentile(latencies, share), 3) if enough(len(latencies), share) else None
            for name, share in shares.items()
        },
        "p99_ms_by_round": [round(it.percentile(99), 3) for it in cells],
        "sent_late_p99_ms": round(max(it.late_ms for it in cells), 3),
        "cpu_us": round(median(it.cpu_us for it in cells), 1),
    }


def enough(calls: int, share: float) -> bool:
    """Tell whether enough calls lie beyond a percentile for it to mean anything."""
    return calls * (100.0 - share) / 100.0 >= FEWEST_BEYOND - 1e-6


def _quotient(ours: float | None, theirs: float | None) -> float | None:
    return round(ours / theirs, 2) if ours and theirs else None
