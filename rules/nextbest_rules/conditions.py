"""The seam to CEL: conditions are checked here once and evaluated through what this module returns.

The reference engine (cel-expr-python) does both. A checked condition is bound to the attributes of a group
of actions and becomes a predicate, which sees one customer's values through a scope.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from cel_expr_python import cel

from nextbest_rules import expression_tree
from nextbest_rules.expression_tree import AttributeValue, Mention
from nextbest_rules.vocabulary import ROOTS, Vocabulary, typed_environment, untyped_environment

# What a predicate sees: the engine's own handle on one customer's values.
Scope: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class ConditionFault:
    """Why a condition is refused. Line and column count from 1 within the condition's own text."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class Unevaluable:
    """A predicate without an answer, because a value is missing or an operation failed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition with its action's attributes filled in."""

    _expression: Any

    def evaluate(self, scope: Scope) -> bool | Unevaluable:
        """Return the condition's answer under `scope`. Never raises for what the values are."""
        value = self._expression.eval(scope).value()
        return value if isinstance(value, bool) else Unevaluable(_STATUS.sub("", str(value)))


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition. `mentions` lists the declared values that it reads, in order."""

    source: str
    mentions: tuple[Mention, ...]
    _tree: bytes

    def bind(self, attributes: Mapping[str, AttributeValue]) -> Predicate:
        """Return the predicate for actions with these attributes."""
        tree = expression_tree.bind(self._tree, "action", attributes)
        return Predicate(untyped_environment().deserialize(tree))


def open_scope(values: Mapping[str, object]) -> Scope:
    """Return the scope for one customer's values: one entry per root, `now` and `channel`."""
    return untyped_environment().Activation(values)


class ConditionChecker:
    """Checks conditions against what one catalog declares."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._environment = typed_environment(vocabulary)

    def check(self, source: str) -> Condition | tuple[ConditionFault, ...]:
        """Return the checked condition, or everything that is wrong with it."""
        try:
            result = self._environment.compile(source).return_type()
            tree = untyped_environment().compile(source).serialize()
        except RuntimeError as error:
            return _faults(str(error), self._vocabulary)
        if result not in (cel.Type.BOOL, cel.Type.DYN):
            return (
                ConditionFault(1, 1, f"a condition is true or false, and this is {result.name().lower()}"),
            )
        mentions, misuses = expression_tree.mentions(tree, ROOTS)
        if misuses:
            return tuple(_fault_at(source, misuse.offset, misuse.message) for misuse in misuses)
        return Condition(source, mentions, tree)


def _fault_at(source: str, offset: int, message: str) -> ConditionFault:
    before = source[:offset]
    return ConditionFault(before.count("\n") + 1, offset - before.rfind("\n"), message)


_ENGINE_FAULT = re.compile(r"^ERROR: <input>:(\d+):(\d+): (.*)$", re.MULTILINE)
_STATUS = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")


def _faults(text: str, vocabulary: Vocabulary) -> tuple[ConditionFault, ...]:
    found = _ENGINE_FAULT.findall(_STATUS.sub("", text))
    if not found:
        return (ConditionFault(1, 1, _STATUS.sub("", text).splitlines()[0]),)
    return tuple(
        ConditionFault(int(line), int(column), vocabulary.reword(message)) for line, column, message in found
    )


class EvaluationError(Exception):
    """A CEL expression that is wrong or has no value under its bindings."""


def evaluate(expression: str, bindings: Mapping[str, object]) -> object:
    """Evaluate one CEL expression with the reference engine.

    Returns:
        The value as plain Python data.

    Raises:
        EvaluationError: the expression is not valid CEL, or evaluating it failed.
    """
    try:
        environment = cel.NewEnv(variables=dict.fromkeys(bindings, cel.Type.DYN))
        result = environment.compile(expression).eval(data=dict(bindings))
    except RuntimeError as error:
        raise EvaluationError(str(error)) from None
    if result.type() == cel.Type.ERROR:
        raise EvaluationError(str(result.value()))
    return result.plain_value()
