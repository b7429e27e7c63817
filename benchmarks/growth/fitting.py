"""How a cost grows: what one unit more costs, and with which power of the size it goes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Growth(NamedTuple):
    """How `y` grows with `x`.

    `fixed` and `per_unit` are the line y = fixed + per_unit * x that is least off in relative terms, and
    `worst_error` is how far off it is at worst, as a share of y. `exponent` is that of the power law through
    all points where x is above 0, `last_exponent` that between the last two points, where what grows has
    outgrown what does not: 1 is in proportion, above 1 would be a trap. None where there are too few points.
    """

    fixed: float
    per_unit: float
    worst_error: float
    exponent: float | None
    last_exponent: float | None

    def line(self, unit: str) -> str:
        """Say what the line is, for costs in microseconds."""
        sign = "-" if self.per_unit < 0 else "+"
        return f"{self.fixed:,.0f} µs {sign} {abs(self.per_unit):.3g} µs per {unit}"


def grows(sizes: Sequence[float], costs: Sequence[float]) -> Growth:
    """Return how some costs, all above 0, grow with ascending sizes.

    Raises:
        ValueError: there are fewer than two points, or a cost is not above 0.
    """
    x, y = np.asarray(sizes, dtype=np.float64), np.asarray(costs, dtype=np.float64)
    if len(x) < 2 or len(x) != len(y):
        raise ValueError("it takes at least two points to see growth")
    if not (y > 0).all():
        raise ValueError("a cost is not above 0")
    # Divided by y, every point counts for the same share of itself.
    (fixed, per_unit), *_ = np.linalg.lstsq(np.column_stack([1 / y, x / y]), np.ones(len(x)), rcond=None)
    errors = np.abs((fixed + per_unit * x) / y - 1)
    return Growth(
        float(fixed), float(per_unit), float(errors.max()), _exponent(x, y), _exponent(x[-2:], y[-2:])
    )


def _exponent(x: np.ndarray, y: np.ndarray) -> float | None:
    above = x > 0
    if above.sum() < 2:
        return None
    slope, _ = np.polyfit(np.log(x[above]), np.log(y[above]), 1)
    return float(slope)
