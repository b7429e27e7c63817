"""Which actions a selector means, as a predicate and as a bitmask."""

from collections.abc import Mapping
from types import MappingProxyType

from nextbest_rules.bitmask import mask_where
from nextbest_rules.catalog import Action, Catalog
from nextbest_rules.policies import Selector
from nextbest_rules.records import Contact

_NO_ATTRIBUTES: Mapping[str, frozenset[str | int | float | bool]] = MappingProxyType({})


def selects(selector: Selector, action: Action) -> bool:
    """Tell whether the selector means this action."""
    # Written out, because compiling a catalog asks this for every rule and action.
    if selector.types is not None and action.type.value not in selector.types:
        return False
    if selector.issues is not None and action.issue not in selector.issues:
        return False
    if selector.groups is not None and action.group not in selector.groups:
        return False
    return _names(selector, action) and not (selector.but_not and selects(selector.but_not, action))


def _names(selector: Selector, action: Action) -> bool:
    """Tell whether the selector's ids, tags and attributes fit the action."""
    if selector.actions is not None and action.id not in selector.actions:
        return False
    if selector.tags is not None and not selector.tags & action.tags:
        return False
    wanted = selector.attributes or _NO_ATTRIBUTES
    return all(action.attributes.get(name) in values for name, values in wanted.items())


def selects_contact(selector: Selector, contact: Contact) -> bool:
    """Tell whether the selector may mean the action of a contact that the catalog does not have any more.

    Its tags and attributes are forgotten, so a selector that asks for them counts the contact: a cap that
    counts too much is safe, one that counts too little is not.
    """
    fields = (
        (selector.types, contact.type),
        (selector.issues, contact.issue),
        (selector.groups, contact.group),
        (selector.actions, contact.action),
    )
    if any(allowed is not None and value and value not in allowed for allowed, value in fields):
        return False
    spared = selector.but_not
    if spared is None or spared.tags is not None or spared.attributes is not None:
        return True
    known = all(
        allowed is None or value
        for allowed, value in (
            (spared.types, contact.type),
            (spared.issues, contact.issue),
            (spared.groups, contact.group),
        )
    )
    return not (known and selects_contact(spared, contact))


def mask_of(selector: Selector, catalog: Catalog) -> int:
    """Return the actions that the selector means."""
    if selector.actions is not None:  # an action's own rules: thousands of selectors that name one action
        named = (catalog.index[action_id] for action_id in selector.actions if action_id in catalog.index)
        return sum(1 << bit for bit in named if selects(selector, catalog.actions[bit]))
    return mask_where(catalog.actions, lambda action: selects(selector, action))
