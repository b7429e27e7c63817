"""From a customer and a set of actions to the rows that a model scores, for serving and training alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np

from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.definitions import (
    DAY_MS,
    AttributeValue,
    ContextValue,
    PopulationStatistic,
    PopulationValue,
    Source,
)
from nextbest_models.evidence import NO_KIND, Kind
from nextbest_models.features import FeatureSpec
from nextbest_models.pairs import Floats, KeyTable, PairFamily, Positions, pair_families
from nextbest_models.population import Population
from nextbest_models.state import CustomerFeatures

Scalar: TypeAlias = str | int | float | bool


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

    base: float64 [actions, columns], what is there of each action's row without a customer and a context.
    customer_columns: the columns of the customer's vector, in its order. context_columns: columns by context
    name. families: the families with pair features.
    """

    __slots__ = ("base", "context_columns", "customer_columns", "families", "spec")

    def __init__(
        self, spec: FeatureSpec, actions: Sequence[ActionProfile], keys: AffinityKeys, population: Population
    ) -> None:
        tables = {
            name: KeyTable.of([action.affinity.get(name, ()) for action in actions], name, keys)
            for name in spec.family_units
        }
        base = _action_side(spec, actions, tables, population)
        self._take(spec, base, pair_families(spec, tables, population))

    @classmethod
    def of_parts(cls, spec: FeatureSpec, base: Floats, families: tuple[PairFamily, ...]) -> Self:
        """Return an assembler whose side of the actions was computed before."""
        assembler = cls.__new__(cls)
        assembler._take(spec, base, families)  # noqa: SLF001 - its own
        return assembler

    def _take(self, spec: FeatureSpec, base: Floats, families: tuple[PairFamily, ...]) -> None:
        self.spec, self.base, self.families = spec, base, families
        self.customer_columns = spec.positions(Source.CUSTOMER)
        self.context_columns = {
            feature.definition.context: column
            for column, feature in enumerate(spec.features)
            if isinstance(feature.definition, ContextValue)
        }

    def assemble(
        self, customer: CustomerFeatures, context: Mapping[str, float], rows: Positions, now_ms: int
    ) -> Floats:
        """Return one row per candidate, float64 of shape [len(rows), len(spec.columns)]; NaN is missing.

        The customer's features are taken as they are: they have to be those of `now_ms`.
        `rows` are positions in the sequence of actions. `context` may hold more than the features name.
        """
        matrix = self.base[rows]
        if not len(rows):
            return matrix
        matrix[:, self.customer_columns] = customer.vector
        for name, column in self.context_columns.items():
            if name in context:
                matrix[:, column] = context[name]
        for family in self.families:
            family.fill(matrix, customer.counters, rows, now_ms // DAY_MS)
        return matrix

    def counters_behind(self, counters: AffinityCounters, rows: Positions) -> AffinityCounters:
        """Return those of a customer's counters that the rows of some actions are made of."""
        if not self.families or not len(rows):
            return AffinityCounters.empty()
        size = self.families[0].table.size
        wanted = np.zeros(size + 1, dtype=np.bool_)
        for family in self.families:
            wanted[family.table.of_rows(rows)[0]] = True
        # No row has to do with counters from `size` on: they are newer than the dictionary.
        wanted[size] = False
        return counters.only(wanted[np.minimum(counters.ids.astype(np.intp), size)])


def _action_side(
    spec: FeatureSpec,
    actions: Sequence[ActionProfile],
    tables: Mapping[str, KeyTable],
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
