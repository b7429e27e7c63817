"""The inner loops, compiled by numba: one thread, without the GIL, cached on disk.

Sums go tree by tree in the model's order, in float64 and without any reordering, which makes them LightGBM's.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit
from numba.extending import intrinsic
from numpy.typing import NDArray

from nextbest_models.scoring.intervals import BLOCK, NUMERICAL, ZERO, Column, Tables, Words

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]

_KIND, _BEGIN, _END, _RUN, _MISSING, _ZERO = range(len(Column._fields))
_COMPILED: dict[str, Any] = {"nogil": True, "cache": True, "boundscheck": False, "error_model": "numpy"}


@intrinsic  # type: ignore[untyped-decorator]
def _lowest_bit(_context: Any, word: Any) -> Any:  # noqa: ANN401 - numba's own types
    """Return the place of the lowest bit of a word that is not 0."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return word(word), generate


@njit(**_COMPILED)  # type: ignore[untyped-decorator]
def _count_below(thresholds: Floats, fences: Floats, values: Floats, below: Positions) -> None:
    """Write, for each value, how many thresholds of a column are below it: first whole blocks, then within one.

    Counting them all is faster than halving, because nothing has to be guessed and several go at once.
    """
    below[:] = 0
    for fence in fences:
        for row in range(len(values)):
            below[row] += 1 if fence < values[row] else 0
    for row in range(len(values)):
        value, block, count = values[row], below[row], 0
        for index in range(BLOCK):
            count += 1 if thresholds[block, index] < value else 0
        below[row] = block * BLOCK + count


@njit(**_COMPILED)  # type: ignore[untyped-decorator]
def _look_up(tables: Tables, column: int, values: Floats, found: Positions) -> None:
    """Write, for each value of a column, the row of the table, and the first and the end of splits beside it.

    found: [values, 3].
    """
    place = tables.columns[column]
    begin, end, run, missing, zero = place[_BEGIN], place[_END], place[_RUN], place[_MISSING], place[_ZERO]
    numerical, first = place[_KIND] == NUMERICAL, begin * BLOCK
    below = np.empty(len(values), np.intp)
    if numerical:
        fences = tables.fences[begin : end - 1]
        _count_below(tables.thresholds[begin:end], fences, values, below)
    for row in range(len(values)):
        value, found_row, some, all_ = values[row], missing, 0, 0
        if abs(value) <= ZERO:
            found_row = zero
        elif numerical and value == value:  # noqa: PLR0124 - only NaN differs from itself
            block = below[row] >> tables.shift
            found_row, some, all_ = run + block, block << tables.shift, below[row]
        elif not numerical and value > -1.0 and max(value, 0.0) < end - begin:
            # LightGBM cuts fractions off towards zero, so that -0.5 is category 0.
            found_row = np.intp(tables.category_rows[begin + int(value)])
        found[row, 0], found[row, 1], found[row, 2] = found_row, first + some, first + all_


@njit(**_COMPILED)  # type: ignore[untyped-decorator]
def keep_each(tables: Tables, columns: Positions, values: Floats, words: Words) -> None:
    """AND into each row of words what that row's values keep, in place; values are [columns, rows]."""
    table, used = tables.table, len(columns)
    found = np.empty((used + 1, len(words), 3), np.intp)
    for index in range(used):
        _look_up(tables, columns[index], values[index], found[index])
    # For the last of an odd number: this row of the table keeps everything.
    found[used] = 0
    for row in range(len(words)):
        own = words[row]
        for index in range(0, used, 2):
            # Two at a time, so that each word is loaded and stored half as often.
            one, two = table[found[index, row, 0]], table[found[index + 1, row, 0]]
            for tree in range(len(own)):
                own[tree] &= one[tree] & two[tree]
        for index in range(used):
            for split in range(found[index, row, 1], found[index, row, 2]):
                own[tables.trees[split]] &= tables.keeps[split]


@njit(**_COMPILED)  # type: ignore[untyped-decorator]
def _add_up(
    request: Words, candidates: Words, rows: Positions, leaves: Floats, out: Floats, places: Positions
) -> None:
    """Write the sums over some trees to the candidates' places in `out`, four candidates at a time.

    request: words [trees], what the request keeps. `rows` of `candidates` are what each of them keeps.
    """
    last = len(rows) - 1
    for begin in range(0, len(rows), 4):
        # The last one again where fewer than four are left.
        ia, ib, ic, id_ = begin, min(begin + 1, last), min(begin + 2, last), min(begin + 3, last)
        a, b = candidates[rows[ia]], candidates[rows[ib]]
        c, d = candidates[rows[ic]], candidates[rows[id_]]
        sum_a = sum_b = sum_c = sum_d = 0.0
        for tree in range(len(request)):
            word, values = request[tree], leaves[tree]
            sum_a += values[_lowest_bit(word & a[tree])]
            sum_b += values[_lowest_bit(word & b[tree])]
            sum_c += values[_lowest_bit(word & c[tree])]
            sum_d += values[_lowest_bit(word & d[tree])]
        out[places[ia]], out[places[ib]], out[places[ic]], out[places[id_]] = sum_a, sum_b, sum_c, sum_d


@njit(**_COMPILED)  # type: ignore[untyped-decorator]
def score(
    tables: Tables,
    leaves: Floats,
    outputs: int,
    request_columns: Positions,
    request_values: Floats,
    actions: Words,
    rows: Positions,
    pair_columns: Positions,
    pair_defaults: Words,
    hits: Positions,
    pair_values: Floats,
) -> Floats:
    """Return the raw scores of candidates, float64 [candidates, outputs].

    request_values: of `request_columns`, the same for all candidates. actions: words [actions, width], and `rows`
    are the candidates' actions. pair_defaults: words [width], what a candidate keeps without any pair value.
    hits: places of those candidates that have pair values, ascending, and pair_values are [pair_columns, hits].
    """
    words = tables.table[0].copy()
    keep_each(tables, request_columns, request_values.reshape(-1, 1), words.reshape(1, -1))
    out = np.empty((len(rows), outputs))
    plain = np.empty(len(rows) - len(hits), np.intp)
    next_hit, count = 0, 0
    for place in range(len(rows)):
        if next_hit < len(hits) and hits[next_hit] == place:
            next_hit += 1
        else:
            plain[count] = place
            count += 1
    own = np.empty((len(hits), len(words)), words.dtype)
    for hit in range(len(hits)):
        own[hit] = actions[rows[hits[hit]]]
    keep_each(tables, pair_columns, pair_values, own)
    each, folded = len(leaves) // outputs, words & pair_defaults
    for output in range(outputs):
        begin, end = output * each, (output + 1) * each
        some = leaves[begin:end]
        _add_up(folded[begin:end], actions[:, begin:end], rows[plain], some, out[:, output], plain)
        _add_up(words[begin:end], own[:, begin:end], np.arange(len(hits)), some, out[:, output], hits)
    return out
