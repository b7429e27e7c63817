"""Python code for trees.

The code of a tree is one expression. Its value is the tree's, or an Unevaluable. Where types are known it uses
Python's own operators; everything else goes through functions that look at their arguments.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

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
from nextbest_rules.cel.values import Mention, Unevaluable
from nextbest_rules.records import RECORDS

_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_MAX_DEPTH: Final = 40
"""Python limits how deep brackets may stand in each other: code deeper than this becomes a function of its own."""
_MACROS: Final = {Macro.ALL: loops.every, Macro.EXISTS: loops.exists, Macro.EXISTS_ONE: loops.exists_one}


@dataclass(frozen=True, slots=True)
class Code:
    """A Python expression for the value of a node.

    It may evaluate to an Unevaluable unless `total`. If `absent` is set, the text is the name of a variable that
    may hold no value, and `absent` the name of the Unevaluable to use in its stead.
    """

    text: str
    type: Type
    total: bool = False
    absent: str = ""
    depth: int = 1

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

        If there is a name for a root itself, such as Mention("facts"), then has(facts.x) is an error while that
        variable is UNKNOWN: nothing can be said of what cannot be read.
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

    def _bind(self, value: object, key: object) -> str:
        """Return the name of a global with this value; values with equal keys share one."""
        if key not in self._known:
            self._known[key] = f"_c{len(self._known)}"
            self.constants[self._known[key]] = value
        return self._known[key]

    def _temporary(self) -> str:
        self._temporaries += 1
        return f"_t{self._temporaries}"

    def _missing(self, mention: Mention) -> str:
        return self._bind(Unevaluable(f"{mention} has no value", mention), ("missing", mention))

    def _code(self, node: Node, scope: Loops) -> Code:
        code = self._write(node, scope)
        return self._apart(code, scope) if code.depth > _MAX_DEPTH else code

    def _apart(self, code: Code, scope: Loops) -> Code:
        """Move code into a function of its own."""
        own = {*self._names.values(), *(f"_x{number}" for number in scope)}
        names = ", ".join(sorted(own.intersection(_NAME.findall(code.value))))
        function = eval(f"lambda {names}: {code.value}", self.constants)  # noqa: S307 -- our own code
        return replace(code, text=f"{self._bind(function, object())}({names})", absent="", depth=1)

    def _write(self, node: Node, scope: Loops) -> Code:
        match node:
            case Constant(kind, value):
                return Code(self._literal(node, value), kind, total=True)
            case Read(mention, kind):
                return self._read(mention, kind)
            case Has(mention):
                return self._has(mention)
            case Missing(mention):
                return Code(self._missing(mention), DYN)
            case Local(number):
                return Code(f"_x{number}", scope[number], total=True)
            case And(operands):
                return self._logic([self._code(operand, scope) for operand in operands], decisive=False)
            case Or(operands):
                return self._logic([self._code(operand, scope) for operand in operands], decisive=True)
            case Choice():
                return self._choice(node, scope)
            case Call():
                return self._call(node, scope)
            case Select(operand, field):
                return self._select(self._code(operand, scope), field)
            case Presence(operand, field):
                return self._presence(self._code(operand, scope), field)
            case ListLiteral() | MapLiteral():
                return self._container(node, scope)
            case Loop():
                return self._loop(node, scope)

    def _literal(self, key: Node, value: object) -> str:
        """Return a constant's text. Only numbers and bools are written out; all else is bound to a name."""
        if value.__class__ in (bool, int) or (isinstance(value, float) and math.isfinite(value)):
            return f"({value!r})"
        return self._bind(value, key)

    def _read(self, mention: Mention, kind: Type) -> Code:
        if mention.root == "action" and mention not in self._names:
            return Code(self._missing(mention), kind)
        return Code(self._names[mention], kind, absent=self._missing(mention))

    def _has(self, mention: Mention) -> Code:
        if mention.root == "action" and mention not in self._names:
            return Code("(False)", BOOL, total=True)
        present = f"({self._names[mention]} is not None)"
        root = Mention(mention.root)
        if root not in self._names:
            return Code(present, BOOL, total=True)
        return Code(f"({present} if {self._names[root]} is not None else {self._missing(root)})", BOOL)

    def _logic(self, operands: list[Code], *, decisive: bool) -> Code:
        """Write && (where False decides) or ||: a decisive operand outweighs those that cannot be evaluated."""
        tests: list[str] = []
        unsettled: list[str] = []
        for code in map(self._as_bool, operands):
            if code.total:
                tests.append(code.text if decisive else f"not {code.text}")
            else:
                unsettled.append(self._temporary())
                tests.append(f"({unsettled[-1]} := {code.value}) is {decisive}")
        rest = [f"{name} if {name} is not {not decisive} else " for name in unsettled[:-1]]
        text = f"({decisive} if {' or '.join(tests)} else {''.join(rest)}{(unsettled or [not decisive])[-1]})"
        return Code(text, BOOL, not unsettled, depth=_below(operands))

    def _as_bool(self, code: Code) -> Code:
        if code.type == BOOL:
            return code
        return Code(f"{self._bind(loops.as_bool, loops.as_bool)}({code.value})", BOOL, depth=code.depth + 1)

    def _choice(self, node: Choice, scope: Loops) -> Code:
        condition, *branches = (
            self._code(below, scope) for below in (node.condition, node.then, node.otherwise)
        )
        condition = self._as_bool(condition)
        then, otherwise = (branch.value for branch in branches)
        if condition.total:
            text = f"({then} if {condition.text} else {otherwise})"
        else:
            name = self._temporary()
            text = f"({then} if ({name} := {condition.value}) is True else {otherwise} if {name} is False else {name})"
        total = condition.total and all(branch.total for branch in branches)
        return Code(
            text, common(branch.type for branch in branches), total, depth=_below([condition, *branches])
        )

    def _call(self, node: Call, scope: Loops) -> Code:
        codes = [self._code(argument, scope) for argument in node.arguments]
        types = tuple(code.type for code in codes)
        if shortcut := find_shortcut(node, types):
            return self._short(shortcut, codes)
        overload = overload_for(node.function, types)
        if overload is None:
            result = result_of(node.function, types)
            return self._helper(dispatcher(node.function), codes, result, node.function)
        if overload.template:
            return self._strict(overload.template, codes, overload.result, total=True)
        name = self._bind(overload.run, overload.run)
        places = ", ".join(f"{{{place}}}" for place in range(len(codes)))
        return self._strict(f"{name}({places})", codes, overload.result, total=False)

    def _short(self, shortcut: Shortcut, codes: list[Code]) -> Code:
        constant = self._literal(*shortcut.constant) if shortcut.constant else ""
        return self._strict(shortcut.template.replace("{c}", constant), codes, BOOL, total=True)

    def _helper(self, function: object, codes: list[Code], result: Type, key: object) -> Code:
        """Write a call of a function that passes on an Unevaluable itself."""
        arguments = ", ".join(code.value for code in codes)
        return Code(f"{self._bind(function, ('helper', key))}({arguments})", result, depth=_below(codes))

    def _strict(self, template: str, codes: list[Code], result: Type, *, total: bool) -> Code:
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
            return Code(text, result, total, depth=_below(codes))
        failed = "".join(f"{name} if {test} else " for test, name in failures[:-1]) + failures[-1][1]
        return Code(f"({text} if {' and '.join(checks)} else {failed})", result, depth=_below(codes))

    def _select(self, operand: Code, field: str) -> Code:
        declared = RECORDS.get(operand.type.name, {}).get(field)
        result = field_of(operand.type, field)
        if declared is None:
            return self._with_field(containers.select, operand, field, result)
        attribute = f"{{0}}.{declared.attribute}"
        if result != TIMESTAMP:
            return self._strict(attribute, [operand], result, total=True)
        convert = self._bind(timestamp_of_ms, timestamp_of_ms)
        return self._strict(f"{convert}({attribute})", [operand], result, total=False)

    def _presence(self, operand: Code, field: str) -> Code:
        declared = RECORDS.get(operand.type.name, {}).get(field)
        if declared is None:
            return self._with_field(containers.has_field, operand, field, BOOL)
        return self._strict(f"({{0}}.{declared.attribute} is not None)", [operand], BOOL, total=True)

    def _with_field(self, function: object, operand: Code, field: str, result: Type) -> Code:
        name = Code(self._bind(field, ("field", field)), DYN, total=True)
        return self._helper(function, [operand, name], result, function)

    def _container(self, node: ListLiteral | MapLiteral, scope: Loops) -> Code:
        is_list = isinstance(node, ListLiteral)
        below = node.elements if is_list else _entries(node)
        codes = [self._code(item, scope) for item in below]
        kind = list_of(common(code.type for code in codes)) if is_list else MAP
        if (value := value_of(node)) is not None:
            return Code(self._bind(value, node), kind, total=True)
        make = containers.make_list if is_list else containers.make_map
        return self._helper(make, codes, kind, make)

    def _loop(self, node: Loop, scope: Loops) -> Code:
        values = self._code(node.range, scope)
        inside = {**scope, node.variable.number: element_of(values.type)}
        below = [self._code(part, inside) for part in (node.result, node.condition) if part is not None]
        function = _MACROS.get(node.macro, loops.collect)
        asked = "".join(f", lambda _x{node.variable.number}: {code.value}" for code in below)
        kind = list_of(below[0].type) if node.macro is Macro.MAP else BOOL
        text = f"{self._bind(function, function)}({values.value}{asked})"
        return Code(text, kind, depth=_below([values, *below]))


def _entries(node: MapLiteral) -> list[Node]:
    return [item for pair in zip(node.keys, node.values, strict=True) for item in pair]


def _below(codes: list[Code]) -> int:
    return 1 + max((code.depth for code in codes), default=0)
