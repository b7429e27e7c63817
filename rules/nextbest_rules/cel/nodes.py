"""The nodes of a checked expression: immutable, and equal where they mean the same.

Macros are nodes, not the loops that CEL expands them to. Operands of && and || that stand in a row are one node.
Loop variables are numbered from the outside, so that their names make no difference.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from nextbest_rules.cel.kinds import DOUBLE, Type
from nextbest_rules.cel.values import Mention


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A value of a scalar type. 1, 1.0, 1u and true differ, as do 0.0 and -0.0."""

    type: Type
    value: object

    def _identity(self) -> tuple[Type, object]:
        return self.type, self.value.hex() if self.type is DOUBLE else self.value  # type: ignore[attr-defined]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())


@dataclass(frozen=True, slots=True)
class Read:
    """The value of a mention."""

    mention: Mention
    type: Type


@dataclass(frozen=True, slots=True)
class Has:
    """Whether there is a value: has(facts.age)."""

    mention: Mention


@dataclass(frozen=True, slots=True)
class Missing:
    """A mention that certainly has no value: an attribute that the action lacks."""

    mention: Mention


@dataclass(frozen=True, slots=True)
class Local:
    """A loop variable. The outermost loop's has number 1."""

    number: int


@dataclass(frozen=True, slots=True)
class And:
    """`a && b && …`"""

    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """`a || b || …`"""

    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`condition ? then : otherwise`"""

    condition: "Node"
    then: "Node"
    otherwise: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator, named as in CEL's syntax tree. A target is the first argument."""

    function: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Select:
    """A field of a record or a map: `ticket.kind`."""

    operand: "Node"
    field: str


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a record or a map has a field: has(ticket.closed_at)."""

    operand: "Node"
    field: str


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """`[a, b]`"""

    elements: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class MapLiteral:
    """`{a: b}`"""

    keys: tuple["Node", ...]
    values: tuple["Node", ...]


class Macro(StrEnum):
    """The loops of CEL."""

    ALL = "all"
    EXISTS = "exists"
    EXISTS_ONE = "exists_one"
    MAP = "map"


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop over a list or a map's keys. `filter` is a map of each element that fulfils the condition to itself.

    `condition` is what all(), exists() and exists_one() ask; for map() it is absent or chooses the elements.
    """

    macro: Macro
    variable: Local
    range: "Node"
    condition: "Node | None" = None
    result: "Node | None" = None


Node: TypeAlias = (
    Constant
    | Read
    | Has
    | Missing
    | Local
    | And
    | Or
    | Choice
    | Call
    | Select
    | Presence
    | ListLiteral
    | MapLiteral
    | Loop
)


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes right below."""
    match node:
        case And(below) | Or(below) | Call(_, below) | ListLiteral(below):
            return below
        case Choice(condition, then, otherwise):
            return condition, then, otherwise
        case Select(operand) | Presence(operand):
            return (operand,)
        case MapLiteral(keys, values):
            return keys + values
        case Loop(_, _, domain, condition, result):
            return tuple(item for item in (domain, condition, result) if item is not None)
        case _:
            return ()


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """Return the node with `change` made to each node right below; the node itself if that changes nothing."""
    before = children(node)
    after = tuple(map(change, before))
    if all(new is old for new, old in zip(after, before, strict=True)):
        return node
    match node:
        case And() | Or():
            return replace(node, operands=after)
        case Call():
            return replace(node, arguments=after)
        case ListLiteral():
            return ListLiteral(after)
        case MapLiteral(keys):
            return MapLiteral(after[: len(keys)], after[len(keys) :])
        case Choice():
            return Choice(*after)
        case Select() | Presence():
            return replace(node, operand=after[0])
        case Loop():
            return _rebuild_loop(node, list(after))
        case _:
            return node


def _rebuild_loop(loop: Loop, after: list[Node]) -> Loop:
    domain = after.pop(0)
    condition = after.pop(0) if loop.condition is not None else None
    result = after.pop(0) if loop.result is not None else None
    return replace(loop, range=domain, condition=condition, result=result)


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and every node below it, parents first."""
    yield node
    for below in children(node):
        yield from walk(below)


def mentions_of(tree: Node) -> tuple[Mention, ...]:
    """Return what a tree reads or asks for, each once, in order of appearance."""
    found = (node.mention for node in walk(tree) if isinstance(node, Read | Has))
    return tuple(dict.fromkeys(found))


def size_of(tree: Node) -> int:
    """Return the number of nodes."""
    return sum(1 for _ in walk(tree))


def conjuncts(tree: Node) -> tuple[Node, ...]:
    """Return the operands of && at the top of a tree, or the tree alone.

    A rule that requires `a && b` may ask them one by one. If it denies what is unknown, it denies unless all are
    true, and that is so if any one is not true. If it allows what is unknown, it denies only if the whole is false,
    and CEL makes the whole false exactly if any one is false, even beside an error. So the rule denies exactly
    if it denies for any one of its operands, each held to the same mode.
    """
    return tree.operands if isinstance(tree, And) else (tree,)


def disjuncts(tree: Node) -> tuple[Node, ...]:
    """Return the operands of || at the top of a tree, or the tree alone.

    By the mirror image of the argument for conjuncts(), what acts when `a || b` holds (or, failing closed, when
    it is unknown) acts exactly if it acts for any one of the operands.
    """
    return tree.operands if isinstance(tree, Or) else (tree,)
