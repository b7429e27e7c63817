"""Python code for trees.

The code of a tree is one expression. Its value is the tree's, or an Unevaluable. Where types are known it
uses Python's own operators; everything else goes through functions that look at their arguments.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from nextbest_rules.cel import containers, loops
from nextbest_rules.cel.folding import value_of
from nextbest_rules.cel.functions import dispatcher, overload_for
from nextbest_rules.cel.inference import Loops, common, element_of, field_of, result_of
from nextbest_rules.cel.kinds import BOOL, DYN, MAP, TIMESTAMP, Kind, Type, list_of
from nextbest_rules.cel.nodes import (
    And,
    Call,
    Choice,
    Constant,
    Has,
    ListLiteral,
    Local,
    Loop,
    Macro,
    MapLiteral,
    Missing,
    Node,
    Or,
    Presence,
    Read,
    Select,
)
from nextbest_rules.cel.shortcuts import Shortcut, find_shortcut
from nextbest_rules.cel.times import timestamp_of_ms
from nextbest_rules.cel.values import Mention, Unevaluable, members, readable
from nextbest_rules.records import RECORDS

_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_MAX_DEPTH: Final = 40
"""Python limits how deep brackets may stand in each other: deeper code becomes a function of its own."""
_MACROS: Final[dict[Macro, Callable[..., object]]] = {
    Macro.ALL: loops.every,
    Macro.EXISTS: loops.exists,
    Macro.EXISTS_ONE: loops.exists_one,
    Macro.MAP: loops.collect,
}


@dataclass(frozen=True, slots=True)
class Code:
    """A Python expression for the value of a node.

    It may evaluate to an Unevaluable unless it is `total`. If `absent` is set, the text is the name of a
    variable that may hold no value, and `absent` the name of the Unevaluable to use in its stead. Where all
    `checks` hold, the value is simply that of `checked`.
    """

    text: str
    type: Type
    total: bool = False
    absent: str = ""
    depth: int = 1
    checks: tuple[str, ...] = ()
    checked: str = ""

    @property
    def value(self) -> str:
        """The expression with nothing more to check but whether it is an Unevaluable."""
        return f"({self.text} if {self.text} is not None else {self.absent})" if self.absent else self.text


class CodeWriter:
    """Writes expressions over local variables that hold the values of mentions.

    Expressions of one writer may share a function. Names that begin with an underscore are the writer's own.
    """

    def __init__(self, names: Mapping[Mention, str]) -> None:
        """Take the name of the local variable for each mention.

        If there is a name for `readable(mention)`, then has() of the mention is an error while that variable
        is UNKNOWN: nothing can be said of what cannot be read. If there is one for `members(mention)`, texts
        are looked for in that set rather than in the list.
        """
        self.constants: dict[str, object] = {"_U": Unevaluable}
        """The globals that the expressions need."""
        self._names = names
        self._known: dict[object, str] = {}
        self._temporaries = 0

    def expression(self, tree: Node, wants: Kind | None = Kind.BOOL) -> str:
        """Return a Python expression that yields the tree's value or an Unevaluable.

        Values of another kind than the wanted one are Unevaluable too; None wants any.

        Raises:
            KeyError: a mention has no name, and is no attribute of an action.
        """
        code = self._code(tree, {})
        if wants is None or code.type in wants.types:
            return code.value
        return f"{self._bind(loops.as_kind(wants), ('kind', wants))}({code.value})"

    def decides(self, tree: Node, *, answer: bool) -> str:
        """Return a Python expression that is true exactly if the value of the tree is `answer`.

        It is cheaper than `expression`, as it need not tell the opposite from what cannot be evaluated: && is
        true if all its operands are, and false if any one is, whatever becomes of the others; || mirrors it.

        Raises:
            KeyError: a mention has no name, and is no attribute of an action.
        """
        match tree:
            case And(operands) | Or(operands):
                word = " and " if isinstance(tree, And) is answer else " or "
                return f"({word.join(self.decides(operand, answer=answer) for operand in operands)})"
            case Call("!_", (operand,)):
                return self.decides(operand, answer=not answer)
        code = self._as_bool(self._code(tree, {}))
        if code.checks:
            return f"({' and '.join(code.checks)} and {'' if answer else 'not '}{code.checked})"
        if code.total:
            return code.text if answer else f"(not {code.text})"
        return f"({code.text if code.absent else code.value} is {answer})"

    def _bind(self, value: object, key: object) -> str:
        """Return the name of a global with this value; values with equal keys share one."""
        if key not in self._known:
            self._known[key] = f"_c{len(self._known)}"
            self.constants[self._known[key]] = value
        return self._known[key]

    def _function(self, function: Callable[..., object]) -> str:
        return self._bind(function, function)

    def _temporary(self) -> str:
        self._temporaries += 1
        return f"_t{self._temporaries}"

    def _without(self, mention: Mention) -> str:
        """Return the name of what stands in for a mention without a value."""
        return self._bind(Unevaluable(f"{mention} has no value", mention), ("missing", mention))

    def _code(self, node: Node, scope: Loops) -> Code:
        code = self._WRITERS[type(node)](self, node, scope)
        return self._apart(code, scope) if code.depth > _MAX_DEPTH else code

    def _apart(self, code: Code, scope: Loops) -> Code:
        """Move code into a function of its own."""
        own = {*self._names.values(), *map(_variable, scope)}
        names = ", ".join(sorted(own.intersection(_NAME.findall(code.value))))
        function = eval(f"lambda {names}: {code.value}", self.constants)  # noqa: S307 -- code from this class
        return replace(code, text=f"{self._function(function)}({names})", absent="", depth=1)

    def _constant(self, node: Constant, _scope: Loops) -> Code:
        return Code(self._literal(node, node.value), node.type, total=True)

    def _literal(self, key: Node, value: object) -> str:
        """Return a constant's text. Only numbers and bools are written out; all else is bound to a name."""
        if value.__class__ in (bool, int) or (isinstance(value, float) and math.isfinite(value)):
            return f"({value!r})"
        return self._bind(value, key)

    def _read(self, node: Read, _scope: Loops) -> Code:
        absent = self._without(node.mention)
        if self._is_unbound(node.mention):
            return Code(absent, node.type)
        return Code(self._names[node.mention], node.type, absent=absent)

    def _is_unbound(self, mention: Mention) -> bool:
        return mention.root == "action" and mention not in self._names

    def _has(self, node: Has, _scope: Loops) -> Code:
        if self._is_unbound(node.mention):
            return Code("(False)", BOOL, total=True)
        present = f"({self._names[node.mention]} is not None)"
        gate = self._names.get(readable(node.mention))
        if gate is None:
            return Code(present, BOOL, total=True)
        return Code(f"({self._without(node.mention)} if {gate} is None else {present})", BOOL)

    def _missing(self, node: Missing, _scope: Loops) -> Code:
        return Code(self._without(node.mention), DYN)

    def _local(self, node: Local, scope: Loops) -> Code:
        return Code(_variable(node.number), scope[node.number], total=True)

    def _and(self, node: And, scope: Loops) -> Code:
        return self._logic(node, scope, decisive=False)

    def _or(self, node: Or, scope: Loops) -> Code:
        return self._logic(node, scope, decisive=True)

    def _logic(self, node: And | Or, scope: Loops, *, decisive: bool) -> Code:
        """Write && (where False decides) or ||. A decisive operand outweighs those that fail."""
        operands = [self._as_bool(self._code(operand, scope)) for operand in node.operands]
        tests: list[str] = []
        unsettled: list[str] = []
        for code in operands:
            if code.total:
                tests.append(code.text if decisive else f"not {code.text}")
            else:
                unsettled.append(self._temporary())
                tests.append(f"({unsettled[-1]} := {code.value}) is {decisive}")
        rest = "".join(f"{name} if {name} is not {not decisive} else " for name in unsettled[:-1])
        last = unsettled[-1] if unsettled else str(not decisive)
        text = f"({decisive} if {' or '.join(tests)} else {rest}{last})"
        return Code(text, BOOL, not unsettled, depth=_around(operands))

    def _as_bool(self, code: Code) -> Code:
        if code.type == BOOL:
            return code
        return Code(f"{self._function(loops.as_bool)}({code.value})", BOOL, depth=_around([code]))

    def _choice(self, node: Choice, scope: Loops) -> Code:
        condition = self._as_bool(self._code(node.condition, scope))
        branches = [self._code(node.then, scope), self._code(node.otherwise, scope)]
        then, otherwise = (branch.value for branch in branches)
        if condition.total:
            text = f"({then} if {condition.text} else {otherwise})"
        else:
            name = self._temporary()
            first = f"({name} := {condition.value}) is True"
            text = f"({then} if {first} else {otherwise} if {name} is False else {name})"
        total = condition.total and all(branch.total for branch in branches)
        return Code(
            text, common(branch.type for branch in branches), total, depth=_around([condition, *branches])
        )

    def _call(self, node: Call, scope: Loops) -> Code:
        codes = [self._code(argument, scope) for argument in node.arguments]
        if node.function == "@in":
            codes[1] = self._indexed(node.arguments[1], codes[1])
        types = tuple(code.type for code in codes)
        if shortcut := find_shortcut(node, types):
            return self._short(shortcut, codes)
        overload = overload_for(node.function, types)
        if overload is None:
            return self._helper(dispatcher(node.function), codes, result_of(node.function, types))
        if overload.template:
            return self._strict(overload.template, codes, overload.result, total=True)
        places = ", ".join(f"{{{place}}}" for place in range(len(codes)))
        return self._strict(f"{self._function(overload.run)}({places})", codes, overload.result)

    def _indexed(self, node: Node, code: Code) -> Code:
        """Look for texts in the set of a list's elements, if there is one."""
        name = self._names.get(members(node.mention)) if isinstance(node, Read) else None
        return code if name is None else replace(code, text=name)

    def _short(self, shortcut: Shortcut, codes: list[Code]) -> Code:
        constant = self._literal(*shortcut.constant) if shortcut.constant else ""
        return self._strict(shortcut.template.replace("{c}", constant), codes, BOOL, total=True)

    def _helper(self, function: Callable[..., object], codes: list[Code], result: Type) -> Code:
        """Write a call of a function that passes on an Unevaluable itself."""
        arguments = ", ".join(code.value for code in codes)
        return Code(f"{self._function(function)}({arguments})", result, depth=_around(codes))

    def _strict(self, template: str, codes: list[Code], result: Type, *, total: bool = False) -> Code:
        """Write an operation on values, after a check that all of them are there."""
        texts: list[str] = []
        checks: list[str] = []
        failures: list[tuple[str, str]] = []
        for code in codes:
            texts.append(code.text if code.total or code.absent else self._temporary())
            if code.absent:
                checks.append(f"{code.text} is not None")
                failures.append((f"{code.text} is None", code.absent))
            elif not code.total:
                checks.append(f"({texts[-1]} := {code.text}).__class__ is not _U")
                failures.append((f"{texts[-1]}.__class__ is _U", texts[-1]))
        text = template.format(*texts)
        if not checks:
            return Code(text, result, total, depth=_around(codes))
        failed = "".join(f"{name} if {test} else " for test, name in failures[:-1]) + failures[-1][1]
        return Code(
            f"({text} if {' and '.join(checks)} else {failed})",
            result,
            depth=_around(codes),
            checks=tuple(checks) if total else (),
            checked=f"({text})",
        )

    def _select(self, node: Select, scope: Loops) -> Code:
        operand = self._code(node.operand, scope)
        declared = RECORDS.get(operand.type.name, {}).get(node.field)
        result = field_of(operand.type, node.field)
        if declared is None:
            return self._helper(containers.select, [operand, self._field(node)], result)
        attribute = f"{{0}}.{declared.attribute}"
        if result != TIMESTAMP:
            return self._strict(attribute, [operand], result, total=True)
        return self._strict(f"{self._function(timestamp_of_ms)}({attribute})", [operand], result)

    def _presence(self, node: Presence, scope: Loops) -> Code:
        operand = self._code(node.operand, scope)
        declared = RECORDS.get(operand.type.name, {}).get(node.field)
        if declared is None:
            return self._helper(containers.has_field, [operand, self._field(node)], BOOL)
        return self._strict(f"({{0}}.{declared.attribute} is not None)", [operand], BOOL, total=True)

    def _field(self, node: Select | Presence) -> Code:
        return Code(self._bind(node.field, ("field", node.field)), DYN, total=True)

    def _list(self, node: ListLiteral, scope: Loops) -> Code:
        codes = [self._code(element, scope) for element in node.elements]
        return self._container(
            node, codes, containers.make_list, list_of(common(code.type for code in codes))
        )

    def _map(self, node: MapLiteral, scope: Loops) -> Code:
        codes = [self._code(item, scope) for item in node.children]
        return self._container(node, codes, containers.make_map, MAP)

    def _container(self, node: Node, codes: list[Code], make: Callable[..., object], kind: Type) -> Code:
        value = value_of(node)
        if value is not None:
            return Code(self._bind(value, node), kind, total=True)
        return self._helper(make, codes, kind)

    def _loop(self, node: Loop, scope: Loops) -> Code:
        values = self._code(node.range, scope)
        inside = {**scope, node.variable.number: element_of(values.type)}
        asked = self._code(node.asked, inside)
        codes = [asked] if node.chosen is None else [asked, self._code(node.chosen, inside)]
        functions = "".join(f", lambda {_variable(node.variable.number)}: {code.value}" for code in codes)
        kind = list_of(asked.type) if node.macro is Macro.MAP else BOOL
        text = f"{self._function(_MACROS[node.macro])}({values.value}{functions})"
        return Code(text, kind, depth=_around([values, *codes]))

    _WRITERS: ClassVar[dict[type, Callable[["CodeWriter", Any, Loops], Code]]] = {
        Constant: _constant,
        Read: _read,
        Has: _has,
        Missing: _missing,
        Local: _local,
        And: _and,
        Or: _or,
        Choice: _choice,
        Call: _call,
        Select: _select,
        Presence: _presence,
        ListLiteral: _list,
        MapLiteral: _map,
        Loop: _loop,
    }


def _variable(loop: int) -> str:
    return f"_x{loop}"


def _around(codes: Iterable[Code]) -> int:
    """Return the depth of what is written around codes."""
    return 1 + max((code.depth for code in codes), default=0)
