"""Selectors, attributes and levers as domain types."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from nextbest_rules.catalog import AttributeValue, Lever
from nextbest_rules.declarations import ValueType, conform
from nextbest_rules.loading.documents import LeverDocument, PlainSelectorDocument, SelectorDocument
from nextbest_rules.policies import Selector

Types = Mapping[str, ValueType]


def selector(item: PlainSelectorDocument, types: Types) -> Selector:
    """Return a selector; `types` are those of the attributes."""
    excepted = item.but_not if isinstance(item, SelectorDocument) else None
    return Selector(
        types=optional_set(item.types),
        issues=optional_set(item.issues),
        groups=optional_set(item.groups),
        tags=optional_set(item.tags),
        actions=optional_set(item.actions),
        attributes=None if item.attributes is None else _wanted(item.attributes, types),
        but_not=None if excepted is None else selector(excepted, types),
    )


def _wanted(
    attributes: Mapping[str, Iterable[object]], types: Types
) -> Mapping[str, frozenset[AttributeValue]]:
    return MappingProxyType(
        {
            name: frozenset(attribute_value(value, types[name]) for value in values)
            for name, values in attributes.items()
        }
    )


def levers(items: Iterable[LeverDocument], types: Types) -> tuple[Lever, ...]:
    """Return the levers of a goal or brand."""
    return tuple(Lever(selector(item.applies_to, types), item.lever) for item in items)


def attribute_value(value: object, value_type: ValueType) -> AttributeValue:
    """Return an attribute's value as its declared type.

    Raises:
        ValueError: the value is of another type.
    """
    conformed = conform(value, value_type)
    assert isinstance(conformed, str | int | float | bool)
    return conformed


def optional_set(values: Iterable[str] | None) -> frozenset[str] | None:
    """Return the values as a set; None stays None."""
    return None if values is None else frozenset(values)
