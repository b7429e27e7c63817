"""The feature specification: which numbers a model sees, in which order, and how each is defined."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nextbest_models.definitions import (
    Definition,
    DefinitionError,
    Distinct,
    FamilyDefinition,
    PairStatistic,
    PopulationValue,
    Ratio,
    Source,
    Weighted,
)
from nextbest_models.parsing import Plain, parse_definition, parse_family


class FeatureSpecError(ValueError):
    """The declarations of features do not make a specification; `problems` lists every reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("features cannot be used: " + "; ".join(problems))


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the model's input. A `default` of NaN means missing."""

    name: str
    source: Source
    definition: Definition
    default: float


@dataclass(frozen=True, slots=True)
class Family:
    """One family of sparse counters."""

    name: str
    definition: FamilyDefinition


@dataclass(frozen=True)
class FeatureSpec:
    """All features in the order of the model's columns, and the families of counters behind them."""

    families: tuple[Family, ...]
    features: tuple[Feature, ...]

    @classmethod
    def from_declarations(cls, affinities: Sequence[Plain], features: Sequence[Plain]) -> "FeatureSpec":
        """Build the specification from the plain data of features.yaml.

        Raises:
            FeatureSpecError: with every problem found.
        """
        problems: list[str] = []
        spec = cls(tuple(_families(affinities, problems)), tuple(_features(features, problems)))
        problems.extend(_contradictions(spec))
        if problems:
            raise FeatureSpecError(problems)
        return spec

    @cached_property
    def family_units(self) -> Mapping[str, float]:
        """What the totals of each family count in."""
        return {family.name: family.definition.unit for family in self.families}

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the model's columns, in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def defaults(self) -> NDArray[np.float64]:
        """The value of each column where nothing is known; NaN is missing."""
        return np.array([feature.default for feature in self.features], dtype=np.float64)

    @cached_property
    def customer_features(self) -> tuple[Feature, ...]:
        """The customer's features, in the order of the stored vector."""
        return self.of_source(Source.CUSTOMER)

    @cached_property
    def customer_names(self) -> tuple[str, ...]:
        """Names of the stored float32 vector's values, in order."""
        return tuple(feature.name for feature in self.customer_features)

    @cached_property
    def customer_defaults(self) -> NDArray[np.float32]:
        """The stored vector of a customer of whom nothing is known."""
        return np.array([feature.default for feature in self.customer_features], dtype=np.float32)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over everything that changes a value; descriptions do not count."""
        described = {
            "families": [asdict(family) for family in self.families],
            "features": [_described(feature) for feature in self.features],
        }
        canonical = json.dumps(described, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def of_source(self, source: Source) -> tuple[Feature, ...]:
        """Return the features of one source, in column order."""
        return tuple(feature for feature in self.features if feature.source is source)

    def positions(self, source: Source) -> NDArray[np.intp]:
        """Return the columns of one source's features."""
        return np.array(
            [i for i, feature in enumerate(self.features) if feature.source is source], dtype=np.intp
        )


def _families(declarations: Sequence[Plain], problems: list[str]) -> Iterator[Family]:
    for declared in declarations:
        name = str(declared.get("family", ""))
        try:
            yield Family(name, parse_family(_mapping(declared.get("definition"))))
        except DefinitionError as error:
            problems.append(f"affinity '{name}': {error}")


def _features(declarations: Sequence[Plain], problems: list[str]) -> Iterator[Feature]:
    for declared in declarations:
        name = str(declared.get("name", ""))
        try:
            yield _feature(name, declared)
        except DefinitionError as error:
            problems.append(f"feature '{name}': {error}")


def _feature(name: str, declared: Plain) -> Feature:
    if declared.get("source") not in list(Source):
        raise DefinitionError(f"'source' must be one of {', '.join(Source)}")
    source = Source(str(declared["source"]))
    default = declared.get("default")
    if default is not None and (not isinstance(default, int | float) or isinstance(default, bool)):
        raise DefinitionError("'default' must be a number")
    if default is not None and not math.isfinite(default):
        raise DefinitionError("'default' must be finite")
    definition = parse_definition(source, _mapping(declared.get("definition")))
    return Feature(name, source, definition, math.nan if default is None else float(default))


def _mapping(value: object) -> Plain:
    if not isinstance(value, Mapping):
        raise DefinitionError("'definition' must be a mapping")
    return value


def _contradictions(spec: FeatureSpec) -> Iterator[str]:
    """Yield what is wrong between declarations that are fine one by one."""
    yield from _repeated("feature", [feature.name for feature in spec.features])
    yield from _repeated("affinity", [family.name for family in spec.families])
    families = {family.name: family.definition.of for family in spec.families}
    seen: set[str] = set()
    for feature in spec.features:
        for problem in _dangling(feature.definition, families, seen):
            yield f"feature '{feature.name}': {problem}"
        if feature.source is Source.CUSTOMER:
            seen.add(feature.name)


def _dangling(definition: Definition, streams: Mapping[str, str], above: set[str]) -> Iterator[str]:
    """Yield what a definition names in vain. `streams`: of each affinity family."""
    match definition:
        case PairStatistic(affinity=family) | PopulationValue(affinity=family) if family not in streams:
            yield f"affinity '{family}' is not declared"
        case Distinct(key=str(key)) if key not in streams:
            yield f"affinity '{key}' is not declared"
        case Distinct(key=str(key), of=of) if streams[key] != of:
            yield f"affinity '{key}' counts '{streams[key]}' and not '{of}'"
        case Ratio(numerator=numerator, denominator=denominator):
            yield from _not_above([numerator, denominator], above)
        case Weighted(weights=weights):
            yield from _not_above([name for name, _ in weights], above)
        case _:
            pass


def _not_above(names: Sequence[str], above: set[str]) -> Iterator[str]:
    for name in names:
        if name not in above:
            yield f"'{name}' is not a customer's feature declared above it"


def _repeated(what: str, names: Sequence[str]) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f"{what} '{name}' is declared {times} times"
        if not name:
            yield f"{what} without a name"


def _described(feature: Feature) -> Mapping[str, object]:
    default = None if math.isnan(feature.default) else feature.default
    return {
        "name": feature.name,
        "source": feature.source,
        "definition": asdict(feature.definition),
        "default": default,
    }
