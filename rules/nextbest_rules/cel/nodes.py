"""The nodes of a checked expression: immutable, and equal where they mean the same.

Macros are nodes, not the loops that CEL expands them to. Operands of && and || that stand in a row are one
node. Loop variables are numbered from the outside, so that their names make no difference.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from nextbest_rules.cel.kinds import STRING, Type, list_of
from nextbest_rules.cel.values import Mention


class Branchless:
    """A node with nothing below it. The others override both of these."""

    __slots__ = ()

    @property
    def children(self) -> tuple["Node", ...]:
        """The nodes right below."""
        return ()

    def with_children(self, children: tuple["Node", ...]) -> "Node":
        """Return the node with as many other nodes below it."""
        assert not children
        return self  # type: ignore[return-value]


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Branchless):
    """A value of a scalar type. 1, 1.0, 1u and true differ, as do 0.0 and -0.0."""

    type: Type
    value: object

    def _identity(self) -> tuple[Type, object]:
        return self.type, self.value.hex() if isinstance(self.value, float) else self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())


@dataclass(frozen=True, slots=True)
class Read(Branchless):
    """The value of a mention."""

    mention: Mention
    type: Type


@dataclass(frozen=True, slots=True)
class Has(Branchless):
    """Whether there is a value: has(facts.age)."""

    mention: Mention


@dataclass(frozen=True, slots=True)
class Missing(Branchless):
    """A mention that certainly has no value: an attribute that the action lacks."""

    mention: Mention


@dataclass(frozen=True, slots=True)
class Local(Branchless):
    """A loop variable. The outermost loop's has number 1."""

    number: int


@dataclass(frozen=True, slots=True)
class And:
    """Operands of &&: all of them true, or one false."""

    operands: tuple["Node", ...]

    @property
    def children(self) -> tuple["Node", ...]:
        """The operands."""
        return self.operands

    def with_children(self, children: tuple["Node", ...]) -> "And":
        """Return the node with other operands."""
        return And(children)


@dataclass(frozen=True, slots=True)
class Or:
    """Operands of ||: one of them true, or all false."""

    operands: tuple["Node", ...]

    @property
    def children(self) -> tuple["Node", ...]:
        """The operands."""
        return self.operands

    def with_children(self, children: tuple["Node", ...]) -> "Or":
        """Return the node with other operands."""
        return Or(children)


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice: `condition ? then : otherwise`."""

    condition: "Node"
    then: "Node"
    otherwise: "Node"

    @property
    def children(self) -> tuple["Node", ...]:
        """The nodes right below."""
        return self.condition, self.then, self.otherwise

    def with_children(self, children: tuple["Node", ...]) -> "Choice":
        """Return the node with as many other nodes below it."""
        return Choice(*children)


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator, named as in CEL's syntax tree. A target is the first argument."""

    function: str
    arguments: tuple["Node", ...]

    @property
    def children(self) -> tuple["Node", ...]:
        """The nodes right below."""
        return self.arguments

    def with_children(self, children: tuple["Node", ...]) -> "Call":
        """Return the node with as many other nodes below it."""
        return Call(self.function, children)


