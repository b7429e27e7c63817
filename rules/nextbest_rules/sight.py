"""What conditions see of a situation: one slot per value that any of them reads, filled once per request."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from nextbest_rules.catalog import Catalog
from nextbest_rules.cel import (
    UNKNOWN,
    Expression,
    Kind,
    Mention,
    Node,
    Timestamp,
    compile_function,
    members,
    presences_of,
    readable,
    searched_by,
)
from nextbest_rules.declarations import Declaration, ValueType, WrongTypeError, conform
from nextbest_rules.expressions import Expressions
from nextbest_rules.situation import Situation

RECORD_LISTS = frozenset({"tickets", "purchases", "events", "contacts"})
_LEAST_INT, _GREATEST_INT = -(2**63), 2**63 - 1
# Stands for a value that is there and must not be used: too old, or of a wrong type.
_UNUSABLE = object()
# Stands for NaN: a vector has no other way to say that there is no value, and that nobody knows a better one.
_MISSING = object()
_TEXT = frozenset({str})
Slots = list[object]
Function = Callable[[Slots], object]


# What no catalog declares: the moment, the request, the customer's records (None where they cannot be read).
_OTHERS: Mapping[str, Callable[[Situation], object]] = {
    "now": lambda situation: Timestamp.of_ms(situation.now_ms),
    "customer": lambda situation: UNKNOWN if situation.known is None else situation.known,
    "direction": lambda situation: situation.direction.value,
    **{name: attrgetter(name) for name in ("channel", "brand", "goal", *RECORD_LISTS)},
    "contacts": lambda situation: None if situation.contacts is None else tuple(situation.contacts),
}


class View(NamedTuple):
    """One situation as conditions see it."""

    situation: Situation
    slots: Slots
    layout: Mapping[Mention, int]

    def value(self, mention: Mention) -> object:
        """Return what a condition reads there, None where it is unknown."""
        value = self.slots[self.layout[mention]]
        return value.to_datetime() if isinstance(value, Timestamp) else value


@dataclass(slots=True)
class Layout:
    """Hands out the slots while the rules of a catalog are compiled."""

    expressions: Expressions
    slots: dict[Mention, int] = field(default_factory=dict)
    _functions: dict[tuple[Node, Kind], Function] = field(default_factory=dict)

    def function(self, expression: Expression, wants: Kind = Kind.BOOL) -> Function:
        """Return the compiled expression over the slots of this layout; equal ones share a function."""
        key = expression.tree, wants
        if key not in self._functions:
            self.reserve(expression)
            self._functions[key] = compile_function(expression.tree, self.slots, wants)
        return self._functions[key]

    def reserve(self, expression: Expression) -> None:
        """See that everything the expression reads has a slot."""
        for mention in expression.mentions:
            self.slot(mention)
        for mention in presences_of(expression.tree):
            self.slot(readable(mention))
        for mention in searched_by(expression.tree):
            self.slot(members(mention))

    def slot(self, mention: Mention) -> int:
        """Return the slot of one value."""
        return self.slots.setdefault(mention, len(self.slots))


@dataclass(frozen=True, slots=True)
class _Declared:
    """The slots of a declared value: itself, whether one can tell if there is one, a list's elements."""

    slot: int
    readable: int | None
    members: int | None
    name: str
    declaration: Declaration

    def put(self, slots: Slots, value: object) -> None:
        """Fill the slot with a value of unknown quality, and say whether one can tell that there is none."""
        fitted = self._absent() if value is None else self._fitted(value)
        slots[self.slot] = UNKNOWN if fitted is _UNUSABLE else fitted
        if self.readable is not None:
            slots[self.readable] = UNKNOWN if fitted is _UNUSABLE else True
        if self.members is not None:
            slots[self.members] = frozenset(fitted) if isinstance(fitted, list) else UNKNOWN

    def stale(self, value: object) -> object:
        """Return what stands in for a value that is too old; an absent one is not."""
        return _UNUSABLE if self.declaration.fail_closed and value is not None else None

    def _absent(self) -> object:
        default = self.declaration.default
        return UNKNOWN if default is None else _in_slot(default)

    def _fitted(self, value: object) -> object:
        if value is _UNUSABLE:
            return _UNUSABLE
        if value is _MISSING:
            return UNKNOWN
        try:
            return _in_slot(conform(value, self.declaration.type))
        except WrongTypeError:
            return _UNUSABLE


