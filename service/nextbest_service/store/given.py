"""Feature values that somebody else computed, such as a warehouse or a feature store."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from nextbest_service.store.keys import Identity


class GivenFeatures(NamedTuple):
    """Values by feature name, and the moment (Unix milliseconds) they are of."""

    values: Mapping[str, float]
    as_of_ms: int


class FeatureSource(Protocol):
    """Holds features of customers outside the customer store; asked while the customer is being read."""

    async def read(self, identities: Sequence[Identity]) -> tuple[GivenFeatures, ...]:
        """Return what is held under any of the identities. Failures mean that nothing is held."""
        ...
