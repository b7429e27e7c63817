"""What is known of the type of an expression, from the types of what it reads.

This is less than the checker knows and never wrong: whatever a dyn() hides stays hidden.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from nextbest_rules.cel.containers import ANY_TYPES
from nextbest_rules.cel.functions import OVERLOADS, overload_for
from nextbest_rules.cel.kinds import BOOL, DYN, FIELD_TYPES, MAP, Type, list_of
from nextbest_rules.cel.nodes import (
    And,
    Call,
    Choice,
    Constant,
    Has,
    ListLiteral,
    Local,
    Loop,
    Macro,
    MapLiteral,
    Node,
    Or,
    Presence,
    Read,
    Select,
)
from nextbest_rules.records import RECORDS

Loops: TypeAlias = Mapping[int, Type]
"""The types of loop variables by their numbers."""
_NO_LOOPS: Final[Loops] = {}


def type_of(node: Node, loops: Loops = _NO_LOOPS) -> Type:
    """Return the type of the node's value, or DYN."""
    match node:
        case Constant(kind) | Read(_, kind):
            return kind
        case And() | Or() | Has() | Presence():
            return BOOL
    infer = _INFERENCES.get(type(node))
    return DYN if infer is None else infer(node, loops)


def _of_local(local: Local, loops: Loops) -> Type:
    return loops.get(local.number, DYN)


def _of_choice(choice: Choice, loops: Loops) -> Type:
    return common([type_of(choice.then, loops), type_of(choice.otherwise, loops)])


def _of_call(call: Call, loops: Loops) -> Type:
    return result_of(call.function, tuple(type_of(argument, loops) for argument in call.arguments))


def _of_select(select: Select, loops: Loops) -> Type:
    return field_of(type_of(select.operand, loops), select.field)


def _of_list(literal: ListLiteral, loops: Loops) -> Type:
    return list_of(common([type_of(element, loops) for element in literal.elements]))


def _of_map(_literal: MapLiteral, _loops: Loops) -> Type:
    return MAP


def _of_loop(loop: Loop, loops: Loops) -> Type:
    if loop.macro is not Macro.MAP:
        return BOOL
    element = element_of(type_of(loop.range, loops))
    return list_of(type_of(loop.asked, {**loops, loop.variable.number: element}))


_INFERENCES: Final[dict[type, Callable[[Any, Loops], Type]]] = {
    Local: _of_local,
    Choice: _of_choice,
    Call: _of_call,
    Select: _of_select,
    ListLiteral: _of_list,
    MapLiteral: _of_map,
    Loop: _of_loop,
}


def common(types: Iterable[Type]) -> Type:
    """Return the one type, or DYN where there are several or none."""
    distinct = set(types)
    return distinct.pop() if len(distinct) == 1 else DYN


def element_of(kind: Type) -> Type:
    """Return the type of what a loop over a value runs through."""
    return kind.element or DYN


def field_of(kind: Type, field: str) -> Type:
    """Return the type of a field of a record."""
    declared = RECORDS.get(kind.name, {}).get(field)
    return DYN if declared is None else FIELD_TYPES[declared.type]


def result_of(function: str, types: tuple[Type, ...]) -> Type:
    """Return the type of a function's result."""
    overload = overload_for(function, types)
    return _RESULTS.get(function, DYN) if overload is None else overload.result


def _results() -> dict[str, Type]:
    """Return the result of every function that has but one type of result."""
    results: dict[str, set[Type]] = {name: {kind} for name, (kind, _) in ANY_TYPES.items()}
    for (function, _), overload in OVERLOADS.items():
        results.setdefault(function, set()).add(overload.result)
    return {function: kinds.pop() for function, kinds in results.items() if len(kinds) == 1}


_RESULTS: Final = _results()
