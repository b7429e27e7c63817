"""The standard work: what all figures of speed are about. `build` makes a home in which it can be served."""

from benchmarks.standard_work.building import build
from benchmarks.standard_work.opening import opened
from benchmarks.standard_work.work import PLACEMENT, RESERVING_PLACEMENT, Figures, Spread, StandardWork

__all__ = ["PLACEMENT", "RESERVING_PLACEMENT", "Figures", "Spread", "StandardWork", "build", "opened"]
