"""Every function on values of every type, against the reference engine."""

import itertools

import pytest
from cel_literals import LITERALS, PATTERNS, TIME_PARTS, ZONES
from cel_reference import FAILED, bound, our_answer, reference_answer

from nextbest_rules.cel import Mention, compile_function
from nextbest_rules.cel.environment import untyped_environment
from nextbest_rules.cel.evaluation import read_expression

CONTAINERS = [
    "[]",
    "[1, 2]",
    "[1.0, 0.0/0.0]",
    '["a"]',
    '{"a": 1}',
    "{1: 2}",
    "{true: false}",
    "{}",
]
UNARY = [
    *("-a", "!a", "size(a)", "a.size()", "type(a)", "dyn(a)", "a.a", "has(a.a)", "a ? 1 : 2"),
    *(f"{name}(a)" for name in ("int", "uint", "double", "string", "bytes", "bool", "timestamp", "duration")),
    *(f"a.{part}()" for part in TIME_PARTS),
    *(
        f"a.{macro}(x, {body})"
        for macro in ("all", "exists", "exists_one", "filter")
        for body in ("true", "x == 1")
    ),
    "a.map(x, [x])",
    "a.map(x, x == 1, x)",
]
BINARY = [
    *(
        f"a {operator} b"
        for operator in ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"]
    ),
    *(
        f"a.{name}(b)"
        for name in ("contains", "startsWith", "endsWith", "matches", "getHours", "getDayOfYear")
    ),
    "a[b]",
    "{1: a, true: b, 'a': 1}[a]",
    "{1: a, 7u: b} == {7: b, 1u: b}",
    "[a, b] == [b, a]",
    "a in [b]",
    "a ? b : 1",
    "[a].exists(x, b)",
    "[a, b].exists(x, x)",
    "[a, b].all(x, x)",
    "[a, b].exists_one(x, x)",
    "[a, b].map(x, x, 1)",
    "[a, b].exists(x, 4 / x > 1)",
    "[a, b].all(x, 4 / x > 1)",
    "[true, a].all(x, x) || b",
]
DURATIONS = [
    *(
        '""',
        '"0"',
        '"-0"',
        '"+1s"',
        '"1"',
        '"inf"',
        '"1d"',
        '" 1s"',
        '"1s "',
        '".5s"',
        '"5.s"',
        '".s"',
        '"1.999s"',
    ),
    *(
        '"-1h-1m"',
        '"1h1m1s1ms1us1ns"',
        '"315576000000.999999999s"',
        '"315576000001s"',
        '"-315576000001s"',
        '"1e3s"',
    ),
    *(
        '"9223372036854775808s"',
        '"1µs"',
        '"1H"',
        '"1.5.5s"',
        '"1h30"',
        '"--1s"',
        '"0.000000001s"',
        '"000001h"',
    ),
]
TIMESTAMPS = [
    f'"{text}"'
    for text in (
        *(
            "2020-01-01",
            "2020-01-01T00:00:00",
            "2020-01-01t00:00:00z",
            "2020-01-01 00:00:00Z",
            " 2020-01-01T00:00:00Z ",
        ),
        *("2020-1-1T0:0:0Z", "2020-01-01T00:00:60Z", "2020-01-01T23:59:60.5Z", "2020-01-01T00:00:61Z"),
        *("2020-01-01T24:00:00Z", "2020-02-30T00:00:00Z", "2019-02-29T00:00:00Z", "1900-02-29T00:00:00Z"),
        *("2000-02-29T00:00:00Z", "2020-13-01T00:00:00Z", "2020-00-01T00:00:00Z", "2020-01-00T00:00:00Z"),
        *(
            "2020-01-01T00:60:00Z",
            "2020-01-01T00:00:00.Z",
            "2020-01-01T00:00:00.1234567891Z",
            "20-01-01T00:00:00Z",
        ),
        *(
            "2020-01-01T00:00:00,5Z",
            "2020-01-01T00:00:00+01",
            "2020-01-01T00:00:00+0130",
            "2020-01-01T00:00:00+1:00",
        ),
        *("2020-01-01T00:00:00+24:00", "2020-01-01T00:00:00-23:59:59", "2020-01-01T00:00:00+01:60"),
        *("0000-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"),
        *(
            "10000-01-01T00:00:00+01:00",
            "10000-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
            "+2020-01-01T00:00:00Z",
        ),
        *(
            "2020-001-01T00:00:00Z",
            "2020-01-01T000:00:00Z",
            "2020-01-01T00:00:00ZZ",
            "20200101T000000Z",
            "infinite-past",
        ),
    )
]
NUMBERS = [
    f'"{text}"'
    for text in (
        *(
            "",
            " ",
            "+1",
            "--1",
            "+-1",
            "1_0",
            "1 2",
            "00012",
            "-0",
            "1.",
            ".5",
            ".",
            "1e",
            "1e5",
            "1E+2",
            "1,5",
            "\uff11",
        ),
        *(
            "0x",
            "0x1p3",
            "0X1.8",
            "-0x.8",
            "0x1p99999",
            "nan",
            "-NaN",
            "nan(1)",
            "infinity",
            "+INF",
            "1e999",
            "-1e999",
        ),
        *(
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "18446744073709551615",
            "\\n1\\t",
        ),
        *("18446744073709551616", "1e-400", "0b1", "True", "TRUE", "tRUE", "f", "0", "F", "yes"),
    )
]
DOUBLES = [
    *(
        "100000.0",
        "1000000.0",
        "999999.5",
        "9999995.0",
        "123456.7",
        "0.0001",
        "0.00001",
        "0.00012345",
        "1e21",
        "1e22",
    ),
    *(
        "1.7976931348623157e308",
        "-0.5",
        "-0.99",
        "0.99",
        "9223372036854775295.0",
        "-9223372036854774784.0",
        "2e-9",
    ),
    *(
        "18446744073709549568.0",
        "4.35",
        "1e23",
        "299792458.0",
        "12345678.9",
        "-1234567.0",
        "(-(0.0/0.0))",
        "33.3",
    ),
]
# The reference engine's Python binding cuts what it is given at a NUL.
SAMPLES = [
    *(
        literal
        for literals in LITERALS.values()
        for literal in literals
        if "0000" not in literal and "x00" not in literal
    ),
    *CONTAINERS,
]
# Of the texts a few will do where all pairs are tried.
PAIRED = [literal for literal in SAMPLES if '"' not in literal or "(" in literal or literal in CONTAINERS]
PAIRED += [*LITERALS["string"][:6], *LITERALS["bytes"][:3], *PATTERNS[:3], *ZONES[:3]]


