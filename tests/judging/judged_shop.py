"""A shop in a synthetic world, served by a model that takes every yes for a no."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nextbest_models.artifact import load
from nextbest_models.ranker import Ranker
from nextbest_models.world import World
from nextbest_rules import Catalog, load_catalog
from nextbest_service.decisions.generation import feature_spec
from nextbest_service.home import Home

DECISIONS = 500


@dataclass(frozen=True)
class Shop:
    """A world, its catalog, a good and a wrong model, and a log of what the wrong one decided."""

    world: World
    directory: Path
    home: Home
    good: Path
    wrong: Path
    who: Mapping[str, int]
    decisions: Path
    log: Path

    @property
    def catalog(self) -> Catalog:
        """The loaded catalog."""
        return load_catalog(self.directory)

    def ranker(self, model: Path) -> Ranker:
        """Return a loaded model."""
        return load(model, feature_spec(self.catalog))
