"""Random CEL: expressions of the supported subset, and values for what they read.

A sentence is of a known type for most of its length; dyn() and values of unexpected types see to it that
operations meet operands they do not take. Literals and values are chosen to be awkward.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from cel_literals import CONVERSIONS, KEYS, LITERALS, NUMBERS, ORDERED, PATTERNS, SCALARS, TIME_PARTS, ZONES

T = TypeVar("T")


@dataclass
class Sentences:
    """Makes sentences over variables, whose texts it has by type.

    Lists have the type `list:` and that of their elements. `fields` are what has() may ask for.
    """

    random: Random
    variables: dict[str, list[str]]
    fields: list[str] = field(default_factory=list)
    loops: int = 0

    def of(self, kind: str, depth: int) -> str:
        """Return an expression that is of a type unless something in it is not what it seems."""
        roll = self.random.random()
        if roll < 0.04:
            return f"dyn({self.of(self.pick(SCALARS), depth - 1)})"
        if depth <= 0 or roll < 0.16:
            return self.leaf(kind)
        if roll < 0.22:
            return f"({self.of('bool', depth - 1)} ? {self.typed(kind, depth)} : {self.typed(kind, depth)})"
        if kind.startswith("list:"):
            return self.list_of(kind.removeprefix("list:"), depth)
        return self.pick(PRODUCTIONS[kind])(self, depth - 1)

    def typed(self, kind: str, depth: int) -> str:
        """Return an expression that every checker takes for the type: branches of a choice must agree."""
        return f"dyn({self.of(kind, depth - 1)})"

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return self.random.choice(choices)

    def leaf(self, kind: str) -> str:
        """Return a variable or a literal."""
        known = self.variables.get(kind, [])
        if known and self.random.random() < 0.65:
            return self.pick(known)
        if kind.startswith("list:"):
            inner = kind.removeprefix("list:")
            return f"[{', '.join(self.leaf(inner) for _ in range(self.random.randrange(4)))}]"
        if kind == "map":
            return self.map(0)
        return self.pick(LITERALS[kind])

    def list_of(self, kind: str, depth: int) -> str:
        """Return a list."""
        roll = self.random.random()
        if roll < 0.35:
            return f"[{', '.join(self.of(kind, depth - 1) for _ in range(self.random.randrange(4)))}]"
        if roll < 0.5:
            return f"({self.of('list:' + kind, depth - 1)} + {self.of('list:' + kind, depth - 1)})"
        if self.loops == 3:
            return self.leaf("list:" + kind)
        if roll < 0.75:
            return self.loop("filter", kind, lambda: self.of("bool", depth - 1), depth)
        if roll < 0.9:
            return self.loop("map", self.pick(SCALARS), lambda: self.of(kind, depth - 1), depth)
        both = lambda: f"{self.of('bool', depth - 1)}, {self.of(kind, depth - 1)}"  # noqa: E731
        return self.loop("map", self.pick(SCALARS), both, depth)

    def loop(self, macro: str, kind: str, body: Callable[[], str], depth: int) -> str:
        """Return a macro over a list; its variable may hide another of the same name."""
        values = self.of("list:" + kind, depth - 1)
        name = self.pick(["x", "y", "z", "e"])
        hidden = {of: [text for text in texts if text != name] for of, texts in self.variables.items()}
        hidden[kind] = [*hidden.get(kind, []), name, name, name]
        outside, self.variables = self.variables, hidden
        self.loops += 1
        text = f"{values}.{macro}({name}, {body()})"
        self.loops -= 1
        self.variables = outside
        return text

    def map(self, depth: int) -> str:
        """Return a map literal."""
        kind = self.pick(KEYS)
        keys = self.random.sample(LITERALS[kind], self.random.randrange(min(3, len(LITERALS[kind]) + 1)))
        if self.random.random() < 0.2:
            keys = [f"dyn({key})" for key in keys]
        return f"{{{', '.join(f'{key}: dyn({self.of(self.pick(SCALARS), depth)})' for key in keys)}}}"


def _logic(make: Sentences, depth: int) -> str:
    operator = make.pick(["&&", "||"])
    return f"({f' {operator} '.join(make.of('bool', depth) for _ in range(make.pick([2, 2, 2, 3, 4])))})"


def _comparison(make: Sentences, depth: int) -> str:
    kind = make.pick(ORDERED)
    left, right = (make.pick(NUMBERS), make.pick(NUMBERS)) if make.random.random() < 0.35 else (kind, kind)
    return f"({make.of(left, depth)} {make.pick(['<', '<=', '>', '>=', '==', '!='])} {make.of(right, depth)})"


def _equality(make: Sentences, depth: int) -> str:
    kinds = (*SCALARS, "map", "list:int", "list:double", "list:string")
    left = make.pick(kinds)
    right = left if make.random.random() < 0.7 else make.pick(kinds)
    return f"(dyn({make.of(left, depth)}) {make.pick(['==', '!='])} dyn({make.of(right, depth)}))"


def _membership(make: Sentences, depth: int) -> str:
    kind = make.pick(SCALARS)
    roll = make.random.random()
    if roll < 0.2:
        return f"(dyn({make.leaf(make.pick((*KEYS, 'double')))}) in {make.of('map', depth)})"
    if roll < 0.4:
        return (
            f"(dyn({make.of(make.pick(NUMBERS), depth)}) in {make.of('list:' + make.pick(NUMBERS), depth)})"
        )
    return f"({make.of(kind, depth)} in {make.of('list:' + kind, depth)})"


def _quantifier(make: Sentences, depth: int) -> str:
    if make.loops == 3:
        return make.leaf("bool")
    macro = make.pick(["all", "exists", "exists", "exists_one"])
    if make.random.random() < 0.15:
        return f"{make.map(depth)}.{macro}(k, dyn(k) == dyn({make.leaf(make.pick(KEYS))}))"
    return make.loop(macro, make.pick(SCALARS), lambda: make.of("bool", depth), depth)


def _quantifier_over_anything(make: Sentences, depth: int) -> str:
    """Ask something that fails for some elements and not for others."""
    elements = ", ".join(
        f"dyn({make.of(make.pick(SCALARS), depth - 1)})" for _ in range(make.pick([2, 3, 4]))
    )
    asked = make.pick(["x", "!x", "4 / x > 1", "x > 1", "x < 'b'", "x.size() == 1", "x in [1, 0]"])
    return f"[{elements}].{make.pick(['all', 'exists', 'exists_one'])}(x, {asked})"


def _text_test(make: Sentences, depth: int) -> str:
    function = make.pick(["contains", "startsWith", "endsWith", "matches"])
    argument = make.pick(PATTERNS) if function == "matches" else make.of("string", depth)
    return f"{make.of('string', depth)}.{function}({argument})"


def _presence(make: Sentences, depth: int) -> str:
    if make.fields and make.random.random() < 0.7:
        return f"has({make.pick(make.fields)})"
    return f"has({make.map(depth)}.{make.pick(['a', 'b', 'ab'])})"


def _binary(kind: str, operators: str) -> Callable[[Sentences, int], str]:
    return lambda make, depth: f"({make.of(kind, depth)} {make.pick(operators)} {make.of(kind, depth)})"


def _converted(kind: str) -> Callable[[Sentences, int], str]:
    return lambda make, depth: f"{kind}({make.of(make.pick(CONVERSIONS[kind]), depth)})"


def _text(make: Sentences, depth: int) -> str:
    """Convert to text, but no NaN: its sign is up to the machine."""
    kind = make.pick(CONVERSIONS["string"])
    value = make.of(kind, depth)
    return f"({value} == {value} ? string({value}) : '?')" if kind == "double" else f"string({value})"


def _converted_value(kind: str) -> Callable[[Sentences, int], str]:
    """Convert what no checker knows the type of: it would refuse texts that mean nothing."""
    return lambda make, depth: f"{kind}(dyn({make.of(make.pick(CONVERSIONS[kind]), depth)}))"


def _element(kind: str) -> Callable[[Sentences, int], str]:
    def element(make: Sentences, depth: int) -> str:
        index = make.pick(["0", "1", "2", "-1", "dyn(1.0)", "dyn(1u)", "dyn(0.5)", "dyn(-0.0)"])
        if make.random.random() < 0.3:
            return f"{make.of('map', depth)}[dyn({make.leaf(make.pick(KEYS))})]"
        return f"{make.of('list:' + kind, depth)}[{index}]"

    return element


def _size(make: Sentences, depth: int) -> str:
    kind = make.pick(["string", "bytes", "map", "list:int", "list:string"])
    value = make.of(kind, depth)
    return f"size({value})" if make.random.random() < 0.5 else f"{value}.size()"


def _time_part(make: Sentences, depth: int) -> str:
    time = make.of("timestamp", depth)
    roll = make.random.random()
    if roll < 0.3:
        return f"{make.of('duration', depth)}.{make.pick(TIME_PARTS[-4:])}()"
    zone = "" if roll < 0.6 else make.pick(ZONES) if roll < 0.95 else f"dyn({make.leaf('string')})"
    return f"{time}.{make.pick(TIME_PARTS)}({zone})"


def _negation(make: Sentences, depth: int) -> str:
    return f"!{make.of('bool', depth)}"


def _type_test(make: Sentences, depth: int) -> str:
    kind = make.pick(["int", "string", "null_type", "double", "google.protobuf.Duration"])
    return f"(type(dyn({make.of(make.pick(SCALARS), depth)})) == {kind})"


def _shifted(make: Sentences, depth: int) -> str:
    return f"({make.of('timestamp', depth)} {make.pick('+-')} {make.of('duration', depth)})"


def _between(make: Sentences, depth: int) -> str:
    return f"({make.of('timestamp', depth)} - {make.of('timestamp', depth)})"


PRODUCTIONS: dict[str, list[Callable[[Sentences, int], str]]] = {
    "bool": [
        *(_logic, _logic, _logic, _comparison, _comparison, _comparison, _equality, _membership, _quantifier),
        _quantifier_over_anything,
        *(_text_test, _presence, _negation, _type_test, _converted("bool")),
    ],
    "int": [
        _binary("int", "+-*/%"),
        _binary("int", "+-*/%"),
        _converted("int"),
        _element("int"),
        _size,
        _time_part,
        lambda make, depth: f"-({make.of('int', depth)})",
    ],
    "uint": [_binary("uint", "+-*/%"), _converted("uint"), _element("uint")],
    "double": [
        _binary("double", "+-*/"),
        _binary("double", "+-*/"),
        _converted("double"),
        lambda make, depth: f"-({make.of('double', depth)})",
    ],
    "string": [_binary("string", "+"), _text, _text, _element("string")],
    "bytes": [_binary("bytes", "+"), _converted("bytes")],
    "null": [lambda make, _depth: make.leaf("null")],
    "timestamp": [_shifted, _shifted, _converted_value("timestamp")],
    "duration": [_binary("duration", "+-"), _between, _converted_value("duration")],
    "map": [Sentences.map],
}
