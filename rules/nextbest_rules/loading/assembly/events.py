"""Events, streams, segments, namespaces and memory as domain types."""

from types import MappingProxyType

from nextbest_rules.catalog import EventType, Memory, Namespace, Segment, StreamDeclaration
from nextbest_rules.declarations import ValueType
from nextbest_rules.event_types import BUILT_IN
from nextbest_rules.loading.documents import (
    EventTypeDocument,
    MemoryDocument,
    NamespaceDocument,
    SegmentDocument,
    StreamDocument,
)
from nextbest_rules.records import Outcome


def event_type(item: EventTypeDocument) -> EventType:
    """Return a declared type of event."""
    return EventType(
        type=item.type,
        description=item.description,
        properties=MappingProxyType({name: ValueType(kind) for name, kind in item.properties.items()}),
        recorded=is_recorded(item.type, item.recorded),
        ends=item.ends or "",
        sets=MappingProxyType(item.sets),
        clears=frozenset(item.clears or ()),
    )


def is_recorded(type_name: str, said: bool | None) -> bool:
    """Tell whether events of a type are recorded, given what the catalog says itself."""
    return (type_name not in BUILT_IN or BUILT_IN[type_name].recorded) if said is None else said


def stream(item: StreamDocument) -> StreamDeclaration:
    """Return a declared stream."""
    return StreamDeclaration(
        name=item.name,
        events=frozenset(item.events or ()),
        outcomes=frozenset(map(Outcome, item.outcomes or ())),
        where=MappingProxyType({asked: frozenset(texts) for asked, texts in item.where.items()}),
        values=MappingProxyType(item.values),
        description=item.description,
    )


def segment(item: SegmentDocument) -> Segment:
    """Return a declared segment."""
    return Segment(item.id, item.when, item.group or "", item.description)


def namespace(item: NamespaceDocument) -> Namespace:
    """Return a declared kind of identity."""
    return Namespace(item.name, item.fold_case, item.one_per_person, item.anonymous)


def memory(item: MemoryDocument) -> Memory:
    """Return how long things are remembered."""
    usual = Memory()
    late_events_ms = item.late_events or usual.late_events_ms
    return Memory(
        hold_ms=item.hold or usual.hold_ms,
        late_outcomes_ms=item.late_outcomes or usual.late_outcomes_ms,
        late_events_ms=late_events_ms,
        settle_ms=item.settle or min(usual.settle_ms, late_events_ms),
        keep=MappingProxyType({str(part): length_ms for part, length_ms in item.keep.items()}),
    )
