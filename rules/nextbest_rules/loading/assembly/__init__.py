"""Build the catalog from documents that were found to be without fault."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

from nextbest_rules.catalog import Action, Catalog, Emphasis, NamedCondition
from nextbest_rules.declarations import ValueType
from nextbest_rules.event_types import with_built_in
from nextbest_rules.loading.assembly.actions import action
from nextbest_rules.loading.assembly.events import event_type, memory, namespace, segment, stream
from nextbest_rules.loading.assembly.experiments import experimentation
from nextbest_rules.loading.assembly.placements import placement
from nextbest_rules.loading.assembly.policies import policies
from nextbest_rules.loading.assembly.schemas import affinity, feature, schema
from nextbest_rules.loading.assembly.selectors import Types, levers
from nextbest_rules.loading.documents import (
    ActionsDocument,
    CatalogDocument,
    ConditionsDocument,
    Document,
    EmphasisDocument,
    EventsDocument,
    ExperimentsDocument,
    FactsDocument,
    FeaturesDocument,
    PlacementsDocument,
    PoliciesDocument,
    SegmentsDocument,
)

__all__ = ["assemble"]

AnyDocument = TypeVar("AnyDocument", bound=Document)


def assemble(documents: Mapping[str, Document], version: str) -> Catalog:
    """Return the catalog made of the checked documents, by file name."""
    head = _only(documents, CatalogDocument)
    features, facts = _only(documents, FeaturesDocument), _only(documents, FactsDocument)
    types = {attribute.name: ValueType(attribute.type) for attribute in head.action_attributes}
    actions = _actions(documents, types)
    placements = tuple(map(placement, _only(documents, PlacementsDocument).placements))
    conditions = _optional(documents, ConditionsDocument, ConditionsDocument())
    segments = _optional(documents, SegmentsDocument, SegmentsDocument())
    events = _optional(documents, EventsDocument, EventsDocument())
    tried = _optional(documents, ExperimentsDocument, ExperimentsDocument())
    return Catalog(
        name=head.name,
        title=head.title,
        description=head.description,
        version=version,
        clock_ms=head.clock,
        channels=tuple(head.channels),
        action_attributes=MappingProxyType(types),
        actions=actions,
        index=MappingProxyType({action.id: bit for bit, action in enumerate(actions)}),
        placements=MappingProxyType({placement.id: placement for placement in placements}),
        features=tuple(map(feature, features.features)),
        affinities=tuple(map(affinity, features.affinities)),
        facts=schema(facts.facts),
        context=schema(facts.context),
        policies=policies(_only(documents, PoliciesDocument), types),
        purposes=tuple(head.purposes or ()),
        locales=tuple(head.locales or ()),
        brands=_emphases(head.brands, types),
        default_brand=head.default_brand,
        goals=_emphases(head.goals, types),
        default_goal=head.default_goal,
        conditions=tuple(
            NamedCondition(item.name, item.when, item.description) for item in conditions.conditions
        ),
        events=with_built_in(map(event_type, events.events)),
        streams=tuple(map(stream, events.streams)),
        namespaces=tuple(map(namespace, head.namespaces)),
        segments=tuple(map(segment, segments.segments)),
        memory=memory(head.memory),
        experimentation=experimentation(tried, types),
    )


def _only(documents: Mapping[str, Document], model: type[AnyDocument]) -> AnyDocument:
    return next(document for document in documents.values() if isinstance(document, model))


def _optional(
    documents: Mapping[str, Document], model: type[AnyDocument], absent: AnyDocument
) -> AnyDocument:
    return next((document for document in documents.values() if isinstance(document, model)), absent)


def _actions(documents: Mapping[str, Document], types: Types) -> tuple[Action, ...]:
    return tuple(
        action(item, types)
        for name in sorted(documents)
        if isinstance(document := documents[name], ActionsDocument)
        for item in document.actions
    )


def _emphases(items: Iterable[EmphasisDocument], types: Types) -> Mapping[str, Emphasis]:
    return MappingProxyType(
        {item.id: Emphasis(item.id, item.title, levers(item.levers, types)) for item in items}
    )
