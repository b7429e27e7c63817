"""A picture of every curve: what was measured, the line through it, and what it is made of."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.growth.curves import CONCURRENCY, CUSTOMERS
from benchmarks.growth.results import CurveResult
from nextbest_models.drawing import ACCENT, INK, MUTED, SECOND, canvas, dress, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROOM = 1.3
"""What is left above the highest point, for the legend."""
STAGES = {"screen_us": ":", "score_us": "--", "arbitrate_us": "-."}
BESIDE = {
    CUSTOMERS.name: ("bytes_each", "bytes of Valkey per customer"),
    CONCURRENCY.name: ("per_second", "decisions per second"),
}
"""What stands in a panel of its own, and its label."""


def draw(curves: Sequence[CurveResult], directory: Path) -> None:
    """Write `growth-<curve>.png` for each curve.

    Raises:
        PlotError: matplotlib is not installed.
    """
    for curve in curves:
        (directory / f"growth-{curve.curve.name}.png").write_bytes(_picture(curve))


def _picture(result: CurveResult) -> bytes:
    beside = BESIDE.get(result.curve.name)
    figure = canvas(height=3.6 if beside is None else 6.2)
    axes = figure.add_subplot(1 if beside is None else 2, 1, 1)
    dress(axes)
    _costs(axes, result)
    axes.set_title(result.curve.title, loc="left", color=INK, fontsize=12, fontweight="bold")
    if beside is not None:
        name, label = beside
        below = figure.add_subplot(2, 1, 2)
        dress(below)
        below.plot(*_series(result, name), color=SECOND, marker="o")
        below.set_ylim(0, ROOM * max(it.more[name] for it in result.points))
        below.set_ylabel(label, color=INK)
        _scale(below, result)
    return png(figure)


def _costs(axes: "Axes", result: CurveResult) -> None:
    sizes, costs = [it.size for it in result.points], [it.cpu_us for it in result.points]
    least, median = (
        [getattr(it, name) for it in result.points] for name in ("cpu_us_least", "cpu_us_median")
    )
    axes.fill_between(sizes, least, median, color=ACCENT, alpha=0.15, linewidth=0)
    axes.plot(sizes, costs, color=ACCENT, marker="o", label="CPU of the service")
    fit = result.growth
    axes.plot(
        sizes, [fit.fixed + fit.per_unit * it for it in sizes], color=MUTED, label=fit.line(result.curve.unit)
    )
    for stage, style in STAGES.items():
        if stage in result.points[0].more:
            named = f"{stage.removesuffix('_us')}, by the clock"
            axes.plot(*_series(result, stage), color=SECOND, linestyle=style, linewidth=1.2, label=named)
    axes.set_ylim(0, ROOM * max(*costs, *median))  # from 0, or noise looks like growth
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylabel("µs per read" if result.curve == CUSTOMERS else "µs per decision", color=INK)
    axes.legend(loc="upper left", ncols=2, frameon=False, fontsize=8)
    _scale(axes, result)


def _series(result: CurveResult, name: str) -> tuple[list[float], list[float]]:
    return [it.size for it in result.points], [it.more[name] for it in result.points]


def _scale(axes: "Axes", result: CurveResult) -> None:
    sizes = [it.size for it in result.points]
    # A history may be empty, which no logarithm shows.
    if sizes[0] > 0:
        axes.set_xscale("log")
    else:
        axes.set_xscale("symlog", linthresh=sizes[1])
        axes.set_xlim(-sizes[1] / 8, 1.1 * sizes[-1])
    axes.set_xticks(sizes, [f"{it:,.0f}" for it in sizes])
    axes.minorticks_off()
    axes.set_xlabel(f"{result.curve.unit}s", color=INK)
