"""The macros of CEL when an expression runs, and what holds for values of unknown type."""

from collections.abc import Callable, Sequence
from typing import Final

from nextbest_rules.cel.kinds import CLASS_NAMES, Kind
from nextbest_rules.cel.values import CelMap, Unevaluable

_NOT_BOOL: Final = Unevaluable("a condition is neither true nor false")
_NO_RANGE: Final = Unevaluable("macros take lists and maps")


def as_bool(value: object) -> object:
    """Return a bool or an Unevaluable."""
    return value if value.__class__ in (bool, Unevaluable) else _NOT_BOOL


def _elements(values: object) -> Sequence[object] | Unevaluable:
    kind = values.__class__
    if kind is list or kind is tuple or kind is Unevaluable:
        return values  # type: ignore[return-value]
    return list(values) if isinstance(values, CelMap) else _NO_RANGE


def exists(values: object, ask: Callable[[object], object]) -> object:
    """Tell whether the answer is true for any element. One true answer outweighs errors."""
    elements = values if isinstance(values, list) else _elements(values)
    if isinstance(elements, Unevaluable):
        return elements
    answer: object = False
    for element in elements:
        found = ask(element)
        if found is True:
            return True
        if found is not False:
            answer = found
    return answer if answer is False else as_bool(answer)


def every(values: object, ask: Callable[[object], object]) -> object:
    """Tell whether the answer is true for all elements. One false answer outweighs errors."""
    elements = values if isinstance(values, list) else _elements(values)
    if isinstance(elements, Unevaluable):
        return elements
    answer: object = True
    for element in elements:
        found = ask(element)
        if found is False:
            return False
        if found is not True:
            answer = found
    return answer if answer is True else as_bool(answer)


def exists_one(values: object, ask: Callable[[object], object]) -> object:
    """Tell whether the answer is true for exactly one element. Any error is the result."""
    elements = _elements(values)
    if isinstance(elements, Unevaluable):
        return elements
    count = 0
    for element in elements:
        found = as_bool(ask(element))
        if isinstance(found, Unevaluable):
            return found
        count += found is True
    return count == 1


def collect(
    values: object, compute: Callable[[object], object], ask: Callable[[object], object] | None = None
) -> object:
    """Return what is computed from each element, or from each for which the answer is true."""
    elements = _elements(values)
    if isinstance(elements, Unevaluable):
        return elements
    collected: list[object] = []
    for element in elements:
        chosen = True if ask is None else as_bool(ask(element))
        if isinstance(chosen, Unevaluable):
            return chosen
        if chosen:
            collected.append(compute(element))
            if isinstance(collected[-1], Unevaluable):
                return collected[-1]
    return collected


def as_kind(kind: Kind) -> Callable[[object], object]:
    """Return what lets values of a kind pass and makes an Unevaluable of others."""
    wrong = Unevaluable(
        f"the result is no {kind}" if kind is not Kind.ANY else "no parameter has such a value"
    )
    names = {wanted.name for wanted in kind.types if wanted.element is None}
    lists = any(wanted.element is not None for wanted in kind.types)

    def check(value: object) -> object:
        if value.__class__ is Unevaluable or CLASS_NAMES[value.__class__] in names:
            return value
        return value if lists and _is_list_of_texts(value) else wrong

    return check


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
