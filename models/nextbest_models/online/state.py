"""What is kept of a customer for features."""

from dataclasses import dataclass

from nextbest_models.affinity import AffinityCounters
from nextbest_models.online.tallies import Tally


@dataclass(frozen=True, slots=True)
class FeatureState:
    """What is kept of a customer for features. Immutable.

    A portion has one tally. A whole person, see `OnlineFeatures.folded`, has one per portion, for reading
    only.
    """

    tallies: tuple[Tally, ...]
    counters: AffinityCounters
