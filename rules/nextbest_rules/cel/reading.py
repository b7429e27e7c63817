"""From the reference engine's syntax tree to nodes, refusing what has no node."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from nextbest_rules.cel.functions import FUNCTIONS, display_name
from nextbest_rules.cel.kinds import (
    BOOL,
    BYTES,
    DOUBLE,
    INT,
    NULL_TYPE,
    RECORD_TYPES,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    Type,
    list_of,
)
from nextbest_rules.cel.literals import literal_fault, outcome_fault
from nextbest_rules.cel.macros import recognise
from nextbest_rules.cel.nodes import (
    And,
    Call,
    Choice,
    Constant,
    Has,
    ListLiteral,
    Local,
    Loop,
    MapLiteral,
    Missing,
    Node,
    Or,
    Presence,
    Read,
    Select,
)
from nextbest_rules.cel.values import NULL, Mention, TypeValue, Uint, key_of
from nextbest_rules.cel.vocabulary import Names
from nextbest_rules.cel.wire import Expr, SyntaxTree, kind_of

MAX_LOOPS: Final = 3
"""How deep macros may stand in each other."""
HISTORY: Final = frozenset({"count", "last"})
_TEXTS: Final = 3
"""Functions over the history begin with an action, a channel and an outcome."""
_ALWAYS_THERE: Final = {"conditions": "a named condition", "segments": "a segment"}
_CONTACTS: Final = Read(Mention("contacts"), list_of(RECORD_TYPES["contact"]))
_NOW: Final = Read(Mention("now"), TIMESTAMP)
_PLACEHOLDER: Final = Missing(Mention(""))
_TYPES: Final = frozenset(
    {
        *("bool", "int", "uint", "double", "string", "bytes", "list", "map", "type", "null_type"),
        *("google.protobuf.Timestamp", "google.protobuf.Duration"),
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that an expression may not do. The offset counts characters from 0."""

    offset: int
    message: str


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call of a function over the history: action, channel and outcome, None where not written out.

    The offset of its place counts characters from 0.
    """

    function: str
    arguments: tuple[str | None, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class _Scope:
    """The loop variables around a node, by name."""

    loops: Mapping[str, Local] = field(default_factory=dict)

    def enter(self, name: str, variable: Local) -> "_Scope":
        return _Scope({**self.loops, name: variable})


@dataclass(slots=True)
class Reader:
    """Reads one tree. Refusals and calls of functions over the history gather as it goes."""

    names: Names
    tree: SyntaxTree
    refusals: list[Refusal] = field(default_factory=list)
    calls: list[FunctionCall] = field(default_factory=list)

    def read(self) -> Node:
        """Return the whole tree as nodes; it means nothing if there are refusals."""
        return self._node(self.tree.root, _Scope(), 0)

    def _refuse(self, node: Expr, message: str) -> Node:
        self.refusals.append(Refusal(self.tree.offsets.get(node.id, 0), message))
        return _PLACEHOLDER

    def _node(self, node: Expr, scope: _Scope, depth: int) -> Node:
        read = self._READERS.get(kind_of(node))
        if read is None:
            return self._refuse(node, "this kind of expression is not supported")
        return read(self, node, scope, depth)

    def _nodes(self, nodes: Iterator[Expr], scope: _Scope, depth: int) -> tuple[Node, ...]:
        return tuple(self._node(node, scope, depth) for node in nodes)

    def _constant(self, node: Expr, _scope: _Scope, _depth: int) -> Node:
        kind = node.const_expr.WhichOneof("kind")
        if kind == "null_value":
            return Constant(NULL_TYPE, NULL)
        value = getattr(node.const_expr, kind)
        return Constant(_CONSTANTS[kind], Uint(value) if kind == "uint64_value" else value)

    def _name(self, node: Expr, scope: _Scope, _depth: int) -> Node:
        name = node.ident_expr.name
        if name in scope.loops:
            return scope.loops[name]
        name = name.removeprefix(".")
        if name in self.names.variables:
            return Read(Mention(name), self.names.variables[name])
        if name in self.names.roots:
            return self._refuse(node, f"name one of the fields of '{name}', as in {name}.…")
        if name in _TYPES:
            return Constant(TYPE, TypeValue(name))
        return self._refuse(node, f"'{name}' is not supported")

    def _select(self, node: Expr, scope: _Scope, depth: int) -> Node:
        select = node.select_expr
        mention = self._mention(select, scope)
        if mention is None:
            operand = self._node(select.operand, scope, depth)
            return Presence(operand, select.field) if select.test_only else Select(operand, select.field)
        if not select.test_only:
            return Read(mention, self.names.roots[mention.root][mention.field])
        if mention.root in _ALWAYS_THERE:
            return self._refuse(node, f"{_ALWAYS_THERE[mention.root]} is always there: leave out has()")
        return Has(mention)

    def _mention(self, select: Expr, scope: _Scope) -> Mention | None:
        if kind_of(select.operand) != "ident_expr":
            return None
        name = select.operand.ident_expr.name
        if name in scope.loops or (root := name.removeprefix(".")) not in self.names.roots:
            return None
        return Mention(root, select.field)

    def _call(self, node: Expr, scope: _Scope, depth: int) -> Node:
        call = node.call_expr
        targets = [call.target] if call.HasField("target") else []
        arguments = self._nodes(iter([*targets, *call.args]), scope, depth)
        match call.function:
            case "_&&_":
                return And(arguments)
            case "_||_":
                return Or(arguments)
            case "_?_:_":
                return Choice(*arguments)
            case name if name in HISTORY and "contacts" in self.names.variables:
                return self._history(node, arguments)
            case name if name in FUNCTIONS:
                fault = literal_fault(name, arguments)
                return Call(name, arguments) if fault is None else self._refuse(call.args[-1], fault)
        return self._refuse(node, f"the function '{display_name(call.function)}' is not supported")

    def _history(self, node: Expr, arguments: tuple[Node, ...]) -> Node:
        function = node.call_expr.function
        texts = tuple(_written(argument) for argument in arguments[:_TEXTS])
        self.calls.append(FunctionCall(function, texts, self.tree.offsets.get(node.id, 0)))
        if fault := outcome_fault(texts[-1]):
            return self._refuse(node.call_expr.args[_TEXTS - 1], fault)
        now = (_NOW,) if len(arguments) > _TEXTS else ()
        return Call(function, (_CONTACTS, *now, *arguments))

    def _list(self, node: Expr, scope: _Scope, depth: int) -> Node:
        if node.list_expr.optional_indices:
            return self._refuse(node, "optional elements are not supported")
        return ListLiteral(self._nodes(node.list_expr.elements, scope, depth))

    def _map(self, node: Expr, scope: _Scope, depth: int) -> Node:
        entries = node.struct_expr.entries
        if node.struct_expr.message_name or not all(entry.HasField("map_key") for entry in entries):
            return self._refuse(node, "messages are not supported")
        if any(entry.optional_entry for entry in entries):
            return self._refuse(node, "optional entries are not supported")
        keys = [_key(self._node(entry.map_key, scope, depth)) for entry in entries]
        if fault := _fault_of_keys(keys):
            return self._refuse(node, fault)
        values = self._nodes((entry.value for entry in entries), scope, depth)
        return MapLiteral(tuple(zip(keys, values, strict=True)))

    def _loop(self, node: Expr, scope: _Scope, depth: int) -> Node:
        loop = node.comprehension_expr
        expansion = recognise(loop)
        if expansion is None:
            return self._refuse(node, "this macro is not supported")
        if depth == MAX_LOOPS:
            return self._refuse(node, f"more than {MAX_LOOPS} macros stand inside each other")
        if loop.iter_var in self.names.roots:
            self._refuse(node, f"'{loop.iter_var}' has a meaning of its own; rename the loop variable")
        variable = Local(depth + 1)
        inside = scope.enter(loop.iter_var, variable)
        domain = self._node(loop.iter_range, scope, depth)
        chosen = None if expansion.chosen is None else self._node(expansion.chosen, inside, depth + 1)
        return Loop(expansion.macro, variable, domain, self._node(expansion.asked, inside, depth + 1), chosen)

    _READERS: ClassVar[dict[str, Callable[["Reader", Expr, _Scope, int], Node]]] = {
        "const_expr": _constant,
        "ident_expr": _name,
        "select_expr": _select,
        "call_expr": _call,
        "list_expr": _list,
        "struct_expr": _map,
        "comprehension_expr": _loop,
    }


def _key(node: Node) -> Node:
    match node:
        case Call("dyn", (Constant() as key,)):
            return key
    return node


def _fault_of_keys(keys: list[Node]) -> str | None:
    """Return what is wrong with the keys of a map.

    Engines differ on keys that turn out to be equal, and on what follows, so all must be known beforehand.
    """
    values = [key.value for key in keys if isinstance(key, Constant) and key_of(key.value) is not None]
    if len(values) < len(keys):
        return "the keys of a map have to be strings, ints, uints or bools, and written out"
    # 1 and 1u are the same key to some engines.
    distinct = {(isinstance(value, bool), value) for value in values}
    return None if len(distinct) == len(values) else "a key stands twice in the map"


def _written(argument: Node) -> str | None:
    return str(argument.value) if isinstance(argument, Constant) else None


_CONSTANTS: Final[dict[str, Type]] = {
    "bool_value": BOOL,
    "int64_value": INT,
    "uint64_value": UINT,
    "double_value": DOUBLE,
    "string_value": STRING,
    "bytes_value": BYTES,
}
