"""How long records are needed: as long as any rule, formula or segment of the catalog may look back."""

import math
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from nextbest_rules.catalog import Catalog
from nextbest_rules.catalog_expressions import (
    formulas,
    guard_expressions,
    rule_expressions,
)
from nextbest_rules.cel import Mention, Node, Reach, age_limit, reaches
from nextbest_rules.cel.kinds import RECORD_TYPES
from nextbest_rules.cel.nodes import Read, Select
from nextbest_rules.expressions import Expressions
from nextbest_rules.policies import Guard
from nextbest_rules.stages.guards import ELEMENTS

_PARTS = ("tickets", "purchases", "events", "contacts")


def retention_of(catalog: Catalog) -> Mapping[str, int | None]:
    """Return, per kind of records, how long they are kept, in milliseconds.

    The time counts from the end of a record, or if it has none from when it was made; open tickets are always
    kept. None is for ever, 0 that no rule reads them. The memory that the catalog declares goes before.
    """
    longest = dict.fromkeys(_PARTS, 0.0)
    for part, age_ms in _needs(catalog):
        longest[part] = max(longest[part], age_ms)
    needed = {part: None if math.isinf(age_ms) else math.ceil(age_ms) for part, age_ms in longest.items()}
    return MappingProxyType(needed | dict(catalog.memory.keep))


def _needs(catalog: Catalog) -> Iterator[Reach]:
    policies, check = catalog.policies, Expressions(catalog)
    yield from (("contacts", float(cap.window_ms)) for cap in policies.caps if cap.max)
    for rule in policies.owned:
        yield "purchases", math.inf if rule.window_ms is None else float(rule.window_ms)
    for guard in policies.guards:
        yield from _of_guard(guard, check)
    written = (item.tree for item in (*rule_expressions(catalog, check), *formulas(catalog, check)))
    yield from _of_trees(written)
    # A named condition that nothing uses needs nothing; a segment is remembered whether rules use it or not.
    yield from _of_trees(check.condition(item.when).tree for item in catalog.segments)


def _of_trees(trees: Iterable[Node]) -> Iterator[Reach]:
    return (reach for tree in dict.fromkeys(trees) for reach in reaches(tree))


def _of_guard(guard: Guard, check: Expressions) -> Iterator[Reach]:
    trees = [expression.tree for expression in guard_expressions(guard, check)]
    if not guard.over:
        yield from _of_trees(trees)
        return
    name = ELEMENTS[guard.over]
    record = Read(Mention(name), RECORD_TYPES[name])
    age_ms = age_limit(trees[0], record, guard.over)
    if guard.over == "tickets" and trees[1:] == [Select(record, "closed_at")]:
        age_ms = min(age_ms, float(guard.decay_ms))
    yield guard.over, age_ms
    for tree in trees:
        yield from reaches(tree, {record: age_ms})
