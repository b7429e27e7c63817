"""The seam to the reference engine: it parses and checks, once, at load; all else is done here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from nextbest_rules.cel import folding
from nextbest_rules.cel.environment import PACKAGE, Environment, record_fields, typed_environment
from nextbest_rules.cel.faults import ExpressionFault, engine_faults, fault_of, source_fault
from nextbest_rules.cel.kinds import BOOL, DOUBLE, DYN, INT, STRING, TIMESTAMP, Kind, Type, list_of
from nextbest_rules.cel.nodes import Node, mentions_of, size_of
from nextbest_rules.cel.reading import FunctionCall, Reader
from nextbest_rules.cel.values import Mention
from nextbest_rules.cel.vocabulary import Names, Vocabulary
from nextbest_rules.cel.wire import read_tree

# The engine ships no types.
Checked: TypeAlias = Any
MAX_NODES: Final = 2_000
"""The most nodes that an expression may have once all that it names stands in its place."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression.

    `kind` is what the checker knows of its value, `mentions` what it reads, in order, and `calls` its calls
    of functions over the contact history.
    """

    source: str
    tree: Node
    kind: Type
    mentions: tuple[Mention, ...]
    calls: tuple[FunctionCall, ...] = ()

    @property
    def size(self) -> int:
        """The number of nodes: more than MAX_NODES are too many."""
        return size_of(self.tree)

    def bind(self, attributes: Mapping[str, object]) -> "Expression":
        """Return the expression for actions with these attributes. Reading one that they lack is an error."""
        return self._with_tree(folding.bind(self.tree, attributes))

    def inline(self, meanings: Mapping[Mention, "Expression"]) -> "Expression":
        """Return the expression with conditions in the place of their names.

        Its size is for the caller to check.
        """
        return self._with_tree(
            folding.inline(self.tree, {name: item.tree for name, item in meanings.items()})
        )

    def but_not(self, others: Sequence["Expression"]) -> "Expression":
        """Return the condition that holds while this one does and none of the others."""
        if not others:
            return self
        return self._with_tree(folding.but_not(self.tree, [other.tree for other in others]))

    def _with_tree(self, tree: Node) -> "Expression":
        return replace(self, tree=tree, mentions=mentions_of(tree))


class ExpressionChecker:
    """Checks expressions against what one catalog declares."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Take what expressions may mention."""
        self._vocabulary = vocabulary
        self._environments: dict[str | None, Environment] = {}

    def check(
        self, source: str, wants: Kind = Kind.BOOL, element: str | None = None
    ) -> Expression | tuple[ExpressionFault, ...]:
        """Return the checked expression, or everything that is wrong with it.

        Args:
            source: the expression.
            wants: what its value has to be.
            element: "ticket", "purchase" or "event" declares a variable of this name and type.
        """
        if fault := source_fault(source):
            return (fault,)
        names = Names.of(self._vocabulary, element)
        try:
            checked = self._environment(element).compile(source)
        except RuntimeError as error:
            return engine_faults(str(error), names, {**names.roots, **record_fields()})
        reader = Reader(names, read_tree(checked.serialize()))
        tree = reader.read()
        if reader.refusals:
            return tuple(fault_of(source, refusal) for refusal in reader.refusals)
        kind = _KINDS.get(checked.return_type().name())
        if message := _mismatch(kind, wants):
            return (ExpressionFault(1, 1, f"{message}, and this is {_name(checked)}"),)
        tree = folding.fold(tree)
        return Expression(source, tree, kind or DYN, mentions_of(tree), tuple(reader.calls))

    def _environment(self, element: str | None) -> Environment:
        if element not in self._environments:
            self._environments[element] = typed_environment(self._vocabulary, element)
        return self._environments[element]


# What the engine calls the types that results may have; an empty list is a list of anything.
_KINDS: Final = {
    **{kind.name.upper(): kind for kind in (BOOL, INT, DOUBLE, STRING, TIMESTAMP, DYN)},
    "LIST<STRING>": list_of(STRING),
    "LIST<DYN>": list_of(DYN),
}
_WANTED: Final = {
    Kind.BOOL: "a condition is true or false",
    Kind.NUMBER: "this has to be an int or a double",
    Kind.STRING: "this has to be a string",
    Kind.INT: "this has to be an int",
    Kind.TIMESTAMP: "this has to be a timestamp",
    Kind.ANY: "this has to be a string, a number, a bool, a timestamp or a list of strings",
}


def _mismatch(kind: Type | None, wants: Kind) -> str | None:
    """Return what was wanted, unless the kind may turn out to be it."""
    fits = kind in wants.types or kind == DYN or (wants is Kind.ANY and kind == list_of(DYN))
    return None if fits else _WANTED[wants]


def _name(checked: Checked) -> str:
    return str(checked.return_type().name().lower().removeprefix(PACKAGE + "."))
