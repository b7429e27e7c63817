"""Words that get past the first check of a field: what a catalog declares, and names of made-up customers.

A field is found by its own name, or by that of its message and its own. A field that nobody put here gets any
text, so a new one is fuzzed, too.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from nextbest_rules import Catalog

Vocabulary: TypeAlias = Mapping[str, Sequence[str]]

NEEDED = frozenset(
    {
        *("id", "namespace", "identity", "identities", "placements", "type", "source", "time_unix_ms"),
        *("token", "state", "events", "profiles", "outcomes", "request", "action_id", "decision_id"),
        *("amount", "version", "string_value", "values", "key", "reason"),
    }
)
"""Fields without which little comes of a message. All others are set now and then."""
PEOPLE = ("ana", "bo", "cy", "dee", "a" * 128, "\u00e9", "e\u0301", "\U0001f600", "x:{y}*")
"""Two of them look alike: an accented letter is one character, then two."""
SYSTEMS = ("web", "till", "crm")
IDS = ("1", "2", "3", "4", "a" * 64)


def vocabulary_of(catalog: Catalog, tokens: Sequence[str], decisions: Sequence[str]) -> Vocabulary:
    """Return the words for each field, given tokens and ids of decisions that were made."""
    actions = [action.id for action in catalog.actions][:12]
    streams = {name for kind in catalog.events.values() for name in kind.properties}
    return {
        "namespace": [*(space.name for space in catalog.namespaces), "cookie", "CUSTOMER"],
        "Identity.id": PEOPLE,
        "PlacementRequest.id": sorted(catalog.placements),
        "Event.id": IDS,
        "Outcome.id": IDS,
        "request_id": ["", "", "", *IDS],
        "source": SYSTEMS,
        "type": sorted(catalog.events),
        "subject": [*catalog.facts.declarations, *actions, "t1", ""],
        "product_id": [*actions, "p1"],
        "family": sorted({affinity.family for affinity in catalog.affinities}),
        "keys": ["dairy", "tools"],
        "channel": ["", "", *catalog.channels],
        "purpose": ["", *catalog.purposes],
        "brand": ["", "", *catalog.brands],
        "goal": ["", "", *catalog.goals],
        "locale": ["", "", *catalog.locales, "de-CH"],
        "candidate_action_ids": actions,
        "excluded_action_ids": actions,
        "action_id": actions,
        "token": [*tokens, ""],
        "decision_id": decisions,
        "removed_attributes": sorted(catalog.facts.declarations),
        "attributes.key": sorted(catalog.facts.declarations),
        "properties.key": sorted({*streams, "answer"}),
        "features.key": [item.name for item in catalog.features if item.source == "customer"],
        "strings.key": sorted(catalog.context.declarations),
        "numbers.key": sorted(catalog.context.declarations),
        "flags.key": sorted(catalog.context.declarations),
        "lists.key": sorted(catalog.context.declarations),
    }
