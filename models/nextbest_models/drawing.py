"""What all pictures have in common: colours, panels, and PNG bytes."""

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2933"
MUTED = "#9aa5b1"
ACCENT = "#0b7285"
SECOND = "#e8590c"
GRID = "#e4e7eb"
_DPI = 150


class PlotError(Exception):
    """matplotlib is not installed."""


def single_panel(title: str, height: float) -> "tuple[Figure, Axes]":
    """Return a titled figure of one panel. `height` in inches.

    Raises:
        PlotError: matplotlib is not installed.
    """
    figure = canvas(height)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", color=INK, fontsize=12, fontweight="bold")
    dress(axes)
    return figure, axes


def canvas(height: float) -> "Figure":
    """Return an empty figure of the usual width. `height` in inches.

    Raises:
        PlotError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an optional dependency: only training draws
    except ImportError as error:
        raise PlotError('plots need matplotlib: pip install "nextbest[train]"') from error
    return Figure(figsize=(7.2, height), layout="constrained")


def dress(axes: "Axes") -> None:
    """Give a panel its grid and no frame."""
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def png(figure: "Figure") -> bytes:
    """Return a figure as PNG."""
    buffer = io.BytesIO()
    # Without the version of matplotlib in it the same figures give the same bytes.
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()
