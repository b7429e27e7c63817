"""What a caller asks, as the decider sees it: checked, resolved against the catalog, free of transport.

Sets of actions are bitmasks over the catalog (bit i = action i), as everywhere between here and the answer.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

from nextbest_rules import Direction, Placement
from nextbest_service.store.keys import Identity


class ExplainLevel(IntEnum):
    """How much of the why goes into the answer."""

    NONE = 0
    EXCLUSIONS = 1
    FULL = 2


class PlacementRequest(NamedTuple):
    """One placement to fill with at most `limit` propositions, none of which is in `excluded`."""

    placement: Placement
    limit: int
    excluded: int


class DecisionRequest(NamedTuple):
    """One question: what is best for this person, in these placements, now?

    `channel` is empty where the placement leaves the choice to us. `brand`, `goal` and `locale` are the
    catalog's, defaults filled in; `candidates` is the mask of the actions that may compete. `body` is a
    digest of the whole question, by which a question that comes again is told from another one of the same
    id. A `dry_run` changes nothing. With `audited` the answer waits for its record.
    """

    request_id: str
    identities: tuple[Identity, ...]
    placements: tuple[PlacementRequest, ...]
    channel: str
    brand: str
    goal: str
    locale: str
    context: Mapping[str, object]
    candidates: int
    explain: ExplainLevel
    include_content: bool
    allow_duplicates: bool
    body: bytes = b""
    dry_run: bool = False
    audited: bool = False

    @property
    def numbers(self) -> dict[str, float]:
        """The numeric part of the context: what features may read."""
        return {
            name: float(value)
            for name, value in self.context.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }

    @property
    def direction(self) -> Direction:
        """Who started the contact: outbound as soon as any placement is, the stricter reading."""
        outbound = any(asked.placement.direction is Direction.OUTBOUND for asked in self.placements)
        return Direction.OUTBOUND if outbound else Direction.INBOUND