@dataclass(frozen=True, slots=True)
class Select:
    """A field of a record or a map: `ticket.kind`."""

    operand: "Node"
    field: str

    @property
    def children(self) -> tuple["Node", ...]:
        """The nodes right below."""
        return (self.operand,)

    def with_children(self, children: tuple["Node", ...]) -> "Select":
        """Return the node with as many other nodes below it."""
        return Select(children[0], self.field)


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a record or a map has a field: has(ticket.closed_at)."""

    operand: "Node"
    field: str

    @property
    def children(self) -> tuple["Node", ...]:
        """The nodes right below."""
        return (self.operand,)

    def with_children(self, children: tuple["Node", ...]) -> "Presence":
        """Return the node with as many other nodes below it."""
        return Presence(children[0], self.field)


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """A list: `[a, b]`."""

    elements: tuple["Node", ...]

    @property
    def children(self) -> tuple["Node", ...]:
        """The nodes right below."""
        return self.elements

    def with_children(self, children: tuple["Node", ...]) -> "ListLiteral":
        """Return the node with as many other nodes below it."""
        return ListLiteral(children)


@dataclass(frozen=True, slots=True)
class MapLiteral:
    """A map: `{a: b}`."""

    entries: tuple[tuple["Node", "Node"], ...]

    @property
    def children(self) -> tuple["Node", ...]:
        """The keys and values in turn."""
        return tuple(node for entry in self.entries for node in entry)

    def with_children(self, children: tuple["Node", ...]) -> "MapLiteral":
        """Return the map of other keys and values."""
        return MapLiteral(tuple(zip(children[::2], children[1::2], strict=True)))


class Macro(StrEnum):
    """The loops of CEL."""

    ALL = "all"
    EXISTS = "exists"
    EXISTS_ONE = "exists_one"
    MAP = "map"


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop over a list or a map's keys.

    `asked` is the condition of all(), exists() and exists_one(), and what map() computes; `chosen` is the
    condition under which map() does, if there is one. filter() is a map() of elements to themselves.
    """

    macro: Macro
    variable: Local
    range: "Node"
    asked: "Node"
    chosen: "Node | None" = None

    @property
    def children(self) -> tuple["Node", ...]:
        """The range, what is asked and what chooses."""
        return (self.range, self.asked) if self.chosen is None else (self.range, self.chosen, self.asked)

    def with_children(self, children: tuple["Node", ...]) -> "Loop":
        """Return the loop with as many other nodes below it."""
        domain, *chosen, asked = children
        return Loop(self.macro, self.variable, domain, asked, chosen[0] if chosen else None)


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


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """Return the node with `change` made to each node right below: itself if that changes nothing."""
    before = node.children
    after = tuple(map(change, before))
    unchanged = all(new is old for new, old in zip(after, before, strict=True))
    return node if unchanged else node.with_children(after)


def walk(node: Node) -> Iterator[Node]:
    """Yield the node and every node below it, parents first."""
    yield node
    for below in node.children:
        yield from walk(below)


def mentions_of(tree: Node) -> tuple[Mention, ...]:
    """Return what a tree reads or asks for, each once, in order of appearance."""
    found = (node.mention for node in walk(tree) if isinstance(node, Read | Has))
    return tuple(dict.fromkeys(found))


def presences_of(tree: Node) -> frozenset[Mention]:
    """Return the mentions of which a tree asks whether they have a value."""
    return frozenset(node.mention for node in walk(tree) if isinstance(node, Has))


def searched_by(tree: Node) -> frozenset[Mention]:
    """Return the lists of texts in which a tree looks for something, as in `"a" in facts.tags`."""
    return frozenset(
        node.arguments[1].mention
        for node in walk(tree)
        if isinstance(node, Call) and node.function == "@in"
        if isinstance(node.arguments[1], Read) and node.arguments[1].type == list_of(STRING)
    )


def size_of(tree: Node) -> int:
    """Return the number of nodes."""
    return sum(1 for _ in walk(tree))


def conjuncts(tree: Node) -> tuple[Node, ...]:
    """Return the operands of && at the top of a tree, or the tree alone.

    A rule that requires `a && b` may ask them one by one. If it denies what is unknown, it denies unless all
    are true, and that is so if any one is not true. If it allows what is unknown, it denies only if the whole
    is false, and CEL makes the whole false exactly if any one is false, even beside an error. So the rule
    denies exactly if it denies for any one of its operands, each held to the same mode. What is neither a
    bool nor an error counts as unknown, alone as within &&.
    """
    return tree.operands if isinstance(tree, And) else (tree,)


def disjuncts(tree: Node) -> tuple[Node, ...]:
    """Return the operands of || at the top of a tree, or the tree alone.

    By the mirror image of the argument for conjuncts(), what acts when `a || b` holds (or, failing closed,
    when it is unknown too) acts exactly if it acts for any one of the operands.
    """
    return tree.operands if isinstance(tree, Or) else (tree,)
