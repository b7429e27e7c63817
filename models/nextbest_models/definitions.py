"""The small language in which features are declared: what each `definition` of features.yaml may say.

It knows events, numbers, keys and time, and nothing of any trade. Every definition can be computed from an
event log as of a moment, or kept up to date event by event.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

DAY_MS = 86_400_000
_DURATION = re.compile(r"([1-9][0-9]*)(d|h)")


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
    An event's weight halves every `half_life_days`. Recency is in days, missing without events.
    """

    function: Function
    of: str
    value: str | None = None
    window_days: float | None = None
    half_life_days: float | None = None


@dataclass(frozen=True, slots=True)
class Ratio:
    """One customer feature over another; missing where the divisor is 0."""

    numerator: str
    denominator: str


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


Definition: TypeAlias = Aggregate | Ratio | AttributeValue | PopulationValue | ContextValue | PairStatistic
Plain: TypeAlias = Mapping[str, object]


def parse_definition(source: Source, plain: Plain) -> Definition:
    """Read one feature's definition from plain data.

    Raises:
        DefinitionError: with the first thing that is wrong.
    """
    return _PARSERS[source](plain)


def parse_family(plain: Plain) -> FamilyDefinition:
    """Read the definition of a family of counters from plain data.

    Raises:
        DefinitionError: with the first thing that is wrong.
    """
    _only(plain, {"of", "value", "unit"})
    unit = plain.get("unit", 1.0)
    if not isinstance(unit, int | float) or isinstance(unit, bool) or not 0 < unit < math.inf:
        raise DefinitionError("'unit' must be a number above 0")
    return FamilyDefinition(_text(plain, "of"), _text(plain, "value"), float(unit))


def _customer(plain: Plain) -> Definition:
    if "ratio" in plain:
        _only(plain, {"ratio", "to"})
        return Ratio(_text(plain, "ratio"), _text(plain, "to"))
    function = Function(_one_of(plain, "aggregate", [item.value for item in Function]))
    summed = function in (Function.SUM, Function.DECAYED_SUM)
    decayed = function in (Function.DECAYED_COUNT, Function.DECAYED_SUM)
    windowed = function in (Function.COUNT, Function.SUM) and "window" in plain
    allowed = {"value"} if summed else set()
    allowed |= {"half_life"} if decayed else set()
    allowed |= {"window"} if function in (Function.COUNT, Function.SUM) else set()
    _only(plain, {"aggregate", "of"} | allowed)
    return Aggregate(
        function,
        _text(plain, "of"),
        value=_text(plain, "value") if summed else None,
        window_days=_days(plain, "window") if windowed else None,
        half_life_days=_days(plain, "half_life") if decayed else None,
    )


def _action(plain: Plain) -> Definition:
    if "population" in plain:
        _only(plain, {"affinity", "population"})
        statistic = _one_of(plain, "population", [item.value for item in PopulationStatistic])
        return PopulationValue(_text(plain, "affinity"), PopulationStatistic(statistic))
    _only(plain, {"attribute", "codes"})
    codes = plain.get("codes", {})
    if not isinstance(codes, Mapping) or not all(_is_number(code) for code in codes.values()):
        raise DefinitionError("'codes' must map strings to numbers")
    return AttributeValue(
        _text(plain, "attribute"), tuple((str(name), float(code)) for name, code in codes.items())
    )


def _context(plain: Plain) -> Definition:
    _only(plain, {"context"})
    return ContextValue(_text(plain, "context"))


def _pair(plain: Plain) -> Definition:
    _only(plain, {"affinity", "statistic", "combine", "relative"})
    statistic = Statistic(_one_of(plain, "statistic", [item.value for item in Statistic]))
    combine = Combine(_one_of(plain, "combine", [item.value for item in Combine]))
    relative = plain.get("relative", False)
    if not isinstance(relative, bool):
        raise DefinitionError("'relative' must be true or false")
    if relative and (statistic is Statistic.RECENCY or combine is not Combine.SUM):
        raise DefinitionError("'relative' needs the statistic count or total, and combine: sum")
    return PairStatistic(_text(plain, "affinity"), statistic, combine, relative)


_PARSERS: Mapping[Source, Callable[[Plain], Definition]] = {
    Source.CUSTOMER: _customer,
    Source.ACTION: _action,
    Source.CONTEXT: _context,
    Source.PAIR: _pair,
}


def _only(plain: Plain, allowed: set[str]) -> None:
    unknown = sorted(set(plain) - allowed)
    if unknown:
        raise DefinitionError(f"unknown field '{unknown[0]}' (known here: {', '.join(sorted(allowed))})")


def _text(plain: Plain, field: str) -> str:
    value = plain.get(field)
    if not isinstance(value, str) or not value:
        raise DefinitionError(f"'{field}' must be a non-empty string")
    return value


def _one_of(plain: Plain, field: str, allowed: list[str]) -> str:
    value = plain.get(field)
    if value not in allowed:
        raise DefinitionError(f"'{field}' must be one of {', '.join(allowed)}")
    return str(value)


def _days(plain: Plain, field: str) -> float:
    match = _DURATION.fullmatch(str(plain.get(field)))
    if match is None:
        raise DefinitionError(f"'{field}' must be a duration like 91d or 12h")
    return int(match[1]) / (24 if match[2] == "h" else 1)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
