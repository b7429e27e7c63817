"""Pair features of candidates straight from a customer's few counters, for those candidates that have any.

Going from the counters to the actions that have their keys visits only pairs that exist. `PairFamily.fill`
goes from the actions to the counters, and gives the same numbers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_models.definitions import Combine, Statistic
from nextbest_models.pairs import Floats, Integers, KeyTable, PairFamily, Positions
from nextbest_models.scoring.compiling import compiled

Flags = NDArray[np.bool_]

_COUNT, _RECENCY, _TOTAL = range(1, 4)
"""Where each statistic stands in the counters, after the ids."""
_STATISTICS = {Statistic.COUNT: _COUNT, Statistic.RECENCY: _RECENCY, Statistic.TOTAL: _TOTAL}
_SUM, _MIN, _MAX = range(3)
_NEUTRAL = (0, np.iinfo(np.int64).max, np.iinfo(np.int64).min)
_COMBINES = {Combine.SUM: _SUM, Combine.MIN: _MIN, Combine.MAX: _MAX}


class PairTables(NamedTuple):
    """Which actions have a key, and how each pair column is made of the counters.

    starts: int64 [families, keys + 1]; `actions[starts[family, k] : starts[family, k + 1]]` have key `k`.
    bounds: int64 [families + 1], the columns of each family. recipes: int64 [columns, 2], statistic and
    combination. units: float64 [columns]. yardsticks: float64 [columns, actions], 1 where there is
    none.
    """

    starts: Integers
    actions: Integers
    bounds: Integers
    recipes: Integers
    units: Floats
    yardsticks: Floats

    @classmethod
    def of(cls, families: Sequence[PairFamily], actions: int) -> "PairTables":
        """Turn the families' key tables round."""
        columns = [pair for family in families for pair in family.columns]
        holders = [_holders(family.table) for family in families]
        sizes = np.cumsum([0, *(len(own) for _, own in holders)])
        return cls(
            starts=np.array(
                [own + first for (own, _), first in zip(holders, sizes[:-1], strict=True)], np.int64
            ).reshape(len(families), families[0].table.size + 1 if families else 1),
            actions=np.concatenate([np.empty(0, np.int64), *(own for _, own in holders)]),
            bounds=np.cumsum([0, *(len(family.columns) for family in families)]).astype(np.int64),
            recipes=np.array(
                [(_STATISTICS[it.statistic], _COMBINES[it.combine]) for it in columns], np.int64
            ).reshape(len(columns), 2),
            units=np.array([it.unit for it in columns], np.float64),
            yardsticks=np.array(
                [np.ones(actions) if it.yardstick is None else it.yardstick for it in columns], np.float64
            ).reshape(len(columns), actions),
        )


def _holders(table: KeyTable) -> tuple[Integers, Integers]:
    """Return where each key's actions begin, and the actions by key, twice where one lists a key twice."""
    actions = np.repeat(np.arange(len(table.lengths)), table.lengths)
    order = np.argsort(table.ids, kind="stable")
    starts = np.searchsorted(table.ids[order], np.arange(table.size + 1))
    return starts.astype(np.int64), actions[order].astype(np.int64)


@compiled
def _gather(
    tables: PairTables,
    counters: Integers,
    place_of: Positions,
    today: int,
    touched: Flags,
    combined: Integers,
) -> None:
    """Combine the counters of each place; `touched` are [families, places], `combined` [columns, places]."""
    for family in range(len(tables.starts)):
        starts, begin, end = tables.starts[family], tables.bounds[family], tables.bounds[family + 1]
        for counter in range(counters.shape[1]):
            key = counters[0, counter]
            if key >= len(starts) - 1:
                # Newer than the dictionary, and so are all after it.
                break
            for index in range(starts[key], starts[key + 1]):
                place = place_of[tables.actions[index]]
                if place >= 0:
                    touched[family, place] = True
                    for column in range(begin, end):
                        statistic, combine = tables.recipes[column, 0], tables.recipes[column, 1]
                        value = counters[statistic, counter]
                        if statistic == _RECENCY:
                            value = max(today - value, 0)
                        if combine == _SUM:
                            combined[column, place] += value
                        elif combine == _MIN:
                            combined[column, place] = min(combined[column, place], value)
                        else:
                            combined[column, place] = max(combined[column, place], value)


@compiled
def _hits(touched: Flags, place_of: Positions, rows: Positions) -> tuple[Positions, Flags]:
    """Return the places in `rows` that have any counter, and of which families, [families, hits]."""
    hits, own, count = np.empty(len(rows), np.intp), np.empty(touched.shape, np.bool_), 0
    for place in range(len(rows)):
        # Where an action is asked for twice, its last place has the numbers of both.
        last, found = place_of[rows[place]], False
        for family in range(len(touched)):
            own[family, count] = touched[family, last]
            found |= touched[family, last]
        if found:
            hits[count] = place
            count += 1
    return hits[:count].copy(), own[:, :count].copy()


@compiled
def pair_values(
    tables: PairTables, counters: Integers, rows: Positions, today: int
) -> tuple[Positions, Flags, Floats]:
    """Return the places in `rows`, ascending, of candidates with any counter, and their values.

    With them comes of which families they have counters, bool [families, places]. The values are float64
    [columns, places]; there are none of a family of which a candidate has no counter. counters: int64 [4,
    counters], see `AffinityCounters.table`.
    """
    columns = len(tables.recipes)
    place_of = np.full(tables.yardsticks.shape[1], -1, np.intp)
    for place in range(len(rows)):
        place_of[rows[place]] = place
    touched = np.zeros((len(tables.starts), len(rows)), np.bool_)
    combined = np.empty((columns, len(rows)), np.int64)
    for column in range(columns):
        combined[column] = _NEUTRAL[tables.recipes[column, 1]]
    _gather(tables, counters, place_of, today, touched, combined)
    hits, touched = _hits(touched, place_of, rows)
    values = np.empty((columns, len(hits)))
    for family in range(len(tables.starts)):
        for column in range(tables.bounds[family], tables.bounds[family + 1]):
            for hit in range(len(hits)):
                if touched[family, hit]:
                    action = rows[hits[hit]]
                    value = combined[column, place_of[action]] * tables.units[column]
                    values[column, hit] = value / tables.yardsticks[column, action]
    return hits, touched, values