def values_of(literals: list[str]) -> list[object]:
    """Return what literals stand for."""
    return [compile_function(read_expression(literal, ()), {}, None)(()) for literal in literals]


def disagreements(source: str, values: list[tuple[object, ...]]) -> list[object]:
    """Return the values of a and b for which an expression differs, with both answers."""
    names = ("a", "b")[: len(values[0])]
    run = compile_function(
        read_expression(source, names), {Mention(name): at for at, name in enumerate(names)}, None
    )
    reference = untyped_environment(names).compile(source)
    found: list[object] = []
    for slots in values:
        ours = our_answer(run(slots))
        theirs = reference_answer(
            reference, {name: bound(value) for name, value in zip(names, slots, strict=True)}
        )
        if ours != theirs:
            found.append((slots, ours, theirs))
    return found


@pytest.mark.parametrize("source", UNARY)
def test_a_function_of_one_argument_agrees_on_every_value(source: str) -> None:
    literals = SAMPLES + DURATIONS + TIMESTAMPS + NUMBERS + DOUBLES
    assert disagreements(source, [(value,) for value in values_of(literals)]) == []


@pytest.mark.parametrize("source", BINARY)
def test_a_function_of_two_arguments_agrees_on_every_pair(source: str) -> None:
    values = values_of(PAIRED)
    assert disagreements(source, list(itertools.product(values, values))) == []


def test_the_samples_make_functions_fail_and_succeed() -> None:
    for source in ("a + b", "a < b", "a[b]", "a.getHours(b)"):
        names = {Mention("a"): 0, Mention("b"): 1}
        run = compile_function(read_expression(source, ("a", "b")), names, None)
        values = values_of(SAMPLES + ZONES)
        answers = [our_answer(run(pair)) for pair in itertools.product(values, values)]
        assert len(answers) - answers.count(FAILED) > 20
