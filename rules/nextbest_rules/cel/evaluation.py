"""One expression with its bindings, for tests of conformance from outside."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from nextbest_rules.cel.compiling import compile_function
from nextbest_rules.cel.environment import untyped_environment
from nextbest_rules.cel.faults import ExpressionFault, engine_faults, fault_of, source_fault
from nextbest_rules.cel.kinds import CLASS_NAMES, DYN
from nextbest_rules.cel.nodes import Node
from nextbest_rules.cel.reading import Reader
from nextbest_rules.cel.values import NULL, CelMap, Duration, Mention, Timestamp, Unevaluable
from nextbest_rules.cel.vocabulary import Names
from nextbest_rules.cel.wire import read_tree


class EvaluationError(Exception):
    """An expression has no value under its bindings."""


class ExpressionError(EvaluationError):
    """An expression is wrong, whatever its bindings. `faults` say where and why."""

    def __init__(self, faults: tuple[ExpressionFault, ...]) -> None:
        super().__init__("; ".join(f"{fault.line}:{fault.column}: {fault.message}" for fault in faults))
        self.faults = faults


class UnsupportedExpressionError(ExpressionError):
    """An expression is valid CEL outside the supported subset."""


def evaluate(expression: str, bindings: Mapping[str, object]) -> object:
    """Evaluate one CEL expression by the code that conditions are compiled to.

    Args:
        expression: the source.
        bindings: the variables, of any types: int, Uint, float, str, bytes, bool, None, datetime (with a
            zone), timedelta, Timestamp, Duration, and lists and dicts of these.

    Returns:
        The value in the same types; timestamps and durations as datetime and timedelta, cut to microseconds;
        types as TypeValue. Maps whose keys Python would confuse (1, 1u, true) lose all but the last of them.

    Raises:
        EvaluationError: evaluating the expression failed.
        ExpressionError: the expression is not valid CEL.
        UnsupportedExpressionError: it is valid, but outside the supported subset.
    """
    slots = [to_cel(value) for value in bindings.values()]
    layout = {Mention(name): place for place, name in enumerate(bindings)}
    value = compile_function(read_expression(expression, bindings), layout, None)(slots)
    if isinstance(value, Unevaluable):
        raise EvaluationError(value.reason)
    return to_python(value)


def read_expression(expression: str, variables: Iterable[str]) -> Node:
    """Return the tree of an expression over variables of any types.

    Raises:
        ExpressionError: see `evaluate`.
    """
    if fault := source_fault(expression):
        raise ExpressionError((fault,))
    names = Names({}, dict.fromkeys(variables, DYN))
    try:
        checked = untyped_environment(tuple(names.variables)).compile(expression)
    except RuntimeError as error:
        raise ExpressionError(engine_faults(str(error), names, {})) from None
    reader = Reader(names, read_tree(checked.serialize()))
    tree = reader.read()
    if reader.refusals:
        raise UnsupportedExpressionError(tuple(fault_of(expression, refusal) for refusal in reader.refusals))
    return tree


def to_cel(value: object) -> object:
    """Return a Python value as expressions see it.

    Raises:
        TypeError: CEL has no such value.
    """
    match value:
        case None:
            return NULL
        case list() | tuple():
            return [to_cel(item) for item in value]
        case dict():
            return _map(value)
        case datetime():
            return Timestamp.of(value)
        case timedelta():
            return Duration.of(value)
        case _ if value.__class__ in CLASS_NAMES:
            return value
    raise TypeError(f"CEL has no values of type {type(value).__name__}")


def _map(value: dict[object, object]) -> CelMap:
    if not all(isinstance(key, str | int) for key in value):
        raise TypeError("the keys of a map are strings, ints, uints or bools")
    return CelMap((key, to_cel(item)) for key, item in value.items())  # type: ignore[misc]


def to_python(value: object) -> object:
    """Return a value of an expression as plain Python."""
    match value:
        case CelMap():
            return {key: to_python(item) for key, item in value.items()}
        case list() | tuple():
            return [to_python(item) for item in value]
        case Timestamp():
            return value.to_datetime()
        case Duration():
            return value.to_timedelta()
    return None if value is NULL else value
