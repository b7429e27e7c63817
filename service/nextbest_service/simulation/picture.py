"""The picture of a simulation: what is not earned, round by round, and what the log foretold."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nextbest_models.drawing import ACCENT, INK, MUTED, SECOND, canvas, dress
from nextbest_models.offpolicy import Estimator
from nextbest_service.simulation.reports import RoundReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI = 150


def draw_learning(path: Path, exploring: Sequence[RoundReport], resting: Sequence[RoundReport] = ()) -> None:
    """Draw a simulation, and beside it one of the same world that did not explore, into a file.

    The format is that of the file's suffix: .svg, .png or .pdf.

    Raises:
        PlotError: matplotlib is not installed.
    """
    figure = canvas(height=6.6)
    above, below = figure.add_subplot(2, 1, 1), figure.add_subplot(2, 1, 2)
    for axes in (above, below):
        dress(axes)
        axes.set_xticks([it.number for it in exploring])
        axes.set_xlim(0.7, len(exploring) + 0.3)
    _regrets(above, exploring, resting)
    _forecasts(below, exploring)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without date and version the same figures give the same bytes.
    undated = {"Software": None} if path.suffix == ".png" else {"Creator": None}
    dated = {"Date": None} if path.suffix == ".svg" else {"CreationDate": None}
    metadata = undated if path.suffix == ".png" else undated | dated
    figure.savefig(path, dpi=_DPI, metadata=metadata)


def _regrets(axes: "Axes", exploring: Sequence[RoundReport], resting: Sequence[RoundReport]) -> None:
    chance = [1 - it.by_chance / it.best for it in exploring]
    rounds = [it.number for it in exploring]
    axes.plot(rounds, chance, color=MUTED, linestyle="--", linewidth=1.2, label="any actions, by chance")
    if resting:
        axes.plot(
            [it.number for it in resting],
            [it.regret for it in resting],
            color=SECOND,
            marker="o",
            label="learns, but does not explore",
        )
    axes.plot(rounds, [it.regret for it in exploring], color=ACCENT, marker="o", label="learns and explores")
    axes.axhline(0, color=INK, linewidth=1, label="the best possible, for who knows the truth")
    axes.set_title("What is not earned", loc="left", color=INK, fontsize=12, fontweight="bold")
    axes.set_ylabel("regret, share of the best possible")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_ylim(-0.02, 1.1 * max(chance))
    axes.legend(fontsize=8, loc="center right", frameon=True, framealpha=0.9, edgecolor="none")


def _forecasts(axes: "Axes", rounds: Sequence[RoundReport]) -> None:
    judged = [(it.number, it.judgement.forecasts[Estimator.DR]) for it in rounds if it.judgement is not None]
    best = float(np.mean([it.best for it in rounds]))
    axes.axhline(best, color=INK, linewidth=1, label="the best possible")
    for number, found in judged:
        axes.plot(
            [number] * 2,
            [found.low, found.high],
            color=ACCENT,
            linewidth=5,
            alpha=0.35,
            solid_capstyle="butt",
        )
    if judged:
        numbers = [number for number, _ in judged]
        estimates = [found.value for _, found in judged]
        label = "foretold by the log of the round before, with its 95 % interval"
        axes.plot(numbers, estimates, "_", color=ACCENT, markersize=12, markeredgewidth=2, label=label)
    axes.plot(
        [it.number for it in rounds],
        [it.worth for it in rounds],
        "o",
        color=SECOND,
        label="what it really earns",
    )
    axes.set_title(
        "What the next model will earn, told before it serves",
        loc="left",
        color=INK,
        fontsize=12,
        fontweight="bold",
    )
    axes.set_ylabel("value per decision")
    axes.set_xlabel("round")
    axes.set_ylim(0, 1.9 * best)  # a very wide interval must not flatten the rest
    axes.legend(fontsize=8, loc="lower right", frameon=True, framealpha=0.9, edgecolor="none")
