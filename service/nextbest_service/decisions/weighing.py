"""Scores and weighs all candidates of a decision in one compiled call."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_models.scoring.arena import Arena
from nextbest_models.scoring.candidates import propensities
from nextbest_models.scoring.compiling import compiled
from nextbest_service.decisions.factors import (
    CONTEXT_WEIGHT,
    LEVER,
    MOST_LEADERS,
    PRIORITY,
    PROPENSITY,
    STRENGTH,
    VALUE,
    Flags,
    Floats,
    Rows,
    Weights,
)


class Ranked(NamedTuple):
    """What one compiled call found: see `Factors`. `sound` tells whether all scores were probabilities."""

    rows: Rows
    figures: Floats
    leaders: list[int]
    sound: bool


def ranked(
    arena: Arena,
    shared: tuple[NDArray[np.float32], Floats],
    counters: NDArray[np.int64],
    today: int,
    mask: int,
    weights: Weights,
) -> Ranked:
    """Score and weigh all actions of a mask in one compiled call; see `CompiledCandidates.propensities`."""
    size, count = len(weights.value), mask.bit_count()
    rows, figures = np.empty(count, np.intp), np.empty((PRIORITY + 1, count))
    leaders = np.empty(MOST_LEADERS, np.intp)
    packed = np.frombuffer(mask.to_bytes((size + 7) // 8, "little"), np.uint8)
    found, sound = _rank(*arena, *shared, counters, today, packed, *weights, rows, figures, leaders)
    return Ranked(rows, figures, leaders[:found].tolist(), sound)


@compiled
def _rank(  # noqa: PLR0913, PLR0917 - each array is taken apart once
    content: NDArray[np.uint64],
    places: NDArray[np.int64],
    vector: NDArray[np.float32],
    context: Floats,
    counters: NDArray[np.int64],
    today: int,
    packed: NDArray[np.uint8],
    value: Floats,
    context_weight: Floats,
    lever: Floats,
    strength: Floats,
    pinned: Flags,
    rows: Rows,
    figures: Floats,
    leaders: Rows,
) -> tuple[int, bool]:
    count = 0
    for byte in range(len(packed)):
        left = packed[byte]
        for bit in range(8):
            if left >> bit & 1:
                rows[count] = 8 * byte + bit
                count += 1
    sound = propensities(content, places, vector, context, rows, counters, today, figures[PROPENSITY])
    own_pinned = np.zeros(count, np.bool_)
    for place in range(count):
        row = rows[place]
        figures[VALUE, place], figures[CONTEXT_WEIGHT, place] = value[row], context_weight[row]
        figures[LEVER, place], figures[STRENGTH, place] = lever[row], strength[row]
        if len(pinned):
            own_pinned[place] = pinned[row]
    return weigh(figures, own_pinned, leaders), sound


@compiled
def weigh(figures: Floats, pinned: Flags, leaders: Rows) -> int:
    """Write the priorities and the leaders; return how many lead."""
    most, found = len(leaders), 0
    priority = figures[PRIORITY]
    for place in range(len(priority)):
        own = figures[PROPENSITY, place] * figures[CONTEXT_WEIGHT, place]
        own = own * figures[VALUE, place] * figures[LEVER, place]
        priority[place] = own
        if not (np.isfinite(own) and (own > 0.0 or pinned[place])):
            continue
        at = found
        while at > 0:
            ahead = leaders[at - 1]
            if pinned[ahead] > pinned[place] or (pinned[ahead] == pinned[place] and priority[ahead] >= own):
                break
            at -= 1
        if at < most:
            for later in range(min(found, most - 1), at, -1):
                leaders[later] = leaders[later - 1]
            leaders[at] = place
            found = min(found + 1, most)
    return found
