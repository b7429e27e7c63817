"""Worlds of different size, loaded as a service loads them."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from benchmarks.growth import models
from benchmarks.growth.catalog_files import write_catalog
from nextbest_models.features import FeatureSpec
from nextbest_rules import RuleSet, load_catalog
from nextbest_rules.assignment import CHAMPION
from nextbest_service.composition import LoadedParts
from nextbest_service.decisions.generation import feature_spec


class WorldSize(NamedTuple):
    """How large a world is; the defaults are where all curves cross."""

    actions: int = 1_000
    predicates: int = 300
    trees: int = 100


@dataclass(frozen=True, slots=True)
class World:
    """A loaded world, and the files that another process can load it from."""

    catalog: Path
    parts: LoadedParts

    @property
    def clock_ms(self) -> int:
        """When it is in this world."""
        clock_ms = self.parts.rules.catalog.clock_ms
        assert clock_ms is not None
        return clock_ms


def load_worlds(
    sizes: Iterable[WorldSize], directory: Path, told: Callable[[str], None]
) -> Mapping[WorldSize, World]:
    """Return worlds of some sizes; what several have in common is loaded once. `told` hears of each step."""
    wanted = sorted(set(sizes))
    most = max(size.trees for size in wanted)

    @cache
    def rules(actions: int, predicates: int) -> tuple[Path, RuleSet]:
        told(f"loading {actions:,} actions with {predicates:,} predicates")
        root = Path(tempfile.mkdtemp(dir=directory))
        catalog = write_catalog(root / "catalog", actions, predicates)
        return catalog, RuleSet.compile(load_catalog(catalog))

    @cache
    def spec(actions: int, predicates: int) -> FeatureSpec:
        return feature_spec(rules(actions, predicates)[1].catalog)

    told(f"training {most} trees")
    forest = models.train(spec(*wanted[0][:2]), most)

    def world(size: WorldSize) -> World:
        catalog, loaded = rules(size.actions, size.predicates)
        own = spec(size.actions, size.predicates)
        return World(
            catalog, LoadedParts(loaded, own, {CHAMPION: models.ranker(models.cut(forest, size.trees), own)})
        )

    return {size: world(size) for size in wanted}
