"""The inner loops, compiled by numba: one thread, without the GIL, cached on disk.

Sums go tree by tree in the model's order, in float64 and without any reordering, which makes them LightGBM's.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic
from numpy.typing import NDArray

from nextbest_models.scoring.compiling import compiled

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]
Flags = NDArray[np.bool_]
Words = NDArray[np.unsignedinteger[Any]]
Plain = tuple[Any, ...]

ZERO = float(np.float32(1e-35))
"""LightGBM takes what is not further from zero than this for zero."""


BLOCK = 8
"""Thresholds are counted in blocks of this size."""
_UNUSED, NUMERICAL, CATEGORICAL = range(3)


class Column(NamedTuple):
    """One column's place in the tables, as a row of `Tables.columns`.

    begin, end: its blocks of `thresholds`, or its categories in `category_rows`. run, missing, zero: rows of
    `table`: that of the empty run, of NaN (for a categorical column of every category that no split knows),
    and of zero. A column that no split asks for has row 0, which keeps everything.
    """

    kind: int
    begin: int = 0
    end: int = 0
    run: int = 0
    missing: int = 0
    zero: int = 0


class Tables(NamedTuple):
    """Everything that values of columns are looked up in. A word is the smallest integer with a bit per leaf.

    columns: int64 [columns, 6], see `Column`. thresholds: float64 [blocks, BLOCK], ascending within a column,
    whose last block is filled up with infinity and never full. fences: float64 [blocks], the last of each
    block. trees, keeps: int32 and words of the splits, place for place beside the thresholds. table: words
    [rows, width]; the width is the number of trees, rounded up with words that keep everything.
    category_rows: int32. shift: log2 of the stride.
    """

    columns: NDArray[np.int64]
    thresholds: NDArray[np.float64]
    fences: NDArray[np.float64]
    trees: NDArray[np.int32]
    keeps: Words
    table: Words
    category_rows: NDArray[np.int32]
    shift: int


_KIND, _BEGIN, _END, _RUN, _MISSING, _ZERO = range(len(Column._fields))


def _lowest_bit_code(_context: Any, word: Any) -> Any:  # noqa: ANN401 - numba's own types
    """Return the place of the lowest bit of a word that is not 0."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return word(word), generate


_lowest_bit: Any = intrinsic(_lowest_bit_code)


