"""All customers' states as of a moment, computed from the event log by the declared definitions."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import MAX_COUNT, AffinityCounters, KeyIds
from nextbest_models.definitions import DAY_MS, Aggregate, Function, Ratio
from nextbest_models.features import Family, Feature, FeatureSpec
from nextbest_models.history import EventLog, HistoryError, Stream
from nextbest_models.population import Population
from nextbest_models.state import CustomerFeatures

Columns = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The states of all customers of a log as of one moment, by position in the log's customers.

    `population` is what they did together.
    """

    as_of_ms: int
    vectors: NDArray[np.float32]
    counters: AffinityCounters
    bounds: NDArray[np.intp]
    population: Population

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, customer: int) -> CustomerFeatures:
        own = slice(self.bounds[customer], self.bounds[customer + 1])
        columns = (column[own] for column in self.counters.statistics)
        counters = AffinityCounters(self.counters.ids[own], *columns)
        return CustomerFeatures(self.vectors[customer], counters, self.as_of_ms)

    def __iter__(self) -> Iterator[CustomerFeatures]:
        return (self[customer] for customer in range(len(self)))


class SnapshotEngine:
    """Computes snapshots of one log, each from the events strictly before its moment.

    Touches are put in order once, so that a snapshot costs one pass over them.
    """

    def __init__(self, spec: FeatureSpec, log: EventLog) -> None:
        """Prepare a log.

        Raises:
            HistoryError: the log lacks a stream, a value or a family that the specification names.
        """
        _check_coverage(spec, log)
        self._spec = spec
        self._log = log
        self._touches = _SortedTouches.of(spec, log)

    def snapshot(self, as_of_ms: int) -> Snapshot:
        """Return everybody's state as of a moment."""
        owners, counters = self._touches.counters(as_of_ms)
        bounds = np.searchsorted(owners, np.arange(len(self._log.customers) + 1))
        return Snapshot(
            as_of_ms,
            _vectors(self._spec, self._log, as_of_ms),
            counters,
            bounds,
            Population.of(counters, len(self._log.keys)),
        )


def _vectors(spec: FeatureSpec, log: EventLog, as_of_ms: int) -> NDArray[np.float32]:
    """Return float32 of shape [customers, customer features]."""
    columns: Columns = {}
    for feature in spec.customer_features:
        values = _values(feature, columns, log, as_of_ms)
        columns[feature.name] = np.where(np.isnan(values), feature.default, values)
    if not columns:
        return np.empty((len(log.customers), 0), dtype=np.float32)
    return np.column_stack(list(columns.values())).astype(np.float32)


def _values(feature: Feature, columns: Columns, log: EventLog, as_of_ms: int) -> NDArray[np.float64]:
    match feature.definition:
        case Aggregate() as definition:
            return _aggregate(
                definition, log.stream(definition.of).before(as_of_ms), len(log.customers), as_of_ms
            )
        case Ratio(numerator=numerator, denominator=denominator):
            divisor = columns[denominator]
            ratios = np.full(len(divisor), np.nan)
            np.divide(columns[numerator], divisor, out=ratios, where=divisor != 0.0)
            return ratios
        case other:
            raise HistoryError(f"'{feature.name}' is no feature of a customer: {other}")


def _aggregate(definition: Aggregate, past: Stream, customers: int, as_of_ms: int) -> NDArray[np.float64]:
    if definition.function is Function.RECENCY:
        return _recency(past, customers, as_of_ms)
    weights = np.ones(len(past)) if definition.value is None else past.values[definition.value]
    days = (as_of_ms - past.times_ms) / DAY_MS
    if definition.half_life_days is not None:
        weights = weights * np.exp2(-days / definition.half_life_days)
    if definition.window_days is not None:
        weights = weights * (days <= definition.window_days)
    return np.asarray(np.bincount(past.customers, weights, minlength=customers), dtype=np.float64)


def _recency(past: Stream, customers: int, as_of_ms: int) -> NDArray[np.float64]:
    days = np.full(customers, np.nan)
    # Ascending times: of several events of one customer the last one written stays.
    days[past.customers] = (as_of_ms - past.times_ms) / DAY_MS
    return days


@dataclass(frozen=True, slots=True)
class _SortedTouches:
    """The touches of all families by customer, then key, then time."""

    owners: NDArray[np.int64]
    keys: KeyIds
    times_ms: NDArray[np.int64]
    units: NDArray[np.int64]

    @classmethod
    def of(cls, spec: FeatureSpec, log: EventLog) -> "_SortedTouches":
        touches = [log.touches[family.name] for family in spec.families]
        owners = _joined([item.stream.customers for item in touches])
        keys = _joined([item.keys for item in touches])
        times_ms = _joined([item.stream.times_ms for item in touches])
        units = _joined([_units(family, log) for family in spec.families])
        order = np.lexsort((times_ms, owners * max(len(log.keys), 1) + keys))
        return cls(owners[order], log.keys.stored(keys[order]), times_ms[order], units[order])

    def counters(self, as_of_ms: int) -> tuple[NDArray[np.int64], AffinityCounters]:
        """Return the counters of all customers end to end, and the owner of each row."""
        past = self.times_ms < as_of_ms
        owners, keys = self.owners[past], self.keys[past]
        if not len(owners):
            return owners, AffinityCounters.empty()
        first = np.flatnonzero(np.r_[True, (owners[1:] != owners[:-1]) | (keys[1:] != keys[:-1])])
        after = np.r_[first[1:], len(owners)]
        counters = AffinityCounters(
            ids=keys[first],
            counts=_capped(after - first),
            last_days=_capped(self.times_ms[past][after - 1] // DAY_MS),
            totals=_capped(np.add.reduceat(self.units[past], first)),
        )
        return owners[first], counters


def _joined(columns: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(columns) if columns else np.empty(0, dtype=np.int64)


def _units(family: Family, log: EventLog) -> NDArray[np.int64]:
    values = log.touches[family.name].stream.values[family.definition.value]
    return np.rint(values / family.definition.unit).astype(np.int64)


def _capped(values: NDArray[np.int64]) -> NDArray[np.uint16]:
    return np.clip(values, 0, MAX_COUNT).astype(np.uint16)


def _check_coverage(spec: FeatureSpec, log: EventLog) -> None:
    for feature in spec.customer_features:
        if isinstance(feature.definition, Aggregate):
            _check_value(feature.name, log.stream(feature.definition.of), feature.definition.value)
    for family in spec.families:
        if family.name not in log.touches:
            raise HistoryError(f"the event log has no touches of the affinity family '{family.name}'")
        _check_value(family.name, log.touches[family.name].stream, family.definition.value)


def _check_value(name: str, stream: Stream, value: str | None) -> None:
    if value is not None and value not in stream.values:
        raise HistoryError(f"'{name}' needs the value '{value}', which its events do not carry")
