"""The closed sets of terms that catalogs, rules and answers share."""

from enum import StrEnum


class ActionType(StrEnum):
    """What kind of thing an action is."""

    OFFER = "OFFER"
    SERVICE = "SERVICE"
    INFORMATION = "INFORMATION"


class Direction(StrEnum):
    """Who starts the contact. It hashes as its text does: an enumeration's own hash is ten times slower."""

    __hash__ = str.__hash__

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class Stage(StrEnum):
    """The stages that can stop an action, in their order.

    Rules end with `placement`. `request` is the caller's own wish, `holdout` what is kept back to learn from;
    `arbitration` is for what passed every rule and lost to better actions, which only the decider knows.
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
    HOLDOUT = "holdout"
    ARBITRATION = "arbitration"


class ExplorationMethod(StrEnum):
    """How a placement tries what is not known to be best."""

    EPSILON_GREEDY = "epsilon_greedy"
    THOMPSON = "thompson"


class UnknownMode(StrEnum):
    """What a rule does with an action when it cannot be decided."""

    DENY = "deny"
    ALLOW = "allow"