_Entry = tuple[int, str, _Declared]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The slots of one root, by what has to be looked at to see that a value is plainly as declared."""

    bools: tuple[_Entry, ...]
    ints: tuple[_Entry, ...]
    texts: tuple[_Entry, ...]
    lists: tuple[_Entry, ...]
    others: tuple[_Entry, ...]

    @classmethod
    def of(cls, declared: Iterable[_Declared]) -> "_Plan":
        """Sort the slots by type; those whose presence is asked for need a close look anyway."""
        kinds: dict[ValueType | None, list[_Entry]] = {}
        for item in declared:
            kind = item.declaration.type if item.readable is None else None
            kinds.setdefault(kind, []).append((item.slot, item.name, item))
        return cls(
            bools=tuple(kinds.pop(ValueType.BOOL, ())),
            ints=tuple(kinds.pop(ValueType.INT, ())),
            texts=tuple(kinds.pop(ValueType.STRING, ())),
            lists=tuple(kinds.pop(ValueType.STRINGS, ())),
            others=tuple(entry for entries in kinds.values() for entry in entries),
        )


@dataclass(frozen=True, slots=True)
class Sight:
    """Fills the slots of a layout. Values that no condition reads are never looked at."""

    layout: Mapping[Mention, int]
    _facts: _Plan
    _ageing: tuple[_Declared, ...]
    _features: tuple[_Declared, ...]
    _context: _Plan
    _others: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, catalog: Catalog, layout: Mapping[Mention, int]) -> "Sight":
        """Return what fills a finished layout."""
        features = {
            item.name: Declaration(
                item.name,
                ValueType.DOUBLE,
                item.default,
                item.description,
                unit=item.unit,
                max_age_ms=item.max_age_ms,
                fail_closed=item.fail_closed,
            )
            for item in catalog.features
        }
        facts = _declared("facts", catalog.facts.declarations, layout)
        return cls(
            layout,
            _Plan.of(facts),
            tuple(item for item in facts if item.declaration.max_age_ms is not None),
            _declared("features", features, layout),
            _Plan.of(_declared("context", catalog.context.declarations, layout)),
            tuple((slot, mention.root) for mention, slot in layout.items() if mention.root in _OTHERS),
        )

    @property
    def sees_features(self) -> frozenset[str]:
        """The names of the features that have a slot."""
        return frozenset(item.name for item in self._features)

    def look(self, situation: Situation) -> View:
        """Return the situation as conditions see it. Never raises for what the values are."""
        slots: Slots = [UNKNOWN] * len(self.layout)
        if situation.facts is not None:
            _fill(slots, self._facts, situation.facts)
            self._age_facts(slots, situation)
        if situation.features is not None:
            self._fill_features(slots, situation, situation.features)
        _fill(slots, self._context, situation.context)
        for slot, name in self._others:
            slots[slot] = _OTHERS[name](situation)
        return View(situation, slots, self.layout)

    def stale_features(self, situation: Situation) -> tuple[str, ...]:
        """Return the features that rules read and that are older than declared, sorted."""
        return tuple(sorted(item.name for item in self._features if _is_stale_feature(item, situation)))

    def _age_facts(self, slots: Slots, situation: Situation) -> None:
        for item in self._ageing:
            as_of_ms = situation.fact_as_of_ms(item.name)
            if _is_stale(item.declaration, _age(situation.now_ms, as_of_ms)):
                item.put(slots, item.stale((situation.facts or {}).get(item.name)))

    def _fill_features(self, slots: Slots, situation: Situation, features: Mapping[str, float]) -> None:
        for item in self._features:
            # Features may come as numpy scalars, which conditions do not know.
            value = _plain_number(features.get(item.name))
            item.put(slots, item.stale(value) if _is_stale_feature(item, situation) else value)


def _declared(
    root: str, declarations: Mapping[str, Declaration], layout: Mapping[Mention, int]
) -> tuple[_Declared, ...]:
    return tuple(
        _Declared(slot, layout.get(readable(mention)), layout.get(members(mention)), name, declared)
        for name, declared in declarations.items()
        if (slot := layout.get(mention := Mention(root, name))) is not None
    )


def _fill(slots: Slots, plan: "_Plan", values: Mapping[str, object]) -> None:
    """Fill the slots of one root: what is plainly as declared is taken as it is, at a glance."""
    value: Any
    get, least, greatest = values.get, _LEAST_INT, _GREATEST_INT
    for slot, name, item in plan.bools:
        value = get(name)
        if type(value) is bool:
            slots[slot] = value
        else:
            item.put(slots, value)
    for slot, name, item in plan.ints:
        value = get(name)
        if type(value) is int and least <= value <= greatest:
            slots[slot] = value
        else:
            item.put(slots, value)
    for slot, name, item in plan.texts:
        value = get(name)
        if type(value) is str and value.isascii():
            slots[slot] = value
        else:
            item.put(slots, value)
    _fill_lists(slots, plan, values)
    for _, name, item in plan.others:
        item.put(slots, get(name))


def _fill_lists(slots: Slots, plan: "_Plan", values: Mapping[str, object]) -> None:
    value: Any
    for slot, name, item in plan.lists:
        value = values.get(name)
        if type(value) is list and _TEXT.issuperset(map(type, value)) and "".join(value).isascii():
            slots[slot] = value
            if item.members is not None:
                slots[item.members] = frozenset(value)
        else:
            item.put(slots, value)


def _in_slot(value: object) -> object:
    return Timestamp.of(value) if isinstance(value, datetime) else value


def _plain_number(value: object) -> object:
    if value is None:
        return None
    number = float(value)  # type: ignore[arg-type]
    return _MISSING if math.isnan(number) else number


def _age(now_ms: int, as_of_ms: int | None) -> int | None:
    return None if as_of_ms is None else now_ms - as_of_ms


def _is_stale_feature(item: _Declared, situation: Situation) -> bool:
    if item.declaration.max_age_ms is None:
        return False
    return _is_stale(item.declaration, _age(situation.now_ms, situation.feature_as_of_ms(item.name)))


def _is_stale(declaration: Declaration, age_ms: int | None) -> bool:
    """Tell whether a value is too old. One of unknown age is, where an age is asked for."""
    limit = declaration.max_age_ms
    return limit is not None and (age_ms is None or age_ms > limit)