@compiled
def _count_below(thresholds: Floats, fences: Floats, values: Floats, below: Positions) -> None:
    """Write how many thresholds of a column are below each value: first whole blocks, then within one.

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


@compiled
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


@compiled
def keep_each(tables: Tables, columns: Positions, values: Floats, words: Words, places: Positions) -> None:
    """AND into some rows of words what their values keep, in place; values are [columns, places]."""
    table, used = tables.table, len(columns)
    found = np.empty((used + 1, len(places), 3), np.intp)
    for index in range(used):
        _look_up(tables, columns[index], values[index], found[index])
    # For the last of an odd number: this row of the table keeps everything.
    found[used] = 0
    for row in range(len(places)):
        own = words[places[row]]
        for index in range(0, used, 2):
            # Two at a time, so that each word is loaded and stored half as often.
            one, two = table[found[index, row, 0]], table[found[index + 1, row, 0]]
            for tree in range(len(own)):
                own[tree] &= one[tree] & two[tree]
        for index in range(used):
            for split in range(found[index, row, 1], found[index, row, 2]):
                own[tables.trees[split]] &= tables.keeps[split]


@compiled
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


class CompiledModel(NamedTuple):
    """A model: its tables, and its leaves as in `Forest`."""

    tables: Tables
    leaves: Floats
    outputs: int


class ActionSide(NamedTuple):
    """What a catalog fixes.

    words: [actions, width], what each action keeps. request_columns: those that all candidates of a request
    share. pair_columns: those of a pair; family `f` has those from `pair_bounds[f]` to `pair_bounds[f + 1]`.
    pair_defaults: words [families, width], what a pair without a value of the family keeps.
    """

    words: Words
    request_columns: Positions
    pair_columns: Positions
    pair_bounds: Positions
    pair_defaults: Words


@compiled
def _words_of_pairs(
    tables: Tables, side: ActionSide, own_rows: Positions, touched: Flags, pairs: Floats
) -> Words:
    """Return what some actions and their pairs keep, words [actions, width]; see `score`.

    Most pairs have values of few families. All that the others keep is known beforehand.
    """
    words = side.words[own_rows]
    for family in range(len(touched)):
        begin, end = side.pair_bounds[family], side.pair_bounds[family + 1]
        defaults, places = side.pair_defaults[family], np.flatnonzero(touched[family])
        values = np.empty((end - begin, len(places)))
        for column in range(begin, end):
            for place in range(len(places)):
                values[column - begin, place] = pairs[column, places[place]]
        keep_each(tables, side.pair_columns[begin:end], values, words, places)
        for untouched in np.flatnonzero(~touched[family]):
            own = words[untouched]
            for tree in range(len(own)):
                own[tree] &= defaults[tree]
    return words


@compiled
def score(
    plain_model: Plain,
    plain_side: Plain,
    request: Floats,
    rows: Positions,
    hits: Positions,
    touched: Flags,
    pairs: Floats,
) -> Floats:
    """Return the raw scores of candidates, float64 [candidates, outputs].

    plain_model, plain_side: a `CompiledModel` and an `ActionSide` as `plain` makes them. request: the values
    of `request_columns`. rows: the candidates' actions. hits: the places in `rows`, ascending, of those that
    have values of pairs; touched: of which families, bool [families, hits]; and pairs their values, [pair
    columns, hits].
    """
    model = CompiledModel(Tables(*plain_model[0]), plain_model[1], plain_model[2])
    scores: Floats = scored(model, ActionSide(*plain_side), request, rows, hits, touched, pairs)
    return scores


@compiled
def scored(
    model: CompiledModel,
    side: ActionSide,
    request: Floats,
    rows: Positions,
    hits: Positions,
    touched: Flags,
    pairs: Floats,
) -> Floats:
    """Do the work of `score`."""
    words = model.tables.table[0].copy()
    one = np.zeros(1, np.intp)
    keep_each(model.tables, side.request_columns, request.reshape(-1, 1), words.reshape(1, -1), one)
    own = _words_of_pairs(model.tables, side, rows[hits], touched, pairs)
    folded, others = words.copy(), _others(len(rows), hits)
    for defaults in side.pair_defaults:
        folded &= defaults
    each = len(model.leaves) // model.outputs
    out = np.empty((len(rows), model.outputs))
    for output in range(model.outputs):
        trees = slice(output * each, (output + 1) * each)
        leaves, scores = model.leaves[trees], out[:, output]
        _add_up(folded[trees], side.words[:, trees], rows[others], leaves, scores, others)
        _add_up(words[trees], own[:, trees], np.arange(len(hits)), leaves, scores, hits)
    return out


def plain(values: Plain) -> Plain:
    """Return nested named tuples as plain ones, which numba takes apart in a third of the time."""
    return tuple(plain(it) if isinstance(it, tuple) else it for it in values)


@compiled
def _others(count: int, hits: Positions) -> Positions:
    """Return the places below `count` that are not among `hits`, which ascend."""
    others = np.empty(count - len(hits), np.intp)
    hit, found = 0, 0
    for place in range(count):
        if hit < len(hits) and hits[hit] == place:
            hit += 1
        else:
            others[found] = place
            found += 1
    return others


@compiled
def logistic(raw: Floats, scale: float, divisor: float) -> Floats:
    """Return 1 / (1 + exp(-scale * raw / divisor)) by the C library's exp, as LightGBM does."""
    out = np.empty(len(raw))
    for row in range(len(raw)):
        out[row] = 1.0 / (1.0 + math.exp(-scale * (raw[row] / divisor)))
    return out
