"""The curves in words: a table for the terminal, a page for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.growth.results import (
    TARGET_ACTIONS,
    TARGET_MS,
    TARGET_SURVIVORS,
    CurveResult,
    Target,
    target,
)

COLUMNS: Mapping[str, str] = {
    "survivors": "survivors",
    "alone_us": "alone, µs",
    "alone_cpu_us": "its CPU",
    "screen_us": "screen",
    "score_us": "score",
    "arbitrate_us": "arbitrate",
    "bytes_each": "bytes each",
    "per_second": "per second",
    "p50_ms": "p50, ms",
    "p99_ms": "p99, ms",
}
HOW_TO_READ = """\
Made by `make growth`. CPU is that of the service's process, in µs per decision (for customers: per read),
lower quartile over interleaved passes; what is written behind the answers is in it. *Alone* is the time in
the server, by the clock, for a caller who asks alone, and *its CPU* what such a decision takes; *screen*,
*score* and *arbitrate* are parts of it, in µs. On a busy machine trust CPU times only. All curves cross at
1,000 actions with 300 predicates, 100 survivors, 100 trees and 20 contacts."""
_BELOW_TEN = 10


def table(curves: Sequence[CurveResult], results: Mapping[str, Any]) -> str:
    """Return all curves as plain text."""
    blocks = [f"{it.curve.title}\n{_plain(it)}\n  {slope(it)}" for it in curves]
    return "\n\n".join([*blocks, verdict(target(curves)), f"took {results['machine']['seconds']:,} s"])


def page(curves: Sequence[CurveResult], results: Mapping[str, Any]) -> str:
    """Return all curves as a page of Markdown, pictures included."""
    machine = ", ".join(f"{name} {value}" for name, value in results["machine"].items())
    head = [
        "# How a decision's cost grows",
        HOW_TO_READ,
        f"Machine: {machine}.",
        verdict(target(curves)),
    ]
    return "\n\n".join([*head, *(_section(it) for it in curves)]) + "\n"


def slope(result: CurveResult) -> str:
    """Say how a curve grows."""
    fit, unit = result.growth, result.curve.unit
    said = [f"{fit.line(unit)}, off by {fit.worst_error:.0%} at most"]
    if fit.exponent is not None:
        said.append(f"as {unit}s to the power of {fit.exponent:.2f}")
    if fit.last_exponent is not None:
        said.append(f"at the end {fit.last_exponent:.2f}")
    return "; ".join(said)


def verdict(promise: Target) -> str:
    """Say what became of the promise about large catalogs."""
    promised = f"{TARGET_ACTIONS:,} actions with {TARGET_SURVIVORS:,} survivors in {TARGET_MS:g} ms"
    if promise.ms is None:
        return f"Target {promised}: not measured."
    word = {True: "met", False: "missed", None: "no verdict, the machine was too busy"}[promise.met]
    return (
        f"Target {promised}: **{word}**, {promise.ms:.2f} ms inside the server for a lone caller "
        f"({promise.cpu_ms:.2f} ms of CPU; {promise.survivors:,.0f} survivors)."
    )


def _section(result: CurveResult) -> str:
    name = result.curve.name
    rows = [*_rows(result)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + "---:|" * len(rows[0]))
    picture = f"![{result.curve.title}](growth-{name}.png)"
    return "\n\n".join([f"## {result.curve.title}", f"{slope(result)}.", "\n".join(lines), picture])


def _plain(result: CurveResult) -> str:
    rows = [*_rows(result)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )


def _rows(result: CurveResult) -> Iterator[list[str]]:
    """Yield the head and a row for each point."""
    shown = [name for name in COLUMNS if name in result.points[0].more]
    yield [f"{result.curve.unit}s", "CPU, µs", *(COLUMNS[name] for name in shown)]
    for point in result.points:
        yield [f"{point.size:,.0f}", _number(point.cpu_us), *(_number(point.more[name]) for name in shown)]


def _number(value: float) -> str:
    return f"{value:,.1f}" if value < _BELOW_TEN else f"{value:,.0f}"
