"""How a function of CEL is described: for which types of arguments, with which result, and how it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from nextbest_rules.cel.kinds import Type


@dataclass(frozen=True, slots=True)
class Overload:
    """A function for one combination of argument types.

    `run` takes values of exactly these types and returns a value, or an Unevaluable where the operation
    fails. `template` is the same as a Python expression over {0}, {1}, …: only for what cannot fail.
    """

    result: Type
    run: Callable[..., object]
    template: str = ""


Overloads: TypeAlias = Mapping[tuple[str, tuple[str, ...]], Overload]
"""Overloads by function and the names of the argument types."""
