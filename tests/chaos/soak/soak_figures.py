"""What can be computed of a soaked service: pure functions over its record."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from soak_records import Floats, Mark, Questions, Sample

ENVELOPE_SECONDS = 60.0
WINDOW_SECONDS, STEP_SECONDS = 0.5, 0.25
FEWEST = 5
"""A window with fewer questions says nothing."""
RECOVERY_SECONDS = 2.0


def lower_envelope(
    at: Sequence[float], values: Sequence[float], width: float = ENVELOPE_SECONDS
) -> list[tuple[float, float]]:
    """Return the lowest value of each stretch of time, and when it was: peaks of work are no growth."""
    lowest: dict[int, tuple[float, float]] = {}
    for moment, value in zip(at, values, strict=True):
        stretch = int(moment // width)
        if stretch not in lowest or value < lowest[stretch][1]:
            lowest[stretch] = (moment, value)
    return [lowest[it] for it in sorted(lowest)]


def theil_sen(points: Sequence[tuple[float, float]]) -> float:
    """Return the median of the slopes between all pairs of points; nan for fewer than two."""
    slopes = [(right[1] - left[1]) / (right[0] - left[0]) for left, right in combinations(points, 2)]
    return float(np.median(slopes)) if slopes else float("nan")


def after_first_third(samples: Sequence[Sample], seconds: float) -> list[Sample]:
    """Return the samples behind the first third of a run, in which caches fill."""
    return [it for it in samples if it.at >= seconds / 3]


def memory_growth(samples: Sequence[Sample], seconds: float) -> tuple[float, float]:
    """Return the slope of memory behind the first third in MiB per hour, and what it comes to there in MiB.

    A run so short that its envelope would have few points has narrower stretches.
    """
    later = after_first_third(samples, seconds)
    width = min(ENVELOPE_SECONDS, seconds / 18)
    slope = theil_sen(lower_envelope([it.at for it in later], [it.rss for it in later], width))
    return 3600 * slope, slope * seconds * 2 / 3


def risen(values: Sequence[float]) -> float:
    """Return by how much the last third of values lies above the first, by their medians."""
    third = len(values) // 3
    return float(np.median(values[-third:]) - np.median(values[:third])) if third else 0.0


def outside(
    questions: Questions, faults: Sequence[Mark], after: float = RECOVERY_SECONDS
) -> NDArray[np.bool_]:
    """Return which questions no fault touched, nor the time to get over it."""
    touched = np.zeros(len(questions.planned), dtype=bool)
    for it in faults:
        touched |= (questions.ended >= it.began) & (questions.planned <= it.ended + after)
    return ~touched


def window_quality(questions: Questions, start: float) -> tuple[float, bool]:
    """Return the 90 % quantile of waits in ms of a window, and whether all was answered in full.

    The quantile is nan where too little was asked.
    """
    first, last = np.searchsorted(questions.planned, [start, start + WINDOW_SECONDS])
    if last - first < FEWEST:
        return float("nan"), False
    waits = questions.waits_ms[first:last]
    return float(np.quantile(waits, 0.9)), bool(questions.full[first:last].all())


def usual_waits(questions: Questions, faults: Sequence[Mark], seconds: float) -> Floats:
    """Return the 90 % quantiles of all windows that no fault touched, in ms."""
    starts = np.arange(0.0, seconds - WINDOW_SECONDS, WINDOW_SECONDS)
    for it in faults:
        starts = starts[(starts < it.began - WINDOW_SECONDS) | (starts > it.ended + RECOVERY_SECONDS)]
    found = np.array([window_quality(questions, float(start))[0] for start in starts])
    return np.asarray(found[~np.isnan(found)])


def limit_of_usual(usual: Floats) -> float:
    """Return up to what wait in ms a window counts as usual: three times the median window and 10 ms."""
    return 3 * float(np.median(usual)) + 10.0 if len(usual) else float("nan")


def recovery(questions: Questions, fault: Mark, limit: float, most: float = 60.0) -> float:
    """Return how many seconds after a fault the first usual window of full answers began; inf: none did."""
    for step in range(round(most / STEP_SECONDS)):
        wait, full = window_quality(questions, fault.ended + step * STEP_SECONDS)
        if full and wait <= limit:
            return step * STEP_SECONDS
    return float("inf")
