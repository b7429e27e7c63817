"""What was measured, point by point, and as the JSON that other pages quote."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from benchmarks.growth.calls import Called
from benchmarks.growth.curves import CATALOG, Curve
from benchmarks.growth.desk import STAGES, Taken
from benchmarks.growth.fitting import Growth, grows
from benchmarks.growth.populations import Read

TARGET_ACTIONS, TARGET_SURVIVORS, TARGET_MS = 10_000, 1_000, 3.0
QUIET = 2 / 3
"""Least share of a decision's time that it has the CPU for, on a machine that does nothing else."""


@dataclass(frozen=True, slots=True)
class PointResult:
    """One point. `cpu_us` is the lower quartile over all passes, `more` whatever else is worth knowing."""

    size: float
    cpu_us: float
    cpu_us_least: float
    cpu_us_median: float
    more: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CurveResult:
    """One curve, and how it grows."""

    curve: Curve
    points: Sequence[PointResult]
    growth: Growth

    @classmethod
    def of(cls, curve: Curve, points: Sequence[PointResult]) -> "CurveResult":
        """Return a curve through some points, in ascending order of size."""
        return cls(curve, points, grows([it.size for it in points], [it.cpu_us for it in points]))


@dataclass(frozen=True, slots=True)
class Target:
    """The promise about large catalogs: time inside the server for a lone caller, and CPU time of it.

    None where the point was not measured.
    """

    ms: float | None
    cpu_ms: float | None
    survivors: float | None

    @property
    def met(self) -> bool | None:
        """Whether it is kept; None where that is not known.

        Where the clock says no, but the decision had the CPU for less than two thirds of that time, others
        had it: such a machine is too busy for a verdict.
        """
        if self.ms is None or self.cpu_ms is None:
            return None
        busy = self.cpu_ms <= TARGET_MS and self.cpu_ms < self.ms * QUIET
        return None if self.ms > TARGET_MS and busy else self.ms <= TARGET_MS


def of_decisions(size: float, taken: Sequence[Taken], survivors: float) -> PointResult:
    """Return the point of some passes of decisions."""
    alone = {
        "alone_us": low([it.alone_us for it in taken]),
        "alone_cpu_us": low([it.alone_cpu_us for it in taken]),
    }
    stages = {stage: low([it.stages_us[stage] for it in taken]) for stage in STAGES}
    return _point(size, [it.cpu_us for it in taken], {**alone, **stages, "survivors": survivors})


def of_reads(size: float, reads: Sequence[Read], bytes_each: float) -> PointResult:
    """Return the point of some passes of reads."""
    alone = low([it.alone_us for it in reads])
    return _point(size, [it.cpu_us for it in reads], {"alone_us": alone, "bytes_each": bytes_each})


def of_calls(size: float, called: Sequence[Called]) -> PointResult:
    """Return the point of some passes of calls."""
    more = {
        "per_second": statistics.median(it.per_second for it in called),
        "p50_ms": low([it.p50_ms for it in called]),
        "p99_ms": low([it.p99_ms for it in called]),
    }
    return _point(size, [it.cpu_us for it in called], more)


def low(values: Sequence[float]) -> float:
    """Return the lower quartile: what it takes where nobody else is in the way, but not by a lucky chance."""
    return statistics.quantiles(values, n=4, method="inclusive")[0] if len(values) > 1 else values[0]


def target(curves: Sequence[CurveResult]) -> Target:
    """Return what became of the promise: a lone caller's time inside the server, the whole decision."""
    points = next((it.points for it in curves if it.curve == CATALOG), ())
    point = next((it for it in points if it.size == TARGET_ACTIONS), None)
    if point is None:
        return Target(None, None, None)
    return Target(point.more["alone_us"] / 1e3, point.more["alone_cpu_us"] / 1e3, point.more["survivors"])


def document(curves: Sequence[CurveResult], machine: Mapping[str, object]) -> dict[str, object]:
    """Return everything as plain data."""
    promise = target(curves)
    return {
        "machine": dict(machine),
        "target": {
            "actions": TARGET_ACTIONS,
            "survivors": TARGET_SURVIVORS,
            "at_most_ms": TARGET_MS,
            **asdict(promise),
            "met": promise.met,
        },
        "curves": {
            it.curve.name: {
                "title": it.curve.title,
                "unit": it.curve.unit,
                "growth": it.growth._asdict(),
                "points": [_plain(point) for point in it.points],
            }
            for it in curves
        },
    }


def _plain(point: PointResult) -> dict[str, float]:
    figures = {**asdict(point), **point.more}
    del figures["more"]
    return {name: round(value, 3) for name, value in figures.items()}


def _point(size: float, cpu_us: Sequence[float], more: Mapping[str, float]) -> PointResult:
    return PointResult(size, low(cpu_us), min(cpu_us), statistics.median(cpu_us), more)
