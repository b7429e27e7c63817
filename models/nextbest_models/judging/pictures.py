"""The pictures of a judgement, as PNG bytes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nextbest_models.drawing import ACCENT, INK, MUTED, SECOND, canvas, dress, png, single_panel
from nextbest_models.evaluation import CalibrationBin
from nextbest_models.judging.slots import CANDIDATE
from nextbest_models.judging.verdict import Verdict
from nextbest_models.offpolicy import Estimated, Estimator

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = (ACCENT, SECOND, MUTED)
_ROW = 0.32


def calibration_picture(verdict: Verdict) -> bytes:
    """Draw the share of positives against the propensity, a panel for each type, a line for each model."""
    types = list(verdict.models[CANDIDATE].types)
    figure = canvas(height=0.6 + 3.8 * len(types))
    for number, kind in enumerate(types, start=1):
        panel = figure.add_subplot(len(types), 1, number)
        dress(panel)
        panel.set_title(kind, loc="left", color=INK, fontsize=10)
        lines = {name: _points(model.types.get(kind, ())) for name, model in verdict.models.items()}
        _reliability(panel, lines)
    figure.suptitle(
        "Do propensities come true?", x=0.02, ha="left", color=INK, fontsize=12, fontweight="bold"
    )
    return png(figure)


def values_picture(verdict: Verdict) -> bytes:
    """Draw what each policy earns per decision, by every estimator, beside what was served."""
    rows = {
        f"{name}: {title(estimator)}": estimate.total
        for name, found in verdict.policies.items()
        for estimator, estimate in found.estimates.items()
    }
    served = next(iter(verdict.policies.values())).served.total
    figure, axes = single_panel(f"{verdict.reward.capitalize()} per decision", height=1.0 + _ROW * len(rows))
    axes.axvspan(served.low, served.high, color=MUTED, alpha=0.25, linewidth=0)
    axes.axvline(served.value, color=MUTED, linestyle="--", linewidth=1, label="as served")
    _whiskers(axes, rows, [_COLOURS[place % 3] for place, found in _per_estimator(verdict) for _ in found])
    axes.legend(frameon=False, loc="best")
    return png(figure)


def lifts_picture(verdict: Verdict) -> bytes:
    """Draw what the candidate earns more than the serving model, by every estimator."""
    rows = {
        f"{name}: {title(estimator)}": found
        for name, lifts in verdict.lifts.items()
        for estimator, found in lifts.items()
    }
    figure, axes = single_panel(
        f"Lift over the serving model, {verdict.reward} per decision", height=1.0 + _ROW * len(rows)
    )
    axes.axvline(0.0, color=MUTED, linestyle="--", linewidth=1)
    _whiskers(axes, rows, [ACCENT if found.low > 0 else SECOND for found in rows.values()])
    return png(figure)


def title(estimator: Estimator) -> str:
    """Return what people call an estimator."""
    return estimator.value.upper().replace("SWITCH_", "switch-")


def _per_estimator(verdict: Verdict) -> Sequence[tuple[int, Sequence[str]]]:
    return [(place, list(found.estimates)) for place, found in enumerate(verdict.policies.values())]


def _whiskers(axes: "Axes", rows: Mapping[str, Estimated], colours: Sequence[str]) -> None:
    """Draw a point with its interval for each row, the first on top."""
    places = range(len(rows) - 1, -1, -1)
    for place, found, colour in zip(places, rows.values(), colours, strict=True):
        axes.plot([found.low, found.high], [place, place], color=colour, linewidth=2, solid_capstyle="butt")
        axes.plot([found.value], [place], marker="o", markersize=5, color=colour)
    axes.set_yticks(list(places), list(rows))
    axes.grid(visible=False, axis="y")


def _reliability(axes: "Axes", lines: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    values = [value for points in lines.values() for point in points for value in point]
    low, high = (min(values) / 1.5, max(values) * 1.5) if values else (1e-4, 1.0)
    axes.plot([low, high], [low, high], color=MUTED, linewidth=1, linestyle="--", label="perfect")
    for (name, points), colour in zip(lines.items(), _COLOURS, strict=False):
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", markersize=4, color=colour, label=name)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    axes.set_xlabel("mean propensity of a bin (bins of equal size)")
    axes.set_ylabel("share of positives")
    axes.legend(frameon=False)


def _points(bins: Sequence[CalibrationBin]) -> Sequence[tuple[float, float]]:
    """Return what a logarithmic axis can show: bins with at least one positive row."""
    return [(item.mean_score, item.positive_share) for item in bins if item.positive_share > 0]
