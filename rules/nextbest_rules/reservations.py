"""Which actions must be reserved because a condition asks for what is on its way."""

from collections.abc import Iterator
from typing import Final

from nextbest_rules.bitmask import mask_where
from nextbest_rules.catalog import Catalog
from nextbest_rules.catalog_expressions import formulas, guard_expressions, rule_expressions
from nextbest_rules.cel import Mention, Node, conjuncts
from nextbest_rules.cel.nodes import Call, Constant, ListLiteral, Loop, Read, Select, walk
from nextbest_rules.expressions import Expressions
from nextbest_rules.records import RESERVED

_CONTACTS: Final = Mention("contacts")
_NOW: Final = Mention("now")
Names = frozenset[str] | None
"""Ids of actions; None is every action."""


def asked_for(catalog: Catalog) -> int:
    """Return the actions of which some condition wants to know whether they are on their way."""
    check = Expressions(catalog)
    expressions = [*rule_expressions(catalog, check), *formulas(catalog, check)]
    for guard in catalog.policies.guards:
        expressions += guard_expressions(guard, check)
    found = {names for tree in {item.tree for item in expressions} for names in _asked_for(tree)}
    if None in found:
        return mask_where(catalog.actions, lambda _: True)
    named = frozenset[str]().union(*(names for names in found if names is not None))
    return mask_where(catalog.actions, lambda action: action.id in named)


def _asked_for(tree: Node) -> Iterator[Names]:
    match tree:
        case Constant(_, value):
            if value == RESERVED:
                yield None
        case Call("count" | "last", (Read(mention), *texts)) if mention == _CONTACTS:
            if _names_it(tree):
                action = next(text for text in texts if not (isinstance(text, Read) and text.mention == _NOW))
                yield _named(action)
        case Loop(range=Read(mention)) if mention == _CONTACTS:
            if _names_it(tree):
                yield _compared(tree)
        case _:
            for below in tree.children:
                yield from _asked_for(below)


def _names_it(tree: Node) -> bool:
    return any(isinstance(node, Constant) and node.value == RESERVED for node in walk(tree))


def _named(action: Node) -> Names:
    """Return the action that a text names; an empty one stands for any."""
    known = isinstance(action, Constant) and isinstance(action.value, str) and action.value
    return frozenset({str(action.value)}) if isinstance(action, Constant) and known else None


def _compared(loop: Loop) -> Names:
    """Return the actions that a loop over contacts looks at."""
    field = Select(loop.variable, "action")
    for part in conjuncts(loop.asked if loop.chosen is None else loop.chosen):
        match part:
            case Call("_==_", (Constant() as name, asked)) | Call("_==_", (asked, Constant() as name)):
                if asked == field:
                    return _named(name)
            case Call("@in", (asked, ListLiteral(names))) if asked == field:
                listed = [_named(name) for name in names]
                known = [name for name in listed if name is not None]
                return frozenset[str]().union(*known) if len(known) == len(listed) else None
    return None
