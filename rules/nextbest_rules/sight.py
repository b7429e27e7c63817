"""What conditions see of a situation: one slot per value that any of them reads, filled once per request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from nextbest_rules.catalog import Catalog
from nextbest_rules.cel import UNKNOWN, Expression, Kind, Mention, Node, Timestamp, compile_function
from nextbest_rules.declarations import Declaration, ValueType, WrongTypeError, conform
from nextbest_rules.expressions import Expressions
from nextbest_rules.situation import Situation

RECORD_LISTS = frozenset({"tickets", "purchases", "events", "contacts"})
_PYTHON_TYPES: Mapping[ValueType, type] = {
    ValueType.STRING: str,
    ValueType.INT: int,
    ValueType.BOOL: bool,
}
_LEAST_INT, _GREATEST_INT = -(2**63), 2**63 - 1
# Holds True as long as the facts can be read: has(facts.age) is unknown, not false, if they cannot.
_FACTS = Mention("facts", "")
Slots = list[object]
Function = Callable[[Slots], object]


# What no catalog declares: the moment, the request, the customer's records (None where they cannot be read).
_OTHERS: Mapping[str, Callable[[Situation], object]] = {
    "now": lambda situation: Timestamp.of_ms(situation.now_ms),
    "customer": attrgetter("known"),
    "direction": lambda situation: situation.direction.value,
    **{name: attrgetter(name) for name in ("channel", "brand", "goal", *RECORD_LISTS)},
}


@dataclass(frozen=True, slots=True)
class View:
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
    slots: dict[Mention, int] = field(default_factory=lambda: {_FACTS: 0})
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

    def slot(self, mention: Mention) -> int:
        """Return the slot of one value."""
        return self.slots.setdefault(mention, len(self.slots))


@dataclass(frozen=True, slots=True)
class _Declared:
    """A slot for a declared value: taken as it is if exactly of `python_type`, else looked at closely."""

    slot: int
    name: str
    python_type: type | None
    declaration: Declaration

    def fitted(self, value: object) -> object:
        """Return the value as declared: absent is its default, a wrong type is UNKNOWN."""
        declaration = self.declaration
        if value is None:
            return UNKNOWN if declaration.default is None else _in_slot(declaration.default)
        try:
            return _in_slot(conform(value, declaration.type))
        except WrongTypeError:
            return UNKNOWN

    def stale(self) -> object:
        """Return what stands in for a value that is too old."""
        return UNKNOWN if self.declaration.fail_closed else self.fitted(None)


@dataclass(frozen=True, slots=True)
class Sight:
    """Fills the slots of a layout. Values that no condition reads are never looked at."""

    layout: Mapping[Mention, int]
    _facts: tuple[_Declared, ...]
    _features: tuple[_Declared, ...]
    _context: tuple[_Declared, ...]
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
        return cls(
            layout,
            _declared("facts", catalog.facts.declarations, layout),
            _declared("features", features, layout),
            _declared("context", catalog.context.declarations, layout),
            tuple((slot, mention.root) for mention, slot in layout.items() if mention.root in _OTHERS),
        )

    def look(self, situation: Situation) -> View:
        """Return the situation as conditions see it. Never raises for what the values are."""
        slots: Slots = [UNKNOWN] * len(self.layout)
        if situation.facts is not None:
            slots[self.layout[_FACTS]] = True
            _fill(slots, self._facts, situation.facts)
            self._age_facts(slots, situation)
        self._fill_features(slots, situation)
        _fill(slots, self._context, situation.context)
        for slot, name in self._others:
            slots[slot] = _OTHERS[name](situation)
        return View(situation, slots, self.layout)

    def stale_features(self, situation: Situation) -> tuple[str, ...]:
        """Return the features that rules read and that are older than declared, sorted."""
        age = _age(situation.now_ms, situation.features_as_of_ms)
        return tuple(sorted(item.name for item in self._features if _is_stale(item.declaration, age)))

    def _age_facts(self, slots: Slots, situation: Situation) -> None:
        for item in self._facts:
            if item.declaration.max_age_ms is None:
                continue
            as_of_ms = situation.fact_as_of_ms(item.name)
            if _is_stale(item.declaration, _age(situation.now_ms, as_of_ms)):
                slots[item.slot] = item.stale()

    def _fill_features(self, slots: Slots, situation: Situation) -> None:
        age = _age(situation.now_ms, situation.features_as_of_ms)
        for item in self._features:
            value = situation.features.get(item.name)
            # Features may come as numpy scalars, which conditions do not know.
            slots[item.slot] = (
                item.stale() if _is_stale(item.declaration, age) else item.fitted(_plain_number(value))
            )


def _declared(
    root: str, declarations: Mapping[str, Declaration], layout: Mapping[Mention, int]
) -> tuple[_Declared, ...]:
    return tuple(
        _Declared(slot, name, _PYTHON_TYPES.get(declaration.type), declaration)
        for name, declaration in declarations.items()
        if (slot := layout.get(Mention(root, name))) is not None
    )


def _fill(slots: Slots, declared: tuple[_Declared, ...], values: Mapping[str, object]) -> None:
    for item in declared:
        value = values.get(item.name)
        slots[item.slot] = value if _is_plainly(value, item.python_type) else item.fitted(value)


def _is_plainly(value: object, python_type: type | None) -> bool:
    """Tell at a glance whether a value is as declared. A no means: look closely."""
    if type(value) is not python_type:
        return False
    if isinstance(value, str):
        return value.isascii()
    return isinstance(value, int) and _LEAST_INT <= value <= _GREATEST_INT


def _in_slot(value: object) -> object:
    return Timestamp.of(value) if isinstance(value, datetime) else value


def _plain_number(value: object) -> object:
    return None if value is None else float(value)  # type: ignore[arg-type]


def _age(now_ms: int, as_of_ms: int | None) -> int | None:
    return None if as_of_ms is None else now_ms - as_of_ms


def _is_stale(declaration: Declaration, age_ms: int | None) -> bool:
    """Tell whether a value is too old. One of unknown age is, where an age is asked for."""
    limit = declaration.max_age_ms
    return limit is not None and (age_ms is None or age_ms > limit)
