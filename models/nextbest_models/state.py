"""What is kept of a customer for ranking, and how it grows older between two events."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityCounters
from nextbest_models.definitions import DAY_MS, Aggregate, Function
from nextbest_models.features import Feature, FeatureSpec


@dataclass(frozen=True, slots=True)
class CustomerFeatures:
    """A customer's state as of a moment.

    vector: float32, in the order of `FeatureSpec.customer_names`.
    as_of_ms: Unix milliseconds; only events strictly before it are in the state.
    """

    vector: NDArray[np.float32]
    counters: AffinityCounters
    as_of_ms: int

    @classmethod
    def unknown(cls, spec: FeatureSpec, as_of_ms: int) -> "CustomerFeatures":
        """Return the state of somebody of whom nothing is known: the declared defaults."""
        return cls(spec.customer_defaults, AffinityCounters.empty(), as_of_ms)


class Ageing:
    """Brings a stored vector from its own moment to now.

    Recency grows by the days gone by and decayed sums fade; both are exact. Counts over windows stay as they
    were until the customer's state is next computed, ratios too.
    """

    __slots__ = ("_days_per_day", "_rates")

    def __init__(self, spec: FeatureSpec) -> None:
        self._days_per_day = np.array([_grows(item) for item in spec.customer_features], dtype=np.float64)
        self._rates = np.array([_rate(item) for item in spec.customer_features], dtype=np.float64)

    def aged(self, customer: CustomerFeatures, now_ms: int) -> NDArray[np.float64]:
        """Return the vector's values as of `now_ms`; a moment before the state's own changes nothing."""
        days = max(0, now_ms - customer.as_of_ms) / DAY_MS
        return customer.vector * np.exp2(-self._rates * days) + self._days_per_day * days


def _grows(feature: Feature) -> float:
    definition = feature.definition
    return float(isinstance(definition, Aggregate) and definition.function is Function.RECENCY)


def _rate(feature: Feature) -> float:
    half_life = feature.definition.half_life_days if isinstance(feature.definition, Aggregate) else None
    return 0.0 if half_life is None else 1.0 / half_life
