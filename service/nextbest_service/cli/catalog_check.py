"""Everything that can be said of a catalog before it serves: errors of its files and tests, and warnings."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nextbest_models.features import FeatureSpecError
from nextbest_rules import Catalog, CatalogError, load_catalog
from nextbest_rules.analysis import CatalogWarning, analyse, read_places
from nextbest_rules.diagnostics import Diagnostic
from nextbest_rules.trials import Suite, read_suites
from nextbest_service.decisions.generation import feature_spec


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check found. `catalog` is None if it could not be loaded."""

    catalog: Catalog | None
    suites: tuple[Suite, ...]
    errors: tuple[Diagnostic, ...]
    warnings: tuple[CatalogWarning, ...]


def check_catalog(directory: Path) -> Findings:
    """Return all errors of a catalog and, if there are none in its own files, all warnings."""
    try:
        catalog = load_catalog(directory)
    except CatalogError as error:
        return Findings(None, (), error.diagnostics, ())
    errors = list(_feature_errors(catalog))
    suites: tuple[Suite, ...] = ()
    try:
        suites = read_suites(directory, catalog)
    except CatalogError as error:
        errors.extend(error.diagnostics)
    now_ms = int(time.time() * 1000) if catalog.clock_ms is None else catalog.clock_ms
    return Findings(catalog, suites, tuple(errors), analyse(catalog, read_places(directory), now_ms))


def _feature_errors(catalog: Catalog) -> Iterator[Diagnostic]:
    """Yield what the models do not understand of features.yaml, which rules never look at."""
    try:
        feature_spec(catalog)
    except FeatureSpecError as error:
        yield from (Diagnostic("features.yaml", 1, 1, problem) for problem in error.problems)
