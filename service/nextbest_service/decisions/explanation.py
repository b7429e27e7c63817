"""Why a proposition has its factors and its place: values free of transport."""

from dataclasses import dataclass
from enum import StrEnum


class MultiplierSource(StrEnum):
    """Where a multiplier comes from: the context weights make C, all others L."""

    CONTEXT_WEIGHT = "CONTEXT_WEIGHT"
    ACTION = "ACTION"
    BRAND = "BRAND"
    GOAL = "GOAL"
    GUARD = "GUARD"
    EXPERIMENT = "EXPERIMENT"


@dataclass(frozen=True, slots=True)
class Multiplier:
    """One part of C or L; `id` names the rule, brand, goal or action."""

    source: MultiplierSource
    id: str
    factor: float


@dataclass(frozen=True, slots=True)
class FeatureContribution:
    """What one feature did to the propensity, in log-odds; a `value` of None is missing."""

    feature: str
    value: float | None
    log_odds: float
    words: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The parts of a proposition's factors, and all of it in English.

    Where there are contributions, `base_log_odds`, all of them, `others_log_odds` and `calibration_log_odds`
    add up to the log-odds of the propensity.
    """

    summary: str
    sentences: tuple[str, ...]
    multipliers: tuple[Multiplier, ...]
    contributions: tuple[FeatureContribution, ...] = ()
    base_log_odds: float = 0.0
    others_log_odds: float = 0.0
    calibration_log_odds: float = 0.0
