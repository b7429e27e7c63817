"""The small language in which features are declared: what each `definition` of features.yaml may say.

It knows events, numbers, keys and time, and nothing of any trade. Every definition can be computed from an
event log as of a moment, or kept up to date event by event.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

DAY_MS = 86_400_000


class DefinitionError(ValueError):
    """A definition does not say something this language knows."""


class Source(StrEnum):
    """Whose feature it is."""

    CUSTOMER = "customer"
    ACTION = "action"
    CONTEXT = "context"
    PAIR = "pair"


class Function(StrEnum):
    """How a customer's events become one number."""

    COUNT = "count"
    SUM = "sum"
    RECENCY = "recency"
    FIRST = "first"
    DECAYED_COUNT = "decayed_count"
    DECAYED_SUM = "decayed_sum"


class Statistic(StrEnum):
    """What a sparse counter knows of one affinity key.

    `count`: events that touched the key. `recency`: whole days since the last of them. `total`: the sum of
    the family's value over them.
    """

    COUNT = "count"
    RECENCY = "recency"
    TOTAL = "total"


class PopulationStatistic(StrEnum):
    """What the counters of all customers together say of one affinity key.

    `customers`: how many ever touched it. `count`, `total`: the sums of their counters' columns of that name.
    """

    CUSTOMERS = "customers"
    COUNT = "count"
    TOTAL = "total"


class Combine(StrEnum):
    """How the counters of an action's several keys in one family become one number."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One number from a customer's events of the stream `of`.

    `value` names the summed number. `window_days` counts back from the moment asked; None is all time.
    An event's weight halves every `half_life_days`. Recency counts the days since the last event, `first`
    those since the first; both are missing without events.
    """

    function: Function
    of: str
    value: str | None = None
    window_days: float | None = None
    half_life_days: float | None = None


@dataclass(frozen=True, slots=True)
class Distinct:
    """How many different things a customer's events of the stream `of` were about.

    These are either the different numbers that `value` took, or the different keys that the events touched in
    the affinity family `key`.
    """

    of: str
    value: str | None = None
    key: str | None = None
    window_days: float | None = None


@dataclass(frozen=True, slots=True)
class Ratio:
    """One customer feature over another; missing where the divisor is 0."""

    numerator: str
    denominator: str


@dataclass(frozen=True, slots=True)
class Weighted:
    """The sum of some customer features, each times its weight; missing where one of them is."""

    weights: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class External:
    """A customer's number that somebody else computes and gives; no event changes it."""


@dataclass(frozen=True, slots=True)
class AttributeValue:
    """An attribute of the action; `codes` turn strings into numbers, any other string is missing."""

    attribute: str
    codes: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class ContextValue:
    """A number that the request carries."""

    context: str


@dataclass(frozen=True, slots=True)
class PopulationValue:
    """A statistic of all customers together, summed over the action's keys of one family."""

    affinity: str
    statistic: PopulationStatistic


@dataclass(frozen=True, slots=True)
class PairStatistic:
    """A statistic of the customer's counters at the action's keys of one family.

    `relative` divides it by its average over the customers who touched the keys at all: 2 means twice as much
    as they did.
    """

    affinity: str
    statistic: Statistic
    combine: Combine
    relative: bool = False


@dataclass(frozen=True, slots=True)
class FamilyDefinition:
    """Which events a family of counters counts, and which of their values it sums, in steps of `unit`.

    Each event's value is rounded to whole units before it is added, so that totals are integers: the same in
    any order of events, and two bytes to store.
    """

    of: str
    value: str
    unit: float


CustomerDefinition: TypeAlias = Aggregate | Distinct | Ratio | Weighted | External
Definition: TypeAlias = CustomerDefinition | AttributeValue | PopulationValue | ContextValue | PairStatistic
