"""From a customer and a set of actions to the rows that a model scores, for serving and training alike."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.definitions import (
    DAY_MS,
    AttributeValue,
    Combine,
    ContextValue,
    PairStatistic,
    PopulationStatistic,
    PopulationValue,
    Source,
    Statistic,
)
from nextbest_models.evidence import NO_KIND, Kind
from nextbest_models.features import FeatureSpec
from nextbest_models.population import Population
from nextbest_models.state import CustomerFeatures

Scalar: TypeAlias = str | int | float | bool
Floats: TypeAlias = NDArray[np.float64]
Positions: TypeAlias = NDArray[np.intp]

_REDUCTIONS: Mapping[Combine, tuple[np.ufunc, float]] = {
    Combine.SUM: (np.add, 0.0),
    Combine.MIN: (np.minimum, np.inf),
    Combine.MAX: (np.maximum, -np.inf),
}


@dataclass(frozen=True, slots=True)
class ActionProfile:
    """What ranking needs to know of an action: its attributes, its keys per family of counters, its kind."""

    id: str
    attributes: Mapping[str, Scalar]
    affinity: Mapping[str, Sequence[str]]
    kind: Kind = NO_KIND


class CandidateAssembler:
    """Builds the model's input for one customer and any of a fixed sequence of actions.

    Built once per generation. Everything that does not depend on the customer is computed here and never
    again: the actions' own features, and what the population did with their keys.
    """

    __slots__ = ("_base", "_context", "_customer_columns", "_families", "spec")

    def __init__(
        self, spec: FeatureSpec, actions: Sequence[ActionProfile], keys: AffinityKeys, population: Population
    ) -> None:
        self.spec = spec
        self._customer_columns = spec.positions(Source.CUSTOMER)
        tables = {name: _KeyTable.of(name, actions, keys) for name in spec.family_units}
        self._base = _action_side(spec, actions, tables, population)
        self._context = {
            feature.definition.context: column
            for column, feature in enumerate(spec.features)
            if isinstance(feature.definition, ContextValue)
        }
        self._families = tuple(
            _PairFamily(table, spec.family_units[name], columns)
            for name, table in tables.items()
            if (columns := tuple(_pair_columns(spec, name, table, population)))
        )

    def assemble(
        self, customer: CustomerFeatures, context: Mapping[str, float], rows: Positions, now_ms: int
    ) -> Floats:
        """Return one row per candidate, float64 of shape [len(rows), len(spec.columns)]; NaN is missing.

        The customer's features are taken as they are: they have to be those of `now_ms`.
        `rows` are positions in the sequence of actions. `context` may hold more than the features name.
        """
        matrix = self._base[rows]
        if not len(rows):
            return matrix
        matrix[:, self._customer_columns] = customer.vector
        for name, column in self._context.items():
            if name in context:
                matrix[:, column] = context[name]
        for family in self._families:
            family.fill(matrix, customer.counters, rows, now_ms // DAY_MS)
        return matrix


@dataclass(frozen=True, slots=True)
class _KeyTable:
    """The keys of all actions in one family: action `a` has `ids[starts[a] : starts[a] + lengths[a]]`.

    Ids run up to `size`, which no counter ever has: it stands for a key outside the dictionary and for
    "no key", so that no action's run is empty.
    """

    ids: Positions
    starts: Positions
    lengths: Positions
    size: int

    @classmethod
    def of(cls, family: str, actions: Sequence[ActionProfile], keys: AffinityKeys) -> "_KeyTable":
        absent = len(keys)
        ids_of = [keys.ids_for(family, action.affinity.get(family, ())) for action in actions]
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
class _PairColumn:
    """One pair feature: where it goes and how it is made. `yardstick`: what to divide by, for each action."""

    column: int
    statistic: Statistic
    combine: Combine
    yardstick: Floats | None


@dataclass(frozen=True, slots=True)
class _PairFamily:
    """The pair features of one family; `unit` is what a total counts in."""

    table: _KeyTable
    unit: float
    columns: tuple[_PairColumn, ...]

    def fill(self, matrix: Floats, counters: AffinityCounters, rows: Positions, today: int) -> None:
        """Write this family's pair features; a pair without any counter keeps its default."""
        ids, runs = self.table.of_rows(rows)
        place = self._places(counters)[ids]
        touched = place >= 0
        hit = np.logical_or.reduceat(touched, runs)
        if not hit.any():
            return
        values = self._values(counters, place[touched], today)
        for pair in self.columns:
            reduction, neutral = _REDUCTIONS[pair.combine]
            spread = np.full(len(ids), neutral)
            spread[touched] = values[pair.statistic]
            combined = reduction.reduceat(spread, runs)
            if pair.yardstick is not None:
                combined = combined / pair.yardstick[rows]
            np.copyto(matrix[:, pair.column], combined, where=hit)

    def _places(self, counters: AffinityCounters) -> Positions:
        """Return, by key id, the row of the customer's counters, -1 where there is none."""
        places = np.full(self.table.size + 1, -1, dtype=np.intp)
        known = int(np.searchsorted(counters.ids, self.table.size))
        places[counters.ids[:known]] = np.arange(known)
        return places

    def _values(self, counters: AffinityCounters, place: Positions, today: int) -> Mapping[Statistic, Floats]:
        return {
            Statistic.COUNT: counters.counts[place].astype(np.float64),
            Statistic.RECENCY: np.maximum(today - counters.last_days[place].astype(np.float64), 0.0),
            Statistic.TOTAL: counters.totals[place] * self.unit,
        }


def _pair_columns(
    spec: FeatureSpec, family: str, table: _KeyTable, population: Population
) -> Iterator[_PairColumn]:
    for column, feature in enumerate(spec.features):
        definition = feature.definition
        if isinstance(definition, PairStatistic) and definition.affinity == family:
            relative = definition.relative
            yardstick = _yardstick(spec, definition, table, population) if relative else None
            yield _PairColumn(column, definition.statistic, definition.combine, yardstick)


def _yardstick(
    spec: FeatureSpec, definition: PairStatistic, table: _KeyTable, population: Population
) -> Floats:
    """Return, for each action, the statistic's average over the customers who touched its keys."""
    unit = spec.family_units[definition.affinity] if definition.statistic is Statistic.TOTAL else 1.0
    column = population.column(PopulationStatistic(definition.statistic), table.size)
    customers = table.sums(population.column(PopulationStatistic.CUSTOMERS, table.size))
    sums = table.sums(column) * unit
    average: Floats = np.full(len(sums), np.nan)
    np.divide(sums, customers, out=average, where=(customers > 0) & (sums > 0))
    return average


def _action_side(
    spec: FeatureSpec,
    actions: Sequence[ActionProfile],
    tables: Mapping[str, _KeyTable],
    population: Population,
) -> Floats:
    base = np.tile(spec.defaults, (len(actions), 1))
    for column, feature in enumerate(spec.features):
        match feature.definition:
            case AttributeValue() as definition:
                base[:, column] = [_number(definition, action, feature.default) for action in actions]
            case PopulationValue(affinity=family, statistic=statistic) if population.is_known:
                table = tables[family]
                unit = spec.family_units[family] if statistic is PopulationStatistic.TOTAL else 1.0
                sums = table.sums(population.column(statistic, table.size)) * unit
                base[:, column] = np.where(np.isnan(sums), feature.default, sums)
            case _:
                pass
    return base


def _number(definition: AttributeValue, action: ActionProfile, default: float) -> float:
    value = action.attributes.get(definition.attribute)
    if isinstance(value, str):
        return dict(definition.codes).get(value, default)
    return default if value is None else float(value)
