"""What a test asks, and what comes back: the same for a decision in process and for one over the wire."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nextbest_rules.catalog import Placement, PlainData
from nextbest_rules.declarations import FactValue
from nextbest_rules.explanation import Exclusion
from nextbest_rules.terms import ActionType, Direction
from nextbest_rules.trials.state import CustomerState

EVERYWHERE = ""
"""The name under which an answer keeps the exclusions that hold for all placements asked for."""


@dataclass(frozen=True, slots=True)
class PlacementAsked:
    """A placement to fill; `limit` None is the placement's default."""

    placement: Placement
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A customer, a moment and a request. Empty texts stand for what the catalog or the placement declares.

    `customer` None is somebody unknown. `candidates` None lets the whole catalog compete. `volumes` counts
    an action's contacts with the whole population; `killed` are actions that were stopped by hand. `arms` are
    the customer's by holdout and experiment.
    """

    now_ms: int
    customer: CustomerState | None
    placements: tuple[PlacementAsked, ...]
    channel: str = ""
    direction: Direction | None = None
    brand: str = ""
    goal: str = ""
    locale: str = ""
    context: Mapping[str, FactValue] = field(default_factory=dict)
    candidates: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()
    types: tuple[ActionType, ...] = ()
    killed: tuple[str, ...] = ()
    volumes: Mapping[str, int] = field(default_factory=dict)
    arms: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """An action offered in a placement. Times are Unix milliseconds; None is not set.

    `weighed_by` are the context weights that changed its priority, which only whoever decides can tell.
    """

    action: str
    rank: int
    channel: str
    treatment: str
    content: Mapping[str, PlainData]
    parameters: Mapping[str, FactValue]
    value: float
    lever: float
    priority: float
    send_at_ms: int | None = None
    expires_at_ms: int | None = None
    pinned: bool = False
    fallback: bool = False
    context_weight: float = 1.0
    weighed_by: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided: the offers of each placement, best first, and why the other actions were left out.

    `exclusions` are by placement; EVERYWHERE stands for all placements asked for.
    """

    offers: Mapping[str, tuple[Offer, ...]]
    exclusions: Mapping[str, tuple[Exclusion, ...]]
