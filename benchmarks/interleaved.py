"""Honest small timings: all candidates take turns in random order, so that a noisy moment hits each of them.

Trust the ratios within one run. Absolute times depend on the machine and on what else it is doing.
"""

import argparse
import json
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Candidate:
    """One way of doing a piece of work. `size` is the bytes it makes or reads, 0 where that says nothing."""

    group: str
    name: str
    size: int
    call: Callable[[], object]


@dataclass(frozen=True)
class Result:
    """Microseconds per call over the rounds."""

    group: str
    name: str
    size: int
    median_us: float
    min_us: float
    max_us: float


def microseconds_per_call(call: Callable[[], object], calls: int) -> float:
    """Time a run of calls."""
    start = time.perf_counter_ns()
    for _ in range(calls):
        call()
    return (time.perf_counter_ns() - start) / calls / 1_000


def measure(candidates: Sequence[Candidate], rounds: int, calls: int) -> list[Result]:
    """Time all candidates in interleaved rounds, in a new random order each round."""
    order = random.Random(7)
    samples: dict[int, list[float]] = {index: [] for index in range(len(candidates))}
    for _ in range(rounds):
        for index in order.sample(range(len(candidates)), len(candidates)):
            samples[index].append(microseconds_per_call(candidates[index].call, calls))
    return [
        Result(c.group, c.name, c.size, statistics.median(times), min(times), max(times))
        for c, times in zip(candidates, samples.values(), strict=True)
    ]


def table(results: Iterable[Result]) -> str:
    """Render the results as plain text, group by group, cheapest first, with the ratio to the cheapest."""
    lines: list[str] = []
    ordered = sorted(results, key=lambda result: (result.group, result.median_us))
    for group in dict.fromkeys(result.group for result in ordered):
        lines += ["", f"{group:<30} {'median us':>10} {'min':>8} {'max':>8} {'ratio':>6} {'bytes':>6}"]
        members = [result for result in ordered if result.group == group]
        lines += [_row(result, members[0]) for result in members]
    return "\n".join(lines[1:])


def run(
    title: str,
    candidates: Callable[[], Iterator[Candidate]],
    versions: Mapping[str, str],
    *,
    rounds: int = 201,
    calls: int = 100,
) -> None:
    """Be the main program of a benchmark: read the options, measure, print."""
    options = arguments(title, rounds=rounds, calls=calls).parse_args()
    results = measure(list(candidates()), options.rounds, options.calls)
    report(results, versions, as_json=options.json)


def arguments(title: str, *, rounds: int, calls: int) -> argparse.ArgumentParser:
    """Return the options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--rounds", type=int, default=rounds, help=f"interleaved rounds (default {rounds})")
    parser.add_argument("--calls", type=int, default=calls, help=f"calls per round (default {calls})")
    return parser


def report(results: Sequence[Result], versions: Mapping[str, str], *, as_json: bool) -> None:
    """Print results, with what they were measured on."""
    machine = {"python": platform.python_version(), "machine": platform.machine(), **versions}
    if as_json:
        print(json.dumps({"machine": machine, "results": [asdict(result) for result in results]}, indent=2))
    else:
        print(" ".join(f"{key}={value}" for key, value in machine.items()))
        print(table(results))


def _row(result: Result, best: Result) -> str:
    times = f"{result.median_us:>10.2f} {result.min_us:>8.2f} {result.max_us:>8.2f}"
    return f"  {result.name:<28} {times} {result.median_us / best.median_us:>6.2f} {result.size:>6}"
