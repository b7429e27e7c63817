"""Every function that expressions may call, and the choice among its overloads when an expression runs."""

import functools
from collections.abc import Callable
from typing import Final

from nextbest_rules.cel import arithmetic, civil, containers, conversions, history, texts, times
from nextbest_rules.cel.kinds import CLASS_NAMES, DYN, Type, list_of
from nextbest_rules.cel.overloads import Overload, Overloads
from nextbest_rules.cel.values import Unevaluable

OVERLOADS: Final[Overloads] = {
    **arithmetic.OVERLOADS,
    **times.OVERLOADS,
    **civil.OVERLOADS,
    **texts.OVERLOADS,
    **conversions.OVERLOADS,
    **containers.OVERLOADS,
    **history.OVERLOADS,
}
FUNCTIONS: Final = frozenset({function for function, _ in OVERLOADS} | set(containers.ANY_TYPES))
"""The names of all functions, as CEL's syntax tree has them."""


def overload_for(function: str, types: tuple[Type, ...]) -> Overload | None:
    """Return the function for arguments of these types, if they are known well enough to tell."""
    overload = OVERLOADS.get((function, tuple(kind.name for kind in types)))
    if overload is not None and overload.result in (DYN, _LIST):
        return Overload(_container_result(function, types), overload.run, overload.template)
    return overload


_LIST: Final = Type("list")


def _container_result(function: str, types: tuple[Type, ...]) -> Type:
    """Return what is known of an element that is looked up, or of two lists that are joined."""
    if function == "_[_]":
        return types[0].element or DYN
    return types[0] if types[0] == types[1] else list_of(DYN)


@functools.cache
def dispatcher(function: str) -> Callable[..., object]:
    """Return the function for arguments of any types. An argument that is Unevaluable is the result."""
    if function in containers.ANY_TYPES:
        return _for_any(containers.ANY_TYPES[function][1])
    mismatch = Unevaluable(f"'{display_name(function)}' does not take values of these types")

    def call(*arguments: object) -> object:
        names = tuple([CLASS_NAMES[argument.__class__] for argument in arguments])
        overload = OVERLOADS.get((function, names))
        if overload is not None:
            return overload.run(*arguments)
        return _failed(arguments) or mismatch

    return call


def _for_any(run: Callable[..., object]) -> Callable[..., object]:
    def call(*arguments: object) -> object:
        return _failed(arguments) or run(*arguments)

    return call


def _failed(arguments: tuple[object, ...]) -> Unevaluable | None:
    return next((argument for argument in arguments if isinstance(argument, Unevaluable)), None)


def display_name(function: str) -> str:
    """Return an operator as one writes it."""
    return function if function.isidentifier() else function.replace("_", "").removeprefix("@")
