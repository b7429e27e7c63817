"""Pair features: what a customer's counters say of an action's keys."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.definitions import Combine, PairStatistic, PopulationStatistic, Statistic
from nextbest_models.features import FeatureSpec
from nextbest_models.population import Population

Floats: TypeAlias = NDArray[np.float64]
Positions: TypeAlias = NDArray[np.intp]
Integers: TypeAlias = NDArray[np.int64]

_LIMITS = np.iinfo(np.int64)
_REDUCTIONS: Mapping[Combine, tuple[np.ufunc, int]] = {
    Combine.SUM: (np.add, 0),
    Combine.MIN: (np.minimum, _LIMITS.max),
    Combine.MAX: (np.maximum, _LIMITS.min),
}


@dataclass(frozen=True, slots=True)
class KeyTable:
    """The keys of all actions in one family: action `a` has `ids[starts[a] : starts[a] + lengths[a]]`.

    Ids run up to `size`, which no counter ever has: it stands for a key outside the dictionary and for
    "no key", so that no action's run is empty.
    """

    ids: Positions
    starts: Positions
    lengths: Positions
    size: int

    @classmethod
    def of(cls, keys_of: Sequence[Sequence[str]], family: str, keys: AffinityKeys) -> "KeyTable":
        """Look up each action's keys of one family."""
        absent = len(keys)
        ids_of = [keys.ids_for(family, own) for own in keys_of]
        runs = [np.where(ids < 0, absent, ids) if len(ids) else np.array([absent]) for ids in ids_of]
        lengths = np.array([len(run) for run in runs], dtype=np.intp)
        ids = np.concatenate(runs).astype(np.intp) if runs else np.empty(0, dtype=np.intp)
        return cls(ids, np.cumsum(lengths) - lengths, lengths, absent)

    def of_rows(self, rows: Positions) -> tuple[Positions, Positions]:
        """Return the key ids of some actions end to end, and where each action's run begins."""
        lengths = self.lengths[rows]
        runs = np.cumsum(lengths) - lengths
        offsets = np.repeat(self.starts[rows] - runs, lengths)
        return self.ids[offsets + np.arange(len(offsets))], runs

    def sums(self, values: NDArray[np.int64]) -> Floats:
        """Return, for each action, the sum of a value by key id; missing where it has no key we know."""
        if not len(self.starts):
            return np.empty(0)
        sums = np.add.reduceat(np.append(values, 0)[self.ids], self.starts)
        known = np.logical_or.reduceat(self.ids < self.size, self.starts)
        return np.where(known, sums.astype(np.float64), np.nan)


@dataclass(frozen=True, slots=True)
class PairColumn:
    """One pair feature: where it goes and how it is made.

    A customer's counters are combined as whole numbers, the same in any order; then times `unit`, and divided
    by `yardstick`, one number per action, if there is one.
    """

    column: int
    statistic: Statistic
    combine: Combine
    unit: float
    yardstick: Floats | None


@dataclass(frozen=True, slots=True)
class PairFamily:
    """The pair features of one family."""

    table: KeyTable
    columns: tuple[PairColumn, ...]

    def fill(self, matrix: Floats, counters: AffinityCounters, rows: Positions, today: int) -> None:
        """Write this family's pair features; a pair without any counter keeps its default."""
        ids, runs = self.table.of_rows(rows)
        place = self._places(counters)[ids]
        touched = place >= 0
        hit = np.logical_or.reduceat(touched, runs)
        if not hit.any():
            return
        values = _values(counters, place[touched], today)
        for pair in self.columns:
            reduction, neutral = _REDUCTIONS[pair.combine]
            spread = np.full(len(ids), neutral)
            spread[touched] = values[pair.statistic]
            combined = reduction.reduceat(spread, runs) * pair.unit
            if pair.yardstick is not None:
                combined = combined / pair.yardstick[rows]
            np.copyto(matrix[:, pair.column], combined, where=hit)

    def _places(self, counters: AffinityCounters) -> Positions:
        """Return, by key id, the row of the customer's counters, -1 where there is none."""
        places = np.full(self.table.size + 1, -1, dtype=np.intp)
        known = int(np.searchsorted(counters.ids, self.table.size))
        places[counters.ids[:known]] = np.arange(known)
        return places


def pair_families(
    spec: FeatureSpec, tables: Mapping[str, KeyTable], population: Population
) -> tuple[PairFamily, ...]:
    """Return the families that have pair features, each with the features' columns in order."""
    return tuple(
        PairFamily(table, columns)
        for name, table in tables.items()
        if (columns := tuple(_pair_columns(spec, name, table, population)))
    )


def pair_column(spec: FeatureSpec, column: int, yardstick: Floats | None) -> PairColumn:
    """Return the pair feature of a column of the specification.

    Raises:
        TypeError: it is of another source.
    """
    definition = spec.features[column].definition
    if not isinstance(definition, PairStatistic):
        raise TypeError(f"column {column} is no pair feature")
    unit = spec.family_units[definition.affinity] if definition.statistic is Statistic.TOTAL else 1.0
    return PairColumn(column, definition.statistic, definition.combine, unit, yardstick)


def _values(counters: AffinityCounters, place: Positions, today: int) -> Mapping[Statistic, Integers]:
    return {
        Statistic.COUNT: counters.counts[place].astype(np.int64),
        Statistic.RECENCY: np.maximum(today - counters.last_days[place].astype(np.int64), 0),
        Statistic.TOTAL: counters.totals[place].astype(np.int64),
    }


def _pair_columns(
    spec: FeatureSpec, family: str, table: KeyTable, population: Population
) -> Iterator[PairColumn]:
    for column, feature in enumerate(spec.features):
        definition = feature.definition
        if isinstance(definition, PairStatistic) and definition.affinity == family:
            pair = pair_column(spec, column, None)
            if definition.relative:
                pair = replace(pair, yardstick=_yardstick(pair.statistic, pair.unit, table, population))
            yield pair


def _yardstick(statistic: Statistic, unit: float, table: KeyTable, population: Population) -> Floats | None:
    """Return, for each action, a statistic's average over the customers who touched its keys.

    There is none of recency: the population does not keep it.
    """
    if statistic is Statistic.RECENCY:
        return None
    column = population.column(PopulationStatistic(statistic), table.size)
    customers = table.sums(population.column(PopulationStatistic.CUSTOMERS, table.size))
    sums = table.sums(column) * unit
    average: Floats = np.full(len(sums), np.nan)
    np.divide(sums, customers, out=average, where=(customers > 0) & (sums > 0))
    return average
