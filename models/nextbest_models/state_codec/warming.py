"""Has compiled what reads states, so that nobody waits for it later."""

import numpy as np

from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.features import FeatureSpec
from nextbest_models.online.engine import OnlineFeatures
from nextbest_models.online.state import FeatureState
from nextbest_models.state_codec.codec import StateCodec


def warm_up() -> None:
    """Have compiled what `StateCodec.counters` and `StateCodec.vector` run."""
    online, one = OnlineFeatures(FeatureSpec.from_declarations([], [])), np.ones(1, dtype=np.uint16)
    codec = StateCodec(online, AffinityKeys(), b"nobody")
    _, counters = codec.encode(FeatureState(online.empty.tallies, AffinityCounters(one, one, one, one)))
    codec.counters(counters)
    codec.vector(codec.schema_id, 0)
