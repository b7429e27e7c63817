"""The pictures of the model card and of drift, as PNG bytes."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from nextbest_models.drawing import ACCENT, INK, MUTED, SECOND, canvas, dress, png, single_panel
from nextbest_models.drift import MODERATE_FROM, STRONG_FROM, Drift, Verdict
from nextbest_models.evaluation import CalibrationBin
from nextbest_models.reliability import Reliability
from nextbest_models.training import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_VERDICTS = {Verdict.STABLE: ACCENT, Verdict.MODERATE: "#f08c00", Verdict.STRONG: "#c92a2a"}
_MOST_BARS = 20
_LABEL_WIDTH = 20

_T = TypeVar("_T")


def gain_plot(gains: Mapping[str, float]) -> bytes:
    """Draw how much each feature takes part in the model, the largest on top."""
    shown = list(gains.items())[:_MOST_BARS]
    figure, axes = single_panel("What the model looks at", height=0.8 + 0.3 * len(shown))
    places = np.arange(len(shown))[::-1]
    axes.barh(places, [share for _, share in shown], color=ACCENT, height=0.7)
    axes.set_yticks(places, [name for name, _ in shown])
    for place, (_, share) in zip(places, shown, strict=True):
        axes.text(share, place, f" {share:.1%}", va="center", fontsize=8, color=INK)
    axes.set_xlabel("share of total gain")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.margins(x=0.12)
    axes.grid(visible=False, axis="y")
    return png(figure)


def calibration_plot(types: Mapping[str, Reliability]) -> bytes:
    """Draw the share of positives against the propensity, a panel for each type, on logarithmic axes.

    Positives are rare. Grey is before calibration.
    """
    figure = canvas(height=0.6 + 3.8 * len(types))
    for number, (kind, found) in enumerate(types.items(), start=1):
        panel = figure.add_subplot(len(types), 1, number)
        dress(panel)
        panel.set_title(f"{kind}, calibrated by: {found.method}", loc="left", color=INK, fontsize=10)
        _reliability(panel, found)
    figure.suptitle(
        "Do propensities come true?", x=0.02, ha="left", color=INK, fontsize=12, fontweight="bold"
    )
    return png(figure)


def _reliability(axes: "Axes", found: Reliability) -> None:
    lines = (("scores", found.before, MUTED), ("calibrated", found.after, ACCENT))
    drawn = [(name, _positive(bins), colour) for name, bins, colour in lines]
    values = [value for _, points, _ in drawn for point in points for value in point]
    low, high = (min(values) / 1.5, max(values) * 1.5) if values else (1e-4, 1.0)
    axes.plot([low, high], [low, high], color=MUTED, linewidth=1, linestyle="--", label="perfect")
    for name, points, colour in drawn:
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", markersize=4, color=colour, label=name)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    axes.set_xlabel("mean propensity of a bin (bins of equal size)")
    axes.set_ylabel("share of positives")
    axes.legend(frameon=False)


def ndcg_plot(periods: Mapping[str, Evaluation]) -> bytes:
    """Draw NDCG@10 of the model beside the baselines, per period."""
    figure, axes = single_panel("Ranking within a customer: NDCG@10", height=3.6)
    titles = [*next(iter(periods.values())).baselines, "this model"]
    places = np.arange(len(titles))
    width = 0.8 / len(periods)
    for number, ((name, evaluation), colour) in enumerate(_coloured(periods)):
        values = [item.ndcg_at_10 for item in (*evaluation.baselines.values(), evaluation.metrics)]
        bars = axes.bar(places + number * width, values, width * 0.94, color=colour, label=name)
        axes.bar_label(bars, fmt="%.3f", fontsize=8, color=INK, padding=2)
    wrapped = [textwrap.fill(title, _LABEL_WIDTH) for title in titles]
    axes.set_xticks(places + width * (len(periods) - 1) / 2, wrapped)
    axes.margins(y=0.15)
    axes.grid(visible=False, axis="x")
    axes.legend(frameon=False, loc="upper left")
    return png(figure)


def drift_plot(drift: Drift) -> bytes:
    """Draw the stability index of the scores and of the features that changed most, the largest on top."""
    shown = (drift.scores, *drift.types, *drift.features)[: _MOST_BARS + 1]
    figure, axes = single_panel("Do rows still look as in training?", height=1.2 + 0.3 * len(shown))
    places = np.arange(len(shown))[::-1]
    colours = [_VERDICTS[item.verdict] for item in shown]
    axes.barh(places, [item.index for item in shown], color=colours, height=0.7)
    axes.set_yticks(places, [item.name for item in shown])
    for place, item in zip(places, shown, strict=True):
        axes.text(item.index, place, f" {item.index:.3f}", va="center", fontsize=8, color=INK)
    for limit, verdict in ((MODERATE_FROM, Verdict.MODERATE), (STRONG_FROM, Verdict.STRONG)):
        axes.axvline(
            limit, color=_VERDICTS[verdict], linewidth=1, linestyle="--", label=f"{verdict} from {limit}"
        )
    axes.set_xlabel("population stability index")
    axes.margins(x=0.12)
    axes.grid(visible=False, axis="y")
    axes.legend(frameon=False, loc="lower right")
    return png(figure)


def _positive(bins: Sequence[CalibrationBin]) -> list[tuple[float, float]]:
    """Return what a logarithmic axis can show: bins with at least one positive row."""
    return [(item.mean_score, item.positive_share) for item in bins if item.positive_share > 0]


def _coloured(periods: Mapping[str, _T]) -> list[tuple[tuple[str, _T], str]]:
    return list(zip(periods.items(), (SECOND, ACCENT), strict=False))
