"""Events and streams that make no difference to anything, and segments that nobody is in."""

from collections.abc import Iterable, Iterator

from nextbest_rules.analysis.satisfiability import never_true
from nextbest_rules.analysis.study import CatalogWarning, Study, WarningKind
from nextbest_rules.catalog import Catalog, EventType, PlainData
from nextbest_rules.catalog_expressions import (
    formulas,
    guard_expressions,
    named_expressions,
    rule_expressions,
)
from nextbest_rules.event_types import BUILT_IN


def unused_events(study: Study) -> Iterator[CatalogWarning]:
    """Find streams that no feature counts, and types of events that change nothing and nobody asks for."""
    catalog = study.catalog
    definitions = [item.definition for item in catalog.features]
    definitions += [item.definition for item in catalog.affinities]
    counted = {text for definition in definitions for text in texts_in(definition)}
    for stream in catalog.streams:
        if stream.name not in counted:
            message = f"stream '{stream.name}' is used nowhere"
            yield study.warn(WarningKind.UNUSED, ("stream", stream.name), message)
    asked_for = _reads_events(study)
    for item in catalog.events.values():
        if item.type not in BUILT_IN and not (item.recorded and asked_for) and not _matters(item, catalog):
            message = f"event type '{item.type}' changes nothing, and nobody counts it"
            yield study.warn(WarningKind.UNUSED, ("event type", item.type), message)


def empty_segments(study: Study) -> Iterator[CatalogWarning]:
    """Find segments that no customer can be in."""
    for segment in study.catalog.segments:
        if never_true(study.expressions.condition(segment.when).tree):
            message = f"nobody can be in segment '{segment.id}': its condition can never be true"
            yield study.warn(WarningKind.CONSTANT_CONDITION, ("segment", segment.id), message)


def texts_in(data: PlainData) -> Iterator[str]:
    """Yield every text in plain data."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        parts: Iterable[PlainData] = data.values() if isinstance(data, dict) else data
        for item in parts:
            yield from texts_in(item)


def _matters(item: EventType, catalog: Catalog) -> bool:
    """Tell whether an event changes what is known or is counted."""
    counted = any(item.type in stream.events for stream in catalog.streams)
    return bool(item.sets or item.clears or item.ends) or counted


def _reads_events(study: Study) -> bool:
    catalog, check = study.catalog, study.expressions
    guards = catalog.policies.guards
    expressions = [*named_expressions(catalog, check), *rule_expressions(catalog, check)]
    expressions += formulas(catalog, check)
    expressions += [item for guard in guards for item in guard_expressions(guard, check)]
    mentioned = {mention.root for expression in expressions for mention in expression.mentions}
    return "events" in mentioned or any(guard.over == "events" for guard in guards)
