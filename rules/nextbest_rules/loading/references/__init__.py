"""Check what ties the files of a catalog together: unique ids, known references, sound expressions.

Works on the trees, not on the documents, so that a fault in one entry does not hide those of the others.
"""

from collections.abc import Mapping

from nextbest_rules.loading.references.actions import check_actions
from nextbest_rules.loading.references.declared import check_declarations
from nextbest_rules.loading.references.events import check_events
from nextbest_rules.loading.references.experiments import check_experiments
from nextbest_rules.loading.references.expressions import check_expressions
from nextbest_rules.loading.references.faults import Faults, Roots
from nextbest_rules.loading.references.identity import check_identity
from nextbest_rules.loading.references.links import check_links
from nextbest_rules.loading.references.memory import check_memory
from nextbest_rules.loading.references.names import Names
from nextbest_rules.loading.references.placements import check_placements
from nextbest_rules.loading.references.selectors import check_selectors
from nextbest_rules.loading.references.streams import check_streams

__all__ = ["check"]


def check(roots: Roots, texts: Mapping[str, str]) -> Faults:
    """Yield every fault between entries and between files."""
    names = Names(roots)
    yield from check_identity(roots)
    yield from check_declarations(roots, names)
    yield from check_links(roots, names)
    yield from check_actions(roots, names)
    yield from check_placements(roots, names)
    yield from check_selectors(roots, names)
    yield from check_events(roots, names)
    yield from check_streams(roots, names)
    yield from check_memory(roots)
    yield from check_experiments(roots)
    yield from check_expressions(roots, texts, names)
