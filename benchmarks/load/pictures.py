"""The figures of a run as one picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

COLOURS = {"echo": "#5b6abf", "echo, decoded": "#9aa3d8", "nextbest": "#0b7a75", "handwritten": "#c0392b"}
OTHER = "#888888"
LABELS = {"p50_ms": "p50", "p99_ms": "p99", "p999_ms": "p99.9"}


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Draw rates, CPU time, and latency over load."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import
    from matplotlib.ticker import NullFormatter  # noqa: PLC0415

    servers = dict(sorted(results["servers"].items(), key=lambda it: it[1]["rps"]))
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    rates, costs, tails = figure.subplots(1, 3)
    for axes, key, title in (
        (rates, "rps", "answers per second, one core"),
        (costs, "cpu_us", "CPU µs per answer"),
    ):
        values = [own[key] for own in servers.values()]
        bars = axes.barh([*servers], values, color=[COLOURS.get(name, OTHER) for name in servers])
        axes.bar_label(bars, [f"{value:,.0f}" for value in values], padding=3, fontsize=9)
        axes.set_title(title, fontsize=10)
        axes.margins(x=0.18)
    for name, own in servers.items():
        levels = own["levels"]
        if not levels:
            continue
        shares, colour = [float(level.rstrip("%")) for level in levels], COLOURS.get(name, OTHER)
        for key, line in (("p50_ms", ":"), ("p99_ms", "-"), ("p999_ms", "--")):
            values = [it[key] if it[key] is not None else float("nan") for it in levels.values()]
            tails.plot(
                shares, values, line, marker="o", markersize=4, color=colour, label=f"{name} {LABELS[key]}"
            )
    tails.set_yscale("log")
    tails.set_title("latency in ms, from the planned moment", fontsize=10)
    tails.set_xlabel("% of its own saturation")
    tails.grid(alpha=0.3, which="both")
    tails.yaxis.set_major_formatter("{x:g}")
    tails.yaxis.set_minor_formatter(NullFormatter())  # between two powers of ten they run into each other
    tails.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.savefig(path, dpi=110)
