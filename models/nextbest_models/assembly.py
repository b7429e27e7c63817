"""From a customer and a set of actions to the rows that a model scores, for serving and training alike."""

from collections.abc import Mapping, Sequence
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
    Source,
    Statistic,
)
from nextbest_models.features import FeatureSpec
from nextbest_models.state import Ageing, CustomerFeatures

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
    """What ranking needs to know of an action: its attributes, and its keys per family of counters."""

    id: str
    attributes: Mapping[str, Scalar]
    affinity: Mapping[str, Sequence[str]]


class CandidateAssembler:
    """Builds the model's input for one customer and any of a fixed sequence of actions.

    Built once per generation. Everything that depends on the actions alone is computed here and never again.
    """

    __slots__ = ("_ageing", "_base", "_context", "_customer_columns", "_families", "spec")

    def __init__(self, spec: FeatureSpec, actions: Sequence[ActionProfile], keys: AffinityKeys) -> None:
        self.spec = spec
        self._ageing = Ageing(spec)
        self._customer_columns = spec.positions(Source.CUSTOMER)
        self._base = _action_side(spec, actions)
        self._context = {
            feature.definition.context: column
            for column, feature in enumerate(spec.features)
            if isinstance(feature.definition, ContextValue)
        }
        self._families = tuple(
            table
            for family in spec.families
            if (table := _family_table(spec, family.name, actions, keys)).columns
        )

    def assemble(
        self, customer: CustomerFeatures, context: Mapping[str, float], rows: Positions, now_ms: int
    ) -> Floats:
        """Return one row per candidate, float64 of shape [len(rows), len(spec.columns)]; NaN is missing.

        `rows` are positions in the sequence of actions. `context` may hold more than the features name.
        """
        matrix = self._base[rows]
        if not len(rows):
            return matrix
        matrix[:, self._customer_columns] = self._ageing.aged(customer, now_ms)
        for name, column in self._context.items():
            if name in context:
                matrix[:, column] = context[name]
        for family in self._families:
            family.fill(matrix, customer.counters, rows, now_ms // DAY_MS)
        return matrix


@dataclass(frozen=True, slots=True)
class _PairColumn:
    """One pair feature: where it goes and how it is made."""

    column: int
    statistic: Statistic
    combine: Combine


@dataclass(frozen=True, slots=True)
class _FamilyTable:
    """The keys of all actions in one family: action `a` has `ids[starts[a] : starts[a] + lengths[a]]`.

    Ids run up to `size`, which no counter ever has: it stands for a key outside the dictionary and for
    "no key", so that no action's run is empty.
    """

    ids: NDArray[np.intp]
    starts: Positions
    lengths: Positions
    size: int
    unit: float
    columns: tuple[_PairColumn, ...]

    def fill(self, matrix: Floats, counters: AffinityCounters, rows: Positions, today: int) -> None:
        """Write this family's pair features; a pair without any counter keeps its default."""
        ids, runs = self._keys_of(rows)
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
            np.copyto(matrix[:, pair.column], reduction.reduceat(spread, runs), where=hit)

    def _keys_of(self, rows: Positions) -> tuple[NDArray[np.intp], Positions]:
        """Return the key ids of the candidates end to end, and where each candidate's run begins."""
        lengths = self.lengths[rows]
        runs = np.cumsum(lengths) - lengths
        offsets = np.repeat(self.starts[rows] - runs, lengths)
        return self.ids[offsets + np.arange(len(offsets))], runs

    def _places(self, counters: AffinityCounters) -> Positions:
        """Return, by key id, the row of the customer's counters, -1 where there is none."""
        places = np.full(self.size + 1, -1, dtype=np.intp)
        known = int(np.searchsorted(counters.ids, self.size))
        places[counters.ids[:known]] = np.arange(known)
        return places

    def _values(self, counters: AffinityCounters, place: Positions, today: int) -> Mapping[Statistic, Floats]:
        return {
            Statistic.COUNT: counters.counts[place].astype(np.float64),
            Statistic.RECENCY: np.maximum(today - counters.last_days[place].astype(np.float64), 0.0),
            Statistic.TOTAL: counters.totals[place] * self.unit,
        }


def _family_table(
    spec: FeatureSpec, family: str, actions: Sequence[ActionProfile], keys: AffinityKeys
) -> _FamilyTable:
    absent = len(keys)
    ids_of = [keys.ids_for(family, action.affinity.get(family, ())) for action in actions]
    runs = [np.where(ids < 0, absent, ids) if len(ids) else np.array([absent]) for ids in ids_of]
    lengths = np.array([len(run) for run in runs], dtype=np.intp)
    columns = tuple(
        _PairColumn(column, feature.definition.statistic, feature.definition.combine)
        for column, feature in enumerate(spec.features)
        if isinstance(feature.definition, PairStatistic) and feature.definition.affinity == family
    )
    return _FamilyTable(
        ids=np.concatenate(runs).astype(np.intp) if runs else np.empty(0, dtype=np.intp),
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        size=absent,
        unit=next(item.definition.unit for item in spec.families if item.name == family),
        columns=columns,
    )


def _action_side(spec: FeatureSpec, actions: Sequence[ActionProfile]) -> Floats:
    base = np.tile(spec.defaults, (len(actions), 1))
    for column, feature in enumerate(spec.features):
        if isinstance(feature.definition, AttributeValue):
            base[:, column] = [_number(feature.definition, action, feature.default) for action in actions]
    return base


def _number(definition: AttributeValue, action: ActionProfile, default: float) -> float:
    value = action.attributes.get(definition.attribute)
    if isinstance(value, str):
        return dict(definition.codes).get(value, default)
    return default if value is None else float(value)
