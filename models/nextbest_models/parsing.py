"""Reads definitions from the plain data of features.yaml."""

import math
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from nextbest_models.definitions import (
    Aggregate,
    AttributeValue,
    Combine,
    ContextValue,
    Definition,
    DefinitionError,
    Distinct,
    External,
    FamilyDefinition,
    Function,
    PairStatistic,
    PopulationStatistic,
    PopulationValue,
    Ratio,
    Source,
    Statistic,
    Weighted,
)

Plain: TypeAlias = Mapping[str, object]
_DURATION = re.compile(r"([1-9][0-9]*)(d|h)")
_DISTINCT = "distinct"


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
    if "weighted" in plain:
        return _weighted(plain)
    if "external" in plain:
        return _external(plain)
    if plain.get("aggregate") == _DISTINCT:
        return _distinct(plain)
    return _aggregate(plain)


def _aggregate(plain: Plain) -> Aggregate:
    function = Function(_one_of(plain, "aggregate", [*(item.value for item in Function), _DISTINCT]))
    summed = function in (Function.SUM, Function.DECAYED_SUM)
    decayed = function in (Function.DECAYED_COUNT, Function.DECAYED_SUM)
    windowed = function in (Function.COUNT, Function.SUM, Function.RECENCY)
    allowed = {"value"} if summed else set()
    allowed |= {"half_life"} if decayed else set()
    allowed |= {"window"} if windowed else set()
    _only(plain, {"aggregate", "of"} | allowed)
    return Aggregate(
        function,
        _text(plain, "of"),
        value=_text(plain, "value") if summed else None,
        window_days=_days(plain, "window") if "window" in plain else None,
        half_life_days=_days(plain, "half_life") if decayed else None,
    )


def _distinct(plain: Plain) -> Distinct:
    _only(plain, {"aggregate", "of", "value", "key", "window"})
    if ("value" in plain) == ("key" in plain):
        raise DefinitionError("'distinct' needs either 'value' or 'key'")
    return Distinct(
        _text(plain, "of"),
        value=_text(plain, "value") if "value" in plain else None,
        key=_text(plain, "key") if "key" in plain else None,
        window_days=_days(plain, "window") if "window" in plain else None,
    )


def _weighted(plain: Plain) -> Weighted:
    _only(plain, {"weighted"})
    weights = plain["weighted"]
    if not isinstance(weights, Mapping) or not weights or not all(map(_is_finite, weights.values())):
        raise DefinitionError("'weighted' must map features to finite numbers")
    return Weighted(tuple((str(name), float(weight)) for name, weight in weights.items()))


def _external(plain: Plain) -> External:
    _only(plain, {"external"})
    if plain["external"] is not True:
        raise DefinitionError("'external' must be true")
    return External()


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


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
