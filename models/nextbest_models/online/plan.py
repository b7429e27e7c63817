"""From the declared features of a customer to what reads them off the tallies."""

import math
from collections.abc import Callable, Sequence, Set
from typing import TypeAlias

from nextbest_models.definitions import (
    Aggregate,
    Definition,
    Distinct,
    External,
    Function,
    Ratio,
    Weighted,
)
from nextbest_models.features import FeatureSpec
from nextbest_models.online.layouts import StreamLayout, decay, window_ms
from nextbest_models.online.measures import (
    Decayed,
    Derived,
    Different,
    Measure,
    Quotient,
    Recency,
    Tenure,
    Total,
    WeightedSum,
    Windowed,
)

Reading: TypeAlias = Measure | Derived


def readings(spec: FeatureSpec, layouts: Sequence[StreamLayout]) -> tuple[Reading, ...]:
    """Return how each of the customer's features is read, in the order of `spec.customer_features`."""
    places = {layout.name: place for place, layout in enumerate(layouts)}
    made: list[Reading] = []
    for feature in spec.customer_features:
        match feature.definition:
            case Aggregate() as definition:
                place = places[definition.of]
                made.append(_aggregate(definition, place, layouts[place]))
            case Distinct() as definition:
                place = places[definition.of]
                made.append(_different(definition, place, layouts[place]))
            case definition:
                made.append(_derived(definition, spec.customer_names, made))
    return tuple(made)


def _aggregate(definition: Aggregate, place: int, layout: StreamLayout) -> Measure:
    window, fading, value = window_ms(definition), decay(definition), definition.value
    if definition.function is Function.RECENCY:
        return Recency(place, window)
    if definition.function is Function.FIRST:
        return Tenure(place)
    if fading is not None:
        return Decayed(place, layout.decays.index(fading), value, fading.half_life_ms)
    if window is not None:
        return Windowed(place, None if value is None else layout.columns.index(value), window)
    return Total(place, None if value is None else layout.sums.index(value), value)


def _different(definition: Distinct, place: int, layout: StreamLayout) -> Measure:
    kinds = [(mark.value, mark.key) for mark in layout.marks]
    return Different(place, kinds.index((definition.value, definition.key)), window_ms(definition))


def _derived(definition: Definition, names: Sequence[str], above: Sequence[Reading]) -> Derived:
    match definition:
        case Ratio(numerator=numerator, denominator=denominator):
            over, under = names.index(numerator), names.index(denominator)
            return _made_of({over, under}, above, Quotient(over, under))
        case Weighted(weights=weights):
            terms = tuple((names.index(name), weight) for name, weight in weights)
            return _made_of({part for part, _ in terms}, above, WeightedSum(terms))
        case External():
            return _made_of(set(), above, lambda _: math.nan)
        case other:
            raise TypeError(f"no feature of a customer: {other}")


def _made_of(parts: Set[int], above: Sequence[Reading], of: Callable[[Sequence[float]], float]) -> Derived:
    streams, features = set[int](), set(parts)
    for part in parts:
        reading = above[part]
        if isinstance(reading, Derived):
            streams |= reading.streams
            features |= reading.features
        else:
            streams.add(reading.stream)
    return Derived(of, frozenset(streams), frozenset(features))
