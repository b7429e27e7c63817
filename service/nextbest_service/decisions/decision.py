"""What the decider answers: immutable, free of transport."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from nextbest_models.ladder import Maturity
from nextbest_rules import Action, Exclusion, ParameterValue
from nextbest_service.decisions.basis import Basis
from nextbest_service.decisions.explanation import Explanation
from nextbest_service.decisions.request import PlacementRequest
from nextbest_service.store.keys import Ref

NO_PARAMETERS: Mapping[str, ParameterValue] = MappingProxyType({})


class SelectionType(StrEnum):
    """How a proposition came to its rank. The log knows them by their places here."""

    RANKED = "RANKED"
    STATIC = "STATIC"
    PINNED = "PINNED"
    FALLBACK = "FALLBACK"
    EXPLORED = "EXPLORED"
    LAST_KNOWN_GOOD = "LAST_KNOWN_GOOD"


class Degradation(StrEnum):
    """Why an answer is not as good as it should be. Closed rules hold all the same.

    Without a usable model the static priority ranks; where an arm's ranker is not in use the champion does;
    with unreadable state the model ranks on defaults. Where
    others kept changing a busy customer, only actions that no cap counts were considered. A gap is open as
    long as the decision log has lost decisions and does not say so yet. Where the store does not answer, or
    time is short, the ladder's lower rungs answer, see `lower_rungs`; what was read and cannot be written to
    is answered without what a cap counts.
    """

    MODEL_UNAVAILABLE = "MODEL_UNAVAILABLE"
    RANKER_UNAVAILABLE = "RANKER_UNAVAILABLE"
    SCORE_NOT_FINITE = "SCORE_NOT_FINITE"
    STATE_UNREADABLE = "STATE_UNREADABLE"
    CUSTOMER_BUSY = "CUSTOMER_BUSY"
    AUDIT_GAP = "AUDIT_GAP"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    STORE_TIMEOUT = "STORE_TIMEOUT"
    DEADLINE_SHORT = "DEADLINE_SHORT"


class Proposition(NamedTuple):
    """An action offered in a placement, with the factors that gave it its rank (from 1).

    `content_json` and `parameters` are empty unless content was asked for. Times are Unix milliseconds; None
    is no end, or now. `selection_probability` is that of this action at this rank; 1 where nothing explores.
    `maturity` says what the propensity rests on, None where the rank needed none. `explanation` is there only
    if asked for.
    """

    action: Action
    rank: int
    selection: SelectionType
    propensity: float
    value: float
    context_weight: float
    lever: float
    priority: float
    channel: str
    treatment_id: str = ""
    content_json: str = ""
    parameters: Mapping[str, ParameterValue] = NO_PARAMETERS
    expires_at_ms: int | None = None
    send_at_ms: int | None = None
    selection_probability: float = 1.0
    maturity: Maturity | None = None
    explanation: Explanation | None = None


class PlacementDecision(NamedTuple):
    """The propositions of one placement, best first. Empty when nothing may be said."""

    request: PlacementRequest
    propositions: tuple[Proposition, ...]


class PlacedExclusion(NamedTuple):
    """Why an action was not offered; `placement_id` is empty where all placements asked for left it out."""

    exclusion: Exclusion
    placement_id: str = ""


class Timing(NamedTuple):
    """Microseconds per step, in the order of the steps."""

    read_us: int
    screen_us: int
    score_us: int
    arbitrate_us: int
    explain_us: int
    reserve_us: int = 0


class Decision(NamedTuple):
    """One answer. `selection_type` says how the propositions that were ranked were ranked.

    Of answers from the lower rungs it is the lowest of them, LAST_KNOWN_GOOD or FALLBACK.

    `origin` is the ref of the identity under which it is kept, and `person` that of the identity whose arms
    count; both are empty where nobody asks.
    """

    id: str
    decided_at_ms: int
    placements: tuple[PlacementDecision, ...]
    selection_type: SelectionType
    exclusions: tuple[PlacedExclusion, ...]
    customer_known: bool
    degraded: tuple[Degradation, ...]
    stale_features: tuple[str, ...]
    timing: Timing
    basis: Basis
    origin: Ref = b""
    person: Ref = b""
