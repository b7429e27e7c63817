"""Build the catalog from documents that were found to be without fault."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TypeVar

from nextbest_rules.catalog import (
    Action,
    ActionType,
    AffinityDeclaration,
    AttributeValue,
    Catalog,
    Direction,
    EligibilityRule,
    FeatureDeclaration,
    Placement,
    Policies,
    Selector,
    UnknownMode,
)
from nextbest_rules.declarations import Declaration, Schema, ValueType, conform
from nextbest_rules.documents import (
    ActionDocument,
    ActionsDocument,
    CatalogDocument,
    DeclarationDocument,
    Document,
    EligibilityDocument,
    FactsDocument,
    FeaturesDocument,
    PlacementDocument,
    PlacementsDocument,
    PoliciesDocument,
    SelectorDocument,
)

AnyDocument = TypeVar("AnyDocument", bound=Document)


def assemble(documents: Mapping[str, Document], version: str) -> Catalog:
    """Return the catalog made of the checked documents, by file name."""
    head = _only(documents, CatalogDocument)
    types = {attribute.name: ValueType(attribute.type) for attribute in head.action_attributes}
    actions = tuple(
        _action(item, types)
        for name in sorted(documents)
        if isinstance(document := documents[name], ActionsDocument)
        for item in document.actions
    )
    features, facts = _only(documents, FeaturesDocument), _only(documents, FactsDocument)
    placements = tuple(map(_placement, _only(documents, PlacementsDocument).placements))
    rules = tuple(_rule(item, types) for item in _only(documents, PoliciesDocument).eligibility)
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
        features=tuple(
            FeatureDeclaration(item.name, item.source, item.definition, item.default, item.description)
            for item in features.features
        ),
        affinities=tuple(
            AffinityDeclaration(item.family, item.definition, item.description)
            for item in features.affinities
        ),
        facts=_schema(facts.facts),
        context=_schema(facts.context),
        policies=Policies(rules),
        warnings=tuple(_warnings(actions, placements, rules)),
    )


def _only(documents: Mapping[str, Document], model: type[AnyDocument]) -> AnyDocument:
    return next(document for document in documents.values() if isinstance(document, model))


def _action(item: ActionDocument, types: Mapping[str, ValueType]) -> Action:
    return Action(
        id=item.id,
        type=ActionType(item.type),
        issue=item.issue,
        group=item.group,
        title=item.title,
        value=item.value,
        lever=item.lever,
        starting_propensity=item.starting_propensity,
        valid_from_ms=item.valid.from_ms,
        valid_until_ms=item.valid.until_ms,
        channels=None if item.channels is None else frozenset(item.channels),
        attributes=MappingProxyType(
            {name: attribute_value(value, types[name]) for name, value in item.attributes.items()}
        ),
        affinity=MappingProxyType(item.affinity),
        content=item.content,
    )


def attribute_value(value: object, value_type: ValueType) -> AttributeValue:
    """Return an attribute's value as its declared type.

    Raises:
        ValueError: the value is of another type.
    """
    conformed = conform(value, value_type)
    assert isinstance(conformed, str | int | float | bool)
    return conformed


def _placement(item: PlacementDocument) -> Placement:
    return Placement(
        id=item.id,
        title=item.title,
        channel=item.channel,
        direction=Direction(item.direction),
        accepts=frozenset(map(ActionType, item.accepts)),
        default_limit=item.default_limit,
        max_limit=item.max_limit,
    )


def _schema(items: Iterable[DeclarationDocument]) -> Schema:
    return Schema(MappingProxyType({item.name: _declaration(item) for item in items}))


def _declaration(item: DeclarationDocument) -> Declaration:
    value_type = ValueType(item.type)
    default = None if item.default is None else conform(item.default, value_type)
    return Declaration(item.name, value_type, default, item.description)


def _rule(item: EligibilityDocument, types: Mapping[str, ValueType]) -> EligibilityRule:
    return EligibilityRule(
        id=item.id,
        applies_to=_selector(item.applies_to, types),
        require=item.require.strip(),
        reason=item.reason,
        when_unknown=UnknownMode(item.when_unknown),
    )


def _selector(item: SelectorDocument, types: Mapping[str, ValueType]) -> Selector:
    attributes = item.attributes or {}
    return Selector(
        types=_optional_set(item.types),
        issues=_optional_set(item.issues),
        groups=_optional_set(item.groups),
        actions=_optional_set(item.actions),
        attributes=MappingProxyType(
            {
                name: frozenset(attribute_value(value, types[name]) for value in values)
                for name, values in attributes.items()
            }
        ),
    )


def _optional_set(values: Iterable[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _warnings(
    actions: Iterable[Action], placements: Iterable[Placement], rules: Iterable[EligibilityRule]
) -> Iterator[str]:
    """Say which actions no placement can ever show, and which rules apply to nothing."""
    everything, homes = tuple(actions), tuple(placements)
    lost = Counter(
        action.type for action in everything if not any(placement.takes(action) for placement in homes)
    )
    for kind, count in sorted(lost.items()):
        yield f"no placement can show {count} of the actions of type {kind}"
    for rule in rules:
        if not any(map(rule.applies_to.selects, everything)):
            yield f"rule '{rule.id}' applies to no action"
