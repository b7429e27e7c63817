"""What a caller asks, as the decider sees it: checked, resolved against the catalog, free of transport.

Sets of actions are bitmasks over the catalog (bit i = action i), as everywhere between here and the answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from nextbest_rules import Placement
from nextbest_service.store.keys import Identity


class ExplainLevel(IntEnum):
    """How much of the why goes into the answer."""

    NONE = 0
    EXCLUSIONS = 1
    FULL = 2


@dataclass(frozen=True, slots=True)
class PlacementRequest:
    """One placement to fill with at most `limit` propositions.

    `excluded` is what the caller does not want here; `wanted` is what is left of the catalog after that,
    after the candidates of the request and after what the placement accepts.
    """

    placement: Placement
    limit: int
    excluded: int
    wanted: int


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """One question: what is best for this person, in these placements, now?"""

    request_id: str
    identities: tuple[Identity, ...]
    placements: tuple[PlacementRequest, ...]
    channel: str
    context: Mapping[str, object]
    candidates: int
    explain: ExplainLevel
    include_content: bool
    allow_duplicates: bool
