"""The figures of a decision in one compiled pass: with numpy, a dozen small steps cost ten times as much."""

from typing import Any

import numpy as np

from nextbest_models.scoring.compiling import compiled
from nextbest_service.decision_log.figures import ALIKE, COLUMNS, EACH
from nextbest_service.decisions.factors import CONTEXT_WEIGHT, LEVER, PROPENSITY, VALUE

_IDS, _LAST_DAYS = 0, 2
_SMALL, _MIDDLE = 1 << 8, 1 << 16
_PER_CANDIDATE, _FIXED = 4 * 4 + 1, 64


@compiled
def _number(out: Any, at: int, number: int, width: int) -> Any:  # noqa: ANN401
    for byte in range(width):
        out[at + byte] = number >> 8 * byte & 0xFF
    return at + width


@compiled
def _floats(out: Any, at: int, figures: Any) -> Any:  # noqa: ANN401
    octets = figures.astype(np.float32).view(np.uint8)
    out[at : at + len(octets)] = octets
    return at + len(octets)


@compiled
def _flags(out: Any, at: int, flags: Any) -> Any:  # noqa: ANN401
    """Write flags, eight in a byte, with a 1 ahead; only a 0 where there are none."""
    begin, any_flag = at + 1, 0
    for place in range(len(flags)):
        if flags[place]:
            out[begin + (place >> 3)] |= np.uint8(1 << (place & 7))
            any_flag = 1
    out[at] = any_flag
    return begin + (len(flags) + 7) // 8 * any_flag


@compiled
def _changed(out: Any, at: int, figures: Any, declared: Any) -> Any:  # noqa: ANN401
    own = figures.astype(np.float32)
    other = own != declared
    at = _flags(out, at, other)
    return _floats(out, at, own[other])


@compiled
def _maturities(out: Any, at: int, maturity: Any) -> Any:  # noqa: ANN401
    alike = True
    for place in range(1, len(maturity)):
        alike &= maturity[place] == maturity[0]
    if alike:
        out[at] = ALIKE
        out[at + 1] = maturity[0] if len(maturity) else 0
        return at + 2
    out[at] = EACH
    for place in range(len(maturity)):
        out[at + 1 + place] = maturity[place]
    return at + 1 + len(maturity)


@compiled
def _behind(rows: Any, keys: Any, ids: Any, size: int) -> Any:  # noqa: ANN401
    """Return the places of the counters that candidates have to do with."""
    wanted = np.zeros(size, np.bool_)
    for row in rows:
        for place in range(keys[row], keys[row + 1]):
            wanted[keys[place]] = True
    found, count = np.empty(len(ids), np.int64), 0
    for place in range(len(ids)):
        # No candidate has to do with counters from `size` on: they are newer than the dictionary.
        if ids[place] < size and wanted[ids[place]]:
            found[count] = place
            count += 1
    return found[:count]


@compiled
def _counters(out: Any, at: int, table: Any, places: Any) -> Any:  # noqa: ANN401
    """Write counters, every column in as many bytes as its largest number needs."""
    count = len(places)
    at = _number(out, at, count, 4)
    if not count:
        return at
    newest = 0
    for place in places:
        newest = max(newest, table[_LAST_DAYS, place])
    at = _number(out, at, newest, 2)
    column = np.empty(count, np.int64)
    for kind in range(COLUMNS):
        before = 0
        for number in range(count):
            figure = table[kind, places[number]]
            if kind == _IDS:
                column[number], before = figure - before, figure
            else:
                column[number] = newest - figure if kind == _LAST_DAYS else figure
        largest = column.max()
        width = 1 if largest < _SMALL else 2 if largest < _MIDDLE else 4
        at = _number(out, at, width, 1)
        for number in range(count):
            at = _number(out, at, column[number], width)
    return at


@compiled
def packed_figures(
    rows: Any,  # noqa: ANN401
    factors: Any,  # noqa: ANN401
    pinned: Any,  # noqa: ANN401
    maturity: Any,  # noqa: ANN401
    declared: Any,  # noqa: ANN401
    table: Any,  # noqa: ANN401
    keys_of_actions: Any,  # noqa: ANN401
    size: int,
) -> Any:  # noqa: ANN401
    """Return figures as uint8.

    rows: intp, of the candidates. factors: float64 [6, candidates], as `Factors.figures`. pinned: bool.
    maturity: int8.
    declared: V and L of every action, float32 each. table: int64 [4, counters], as `AffinityCounters.table`.
    keys_of_actions: int64; for each action the place in it where its keys begin, and one place more for the
    end, then the keys. size: what keys are below.
    """
    values, levers = declared
    count, known = len(rows), table.shape[1]
    mask_bytes, flag_bytes = (len(values) + 7) // 8, (count + 7) // 8
    most = mask_bytes + 4 * flag_bytes + _PER_CANDIDATE * count + 4 * COLUMNS * known + _FIXED
    out = np.zeros(most, np.uint8)
    for row in rows:
        out[row >> 3] |= np.uint8(1 << (row & 7))
    at = _floats(out, mask_bytes, factors[PROPENSITY])
    own = np.empty(count, np.float32)
    for place in range(count):
        own[place] = values[rows[place]]
    at = _changed(out, at, factors[VALUE], own)
    for place in range(count):
        own[place] = levers[rows[place]]
    at = _changed(out, at, factors[LEVER], own)
    own[:] = 1.0
    at = _changed(out, at, factors[CONTEXT_WEIGHT], own)
    at = _flags(out, at, pinned)
    at = _maturities(out, at, maturity)
    at = _counters(out, at, table, _behind(rows, keys_of_actions, table[0], size))
    return out[:at]
