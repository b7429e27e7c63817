"""Why actions were not offered. Computed on demand, never on the way of a decision."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from nextbest_rules.bitmask import bits
from nextbest_rules.catalog import Action, Placement
from nextbest_rules.dates import iso


class Stage(StrEnum):
    """The stages that can stop an action, in their order.

    Rules end with `placement`. `request` is the caller's own wish; `arbitration` is for what passed every
    rule and lost to better actions, which only the decider knows.
    """

    VALIDITY = "validity"
    CONSENT = "consent"
    GUARD = "guard"
    ELIGIBILITY = "eligibility"
    APPLICABILITY = "applicability"
    SUITABILITY = "suitability"
    CONTACT_POLICY = "contact_policy"
    PLACEMENT = "placement"
    REQUEST = "request"
    ARBITRATION = "arbitration"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """The first thing that stopped one action.

    `actual` and `required` are texts for people, empty where nothing can be said. `eligible_at_ms` (Unix
    milliseconds) is set where time alone lifts the exclusion.
    """

    action_id: str
    stage: Stage
    rule_id: str
    reason: str
    actual: str = ""
    required: str = ""
    eligible_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """One cause of exclusions: the actions it concerns, and the words for one of them."""

    mask: int
    exclude: Callable[[Action], Exclusion]


def first_stops(actions: Sequence[Action], stops: Iterable[Stop]) -> tuple[Exclusion, ...]:
    """Return, in the order of `actions`, what stopped each one first."""
    remaining = (1 << len(actions)) - 1
    found: dict[int, Exclusion] = {}
    for stop in stops:
        found.update((bit, stop.exclude(actions[bit])) for bit in bits(remaining & stop.mask))
        remaining &= ~stop.mask
    return tuple(exclusion for _, exclusion in sorted(found.items()))


def outside_validity(action: Action, now_ms: int) -> Exclusion:
    """Say that an action is not valid yet, or no longer."""
    if action.valid_from_ms is not None and now_ms < action.valid_from_ms:
        rule, reason, required = (
            "not_yet_valid",
            "The action is not valid yet.",
            f"from {iso(action.valid_from_ms)}",
        )
        eligible_at = action.valid_from_ms
    else:
        assert action.valid_until_ms is not None
        rule, reason, required = "expired", "The action has expired.", f"before {iso(action.valid_until_ms)}"
        eligible_at = None
    return Exclusion(action.id, Stage.VALIDITY, rule, reason, iso(now_ms), required, eligible_at)


def refused_by_placement(action: Action, placement: Placement) -> Exclusion:
    """Say that an action does not fit a placement."""
    if action.type not in placement.accepts:
        rule, reason = "type", "The placement does not accept actions of this type."
        actual, required = str(action.type), " or ".join(sorted(placement.accepts))
    else:
        rule, reason = "channel", "The action is not made for the placement's channel."
        actual, required = ", ".join(sorted(action.channels or ())), placement.channel
    return Exclusion(action.id, Stage.PLACEMENT, rule, reason, actual, required)


def refused_by_caller(action: Action) -> Exclusion:
    """Say that the request itself excluded an action."""
    return Exclusion(action.id, Stage.REQUEST, "excluded", "The request excludes this action.")


def no_candidate(action: Action) -> Exclusion:
    """Say that the request named candidates and the action is none of them."""
    return Exclusion(action.id, Stage.REQUEST, "candidates", "The request asks for other candidates only.")


def show(name: str, value: object) -> str:
    """Return a named value as people read it; None is an unknown one."""
    if value is None:
        return f"{name} is unknown"
    text = value.isoformat() if isinstance(value, datetime) else json.dumps(value, ensure_ascii=False)
    return f"{name} = {text}"
