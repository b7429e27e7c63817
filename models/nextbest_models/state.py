"""What ranking knows of a customer at one moment."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_models.affinity import AffinityCounters
from nextbest_models.features import FeatureSpec


class CustomerFeatures(NamedTuple):
    """A customer's features as of a moment.

    vector: float32, in the order of `FeatureSpec.customer_names`.
    as_of_ms: Unix milliseconds, the moment of the vector.
    """

    vector: NDArray[np.float32]
    counters: AffinityCounters
    as_of_ms: int

    @classmethod
    def unknown(cls, spec: FeatureSpec, as_of_ms: int) -> "CustomerFeatures":
        """Return the features of somebody of whom nothing is known: the declared defaults."""
        return cls(spec.customer_defaults, AffinityCounters.empty(), as_of_ms)
