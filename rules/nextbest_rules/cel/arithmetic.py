"""Numbers: operators that check their range, and comparisons across the types of numbers."""

import math
import operator
from collections.abc import Callable
from typing import Final

from nextbest_rules.cel.kinds import BOOL, DOUBLE, INT, UINT
from nextbest_rules.cel.overloads import Overload, Overloads
from nextbest_rules.cel.values import Uint, Unevaluable

MIN_INT: Final = -(2**63)
MAX_INT: Final = 2**63 - 1
MAX_UINT: Final = 2**64 - 1
EXACT: Final = 2**53
"""Integers up to here are exact as doubles."""

LONGEST_NUMBER: Final = 1_024
"""How many characters of text are read as a whole number or a duration at most."""

OVERFLOW: Final = Unevaluable("integer overflow")
DIVIDE_BY_ZERO: Final = Unevaluable("divide by zero")
MODULUS_BY_ZERO: Final = Unevaluable("modulus by zero")


def as_int(value: int) -> int | Unevaluable:
    """Return what fits a signed integer."""
    return value if MIN_INT <= value <= MAX_INT else OVERFLOW


def as_uint(value: int) -> Uint | Unevaluable:
    """Return what fits an unsigned integer."""
    return Uint(value) if 0 <= value <= MAX_UINT else OVERFLOW


def _truncated(left: int, right: int) -> int:
    """Divide towards zero, as CEL does and Python does not."""
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _divide(left: int, right: int) -> int | Unevaluable:
    return as_int(_truncated(left, right)) if right else DIVIDE_BY_ZERO


def _modulo(left: int, right: int) -> int | Unevaluable:
    if not right:
        return MODULUS_BY_ZERO
    quotient = as_int(_truncated(left, right))
    return quotient if isinstance(quotient, Unevaluable) else left - quotient * right


def _divide_uint(left: int, right: int) -> Uint | Unevaluable:
    return Uint(left // right) if right else DIVIDE_BY_ZERO


def _modulo_uint(left: int, right: int) -> Uint | Unevaluable:
    return Uint(left % right) if right else MODULUS_BY_ZERO


def _divide_double(left: float, right: float) -> float:
    """Divide as IEEE 754 has it: by zero too."""
    if right:
        return left / right
    if math.isnan(left):
        return left
    # The invalid operation that Python does not refuse gives the machine's own NaN, as 0.0 / 0.0 would.
    return math.copysign(math.inf, left) * math.copysign(1.0, right) if left else math.inf - math.inf


def _add(left: int, right: int) -> int | Unevaluable:
    total = left + right
    return total if MIN_INT <= total <= MAX_INT else OVERFLOW


def _subtract(left: int, right: int) -> int | Unevaluable:
    difference = left - right
    return difference if MIN_INT <= difference <= MAX_INT else OVERFLOW


def _multiply(left: int, right: int) -> int | Unevaluable:
    product = left * right
    return product if MIN_INT <= product <= MAX_INT else OVERFLOW


def _unsigned(compute: Callable[[int, int], int]) -> Callable[[int, int], Uint | Unevaluable]:
    return lambda left, right: as_uint(compute(left, right))


def compare_with_double(compare: Callable[[float, float], bool]) -> Callable[[float, float], bool]:
    """Return the comparison of an integer with a double: as doubles, beyond 2^53 too, as CEL engines do."""
    return lambda left, right: compare(float(left), float(right))


_INTS: Overloads = {
    ("_+_", ("int", "int")): Overload(INT, _add),
    ("_-_", ("int", "int")): Overload(INT, _subtract),
    ("_*_", ("int", "int")): Overload(INT, _multiply),
    ("_/_", ("int", "int")): Overload(INT, _divide),
    ("_%_", ("int", "int")): Overload(INT, _modulo),
    ("-_", ("int",)): Overload(INT, lambda value: as_int(-value)),
}
_UINTS: Overloads = {
    ("_+_", ("uint", "uint")): Overload(UINT, _unsigned(operator.add)),
    ("_-_", ("uint", "uint")): Overload(UINT, _unsigned(operator.sub)),
    ("_*_", ("uint", "uint")): Overload(UINT, _unsigned(operator.mul)),
    ("_/_", ("uint", "uint")): Overload(UINT, _divide_uint),
    ("_%_", ("uint", "uint")): Overload(UINT, _modulo_uint),
}
_DOUBLES: Overloads = {
    ("_+_", ("double", "double")): Overload(DOUBLE, operator.add, "({0} + {1})"),
    ("_-_", ("double", "double")): Overload(DOUBLE, operator.sub, "({0} - {1})"),
    ("_*_", ("double", "double")): Overload(DOUBLE, operator.mul, "({0} * {1})"),
    ("_/_", ("double", "double")): Overload(DOUBLE, _divide_double),
    ("-_", ("double",)): Overload(DOUBLE, operator.neg, "(-{0})"),
}

ORDERINGS: Final = {
    "_<_": ("<", operator.lt),
    "_<=_": ("<=", operator.le),
    "_>_": (">", operator.gt),
    "_>=_": (">=", operator.ge),
}
EQUALITIES: Final = {"_==_": ("==", operator.eq), "_!=_": ("!=", operator.ne)}
_WHOLE: Final = ("int", "uint")


def _comparisons() -> dict[tuple[str, tuple[str, ...]], Overload]:
    found: dict[tuple[str, tuple[str, ...]], Overload] = {}
    for function, (symbol, compare) in {**ORDERINGS, **EQUALITIES}.items():
        for left in ("int", "uint", "double"):
            for right in ("int", "uint", "double"):
                found[function, (left, right)] = _comparison(symbol, compare, left, right)
    return found


def _comparison(symbol: str, compare: Callable[[float, float], bool], left: str, right: str) -> Overload:
    if (left in _WHOLE) == (right in _WHOLE):
        return Overload(BOOL, compare, f"({{0}} {symbol} {{1}})")
    first, second = ("float({0})", "{1}") if left in _WHOLE else ("{0}", "float({1})")
    return Overload(BOOL, compare_with_double(compare), f"({first} {symbol} {second})")


OVERLOADS: Overloads = {**_INTS, **_UINTS, **_DOUBLES, **_comparisons()}
