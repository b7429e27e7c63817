"""The figures of a run for people: on the terminal, and as Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich import box
from rich.table import Table

from benchmarks.load.verdict import LEVEL, TARGETS

COLUMNS = ("server", "rps", "ratio", "CPU us", "store us", "p50 ms", "p99 ms", "p99.9 ms", "RSS MB")
WORDS = {True: "met", False: "missed", None: "not measured"}
TITLE = (
    f"The standard work on one core; latency at {LEVEL:.0%} of each one's saturation, from the planned moment"
)


def table(results: Mapping[str, Any]) -> Table:
    """Return the table that a run ends with."""
    made = Table(title=TITLE, title_justify="left", box=box.SIMPLE_HEAD)
    for place, name in enumerate(COLUMNS):
        made.add_column(name, justify="right" if place else "left", no_wrap=True)
    for row in rows(results):
        made.add_row(*row)
    return made


def rows(results: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each server, the fastest first. The ratio is to the echo of the same round."""
    servers = results["servers"]
    for name, own in sorted(servers.items(), key=lambda it: -it[1]["rps"]):
        level = own["levels"].get(f"{LEVEL:.0%}", {})
        yield (
            name,
            f"{own['rps']:,.0f}",
            f"{own['ratio_to_echo']:.2f}",
            f"{own['cpu_us']:,.0f}",
            f"{own['store_cpu_us']:,.0f}",
            *(_shown(level.get(key)) for key in ("p50_ms", "p99_ms", "p999_ms")),
            f"{own['rss_mb']:,.0f}" if own["rss_mb"] else "",
        )


def promises(results: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line per target; without a verdict, why there is none."""
    for target in TARGETS:
        sign, value = ">=" if target.at_least else "<=", results[target.key]
        met = WORDS[results["verdict"].get(target.key)] if results["verdict"] else "no verdict"
        yield f"{target.name}: {_shown(value)} ({sign} {target.wanted:g}): {met}"
    for reason in results["why_no_verdict"]:
        yield f"no verdict: {reason}"


def markdown(results: Mapping[str, Any]) -> str:
    """Return the same as Markdown."""
    machine = results["machine"]
    lines = [f"{TITLE}.", "", f"| {' | '.join(COLUMNS)} |", "|---" + "|---:" * (len(COLUMNS) - 1) + "|"]
    lines += [f"| {' | '.join(row)} |" for row in rows(results)]
    lines += ["", *(f"- {line}" for line in promises(results)), ""]
    lines.append(
        f"{results['rounds']} interleaved rounds on {machine['cpu']}, {machine['cores']} cores, Python "
        f"{machine['python']}, grpcio {machine['packages']['grpcio']}; revision {machine['revision']}, load "
        f"average before {machine['load_average'][0]}, noise {results['noise']} "
        "(see docs/guides/performance.md)."
    )
    return "\n".join(lines) + "\n"


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
