"""Every customer's features as of a moment, one column each, from the event log."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nextbest_models.definitions import DAY_MS, Aggregate, Distinct, External, Function, Ratio, Weighted
from nextbest_models.features import Feature, FeatureSpec
from nextbest_models.history import EventLog, HistoryError, Stream

Column = NDArray[np.float64]


def customer_columns(spec: FeatureSpec, log: EventLog, as_of_ms: int) -> dict[str, Column]:
    """Return, by feature of source customer, float64 of shape [customers].

    Only events strictly before the moment count. What is missing has the feature's default.

    Raises:
        HistoryError: the log lacks a stream.
    """
    columns: dict[str, Column] = {}
    for feature in spec.customer_features:
        values = _values(feature, columns, log, as_of_ms)
        columns[feature.name] = np.where(np.isnan(values), feature.default, values)
    return columns


def check_coverage(spec: FeatureSpec, log: EventLog) -> None:
    """Make sure that a log has everything that features and counters are defined on.

    Raises:
        HistoryError: it lacks a stream, a value or a family.
    """
    for feature in spec.customer_features:
        if isinstance(feature.definition, Aggregate | Distinct):
            _check_value(feature.name, log.stream(feature.definition.of), feature.definition.value)
    for family in spec.families:
        if family.name not in log.touches:
            raise HistoryError(f"the event log has no touches of the affinity family '{family.name}'")
        _check_value(family.name, log.touches[family.name].stream, family.definition.value)


def _values(feature: Feature, columns: Mapping[str, Column], log: EventLog, as_of_ms: int) -> Column:
    customers = len(log.customers)
    match feature.definition:
        case Aggregate() as definition:
            return _aggregate(definition, log.stream(definition.of).before(as_of_ms), customers, as_of_ms)
        case Distinct() as definition:
            return _distinct(definition, log, as_of_ms)
        case Ratio(numerator=numerator, denominator=denominator):
            divisor = columns[denominator]
            ratios = np.full(customers, np.nan)
            np.divide(columns[numerator], divisor, out=ratios, where=divisor != 0.0)
            return ratios
        case Weighted(weights=weights):
            return sum((weight * columns[name] for name, weight in weights), np.zeros(customers))
        case External():
            return np.full(customers, np.nan)
        case other:
            raise HistoryError(f"'{feature.name}' is no feature of a customer: {other}")


def _aggregate(definition: Aggregate, past: Stream, customers: int, as_of_ms: int) -> Column:
    if definition.function is Function.RECENCY:
        return _recency(definition, past, customers, as_of_ms)
    if definition.function is Function.FIRST:
        return _tenure(past, customers, as_of_ms)
    weights = np.ones(len(past)) if definition.value is None else past.values[definition.value]
    days = (as_of_ms - past.times_ms) / DAY_MS
    if definition.half_life_days is not None:
        weights = weights * np.exp2(-days / definition.half_life_days)
    if definition.window_days is not None:
        weights = weights * (days <= definition.window_days)
    return np.asarray(np.bincount(past.customers, weights, minlength=customers), dtype=np.float64)


def _recency(definition: Aggregate, past: Stream, customers: int, as_of_ms: int) -> Column:
    days = np.full(customers, np.nan)
    # Ascending times: of several events of one customer the last one written stays.
    days[past.customers] = (as_of_ms - past.times_ms) / DAY_MS
    if definition.window_days is not None:
        days[days > definition.window_days] = np.nan
    return days


def _tenure(past: Stream, customers: int, as_of_ms: int) -> Column:
    days = np.full(customers, np.nan)
    days[past.customers[::-1]] = (as_of_ms - past.times_ms[::-1]) / DAY_MS
    return days


def _distinct(definition: Distinct, log: EventLog, as_of_ms: int) -> Column:
    past, things = _things(definition, log, as_of_ms)
    if definition.window_days is not None:
        within = (as_of_ms - past.times_ms) / DAY_MS <= definition.window_days
        past, things = Stream(past.customers[within], past.times_ms[within], {}), things[within]
    owners, named = past.customers, np.unique(things, return_inverse=True)[1]
    pairs = np.unique(owners * max(len(things), 1) + named)
    return np.bincount(pairs // max(len(things), 1), minlength=len(log.customers)).astype(np.float64)


def _things(definition: Distinct, log: EventLog, as_of_ms: int) -> tuple[Stream, NDArray[np.generic]]:
    """Return what the events before a moment were about: one row per event and thing."""
    if definition.key is not None:
        touches = log.touches[definition.key].before(as_of_ms)
        return touches.stream, touches.keys
    past = log.stream(definition.of).before(as_of_ms)
    values = past.values[str(definition.value)]
    known = ~np.isnan(values)
    return Stream(past.customers[known], past.times_ms[known], {}), values[known]


def _check_value(name: str, stream: Stream, value: str | None) -> None:
    if value is not None and value not in stream.values:
        raise HistoryError(f"'{name}' needs the value '{value}', which its events do not carry")
