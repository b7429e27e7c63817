"""Run every analysis over a catalog."""

from nextbest_rules.analysis.contact_policy import endless_quiet, idle_caps
from nextbest_rules.analysis.duplicates import duplicate_rules
from nextbest_rules.analysis.logic import constant_conditions, contradictions, held_for_ever
from nextbest_rules.analysis.places import Places
from nextbest_rules.analysis.reach import unreachable_actions
from nextbest_rules.analysis.selections import idle_goals, idle_placements, idle_promotions, idle_rules
from nextbest_rules.analysis.study import CatalogWarning, Study
from nextbest_rules.analysis.unused import unused_declarations
from nextbest_rules.analysis.unused_events import empty_segments, unused_events
from nextbest_rules.catalog import Catalog
from nextbest_rules.expressions import Expressions

_ANALYSES = (
    unreachable_actions,
    constant_conditions,
    contradictions,
    held_for_ever,
    idle_rules,
    idle_promotions,
    idle_goals,
    idle_placements,
    idle_caps,
    endless_quiet,
    duplicate_rules,
    unused_declarations,
    unused_events,
    empty_segments,
)


def analyse(catalog: Catalog, places: Places, now_ms: int) -> tuple[CatalogWarning, ...]:
    """Return every warning about a catalog, by place; `now_ms` tells which validities are over."""
    study = Study(catalog, Expressions(catalog), places, now_ms)
    found = {warning for analysis in _ANALYSES for warning in analysis(study)}
    return tuple(sorted(found, key=lambda warning: (warning.location, warning.message)))
