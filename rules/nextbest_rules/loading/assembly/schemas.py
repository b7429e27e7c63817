"""Declared facts, context values and features as domain types."""

from collections.abc import Iterable
from types import MappingProxyType

from nextbest_rules.catalog import AffinityDeclaration, FeatureDeclaration
from nextbest_rules.declarations import Declaration, Schema, ValueType, conform
from nextbest_rules.loading.documents import AffinityDocument, ContextDocument, FactDocument, FeatureDocument


def schema(items: Iterable[FactDocument | ContextDocument]) -> Schema:
    """Return declared facts or context values by name."""
    return Schema(MappingProxyType({item.name: _declaration(item) for item in items}))


def _declaration(item: FactDocument | ContextDocument) -> Declaration:
    value_type = ValueType(item.type)
    return Declaration(
        name=item.name,
        type=value_type,
        default=None if item.default is None else conform(item.default, value_type),
        description=item.description,
        unit=item.unit,
        max_age_ms=item.max_age if isinstance(item, FactDocument) else None,
        fail_closed=item.default is None,
    )


def feature(item: FeatureDocument) -> FeatureDeclaration:
    """Return a declared feature."""
    return FeatureDeclaration(
        name=item.name,
        source=item.source,
        definition=item.definition,
        default=item.default,
        description=item.description,
        unit=item.unit,
        max_age_ms=item.max_age,
        fail_closed=item.default is None,
    )


def affinity(item: AffinityDocument) -> AffinityDeclaration:
    """Return a declared family of counters."""
    return AffinityDeclaration(item.family, item.definition, item.description)
