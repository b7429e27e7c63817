"""Our evaluation against the reference engine's, on generated expressions and values."""

from random import Random

import pytest
from cel_literals import SCALARS
from cel_reference import FAILED, bound, our_answer, reference_answer
from cel_sentences import Sentences
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nextbest_rules.cel import Duration, ExpressionError, Mention, Timestamp, Uint, compile_function
from nextbest_rules.cel.environment import untyped_environment
from nextbest_rules.cel.evaluation import read_expression, to_cel

VARIABLES = {
    "bool": ["b", "c"],
    "int": ["i", "j", "m.n"],
    "uint": ["u"],
    "double": ["d", "f"],
    "string": ["s", "t", "m.text"],
    "bytes": ["y"],
    "null": ["o"],
    "timestamp": ["w", "v"],
    "duration": ["r"],
    "map": ["m"],
    "list:int": ["l", "m.list"],
    "list:string": ["k"],
    "list:double": ["g"],
    "list:bool": ["h"],
}
NAMES = sorted({text.partition(".")[0] for texts in VARIABLES.values() for text in texts})
FIELDS = ["m.n", "m.text", "m.list", "m.absent"]
BATCH = 25
ENVIRONMENTS = 4
EXAMPLES = 220
counted = {"cases": 0, "failing": 0}

VALUES: dict[str, list[object]] = {
    "bool": [True, False],
    "int": [0, 1, -1, 2, 7, 2**53 + 1, 2**63 - 1, -(2**63), 1_510_563_600],
    "uint": [Uint(0), Uint(1), Uint(2**64 - 1), Uint(2**53 + 1), Uint(7)],
    "double": [
        0.0,
        -0.0,
        1.0,
        2.5,
        -7.25,
        float("inf"),
        float("-inf"),
        float("nan"),
        2.0**53,
        2.0**63,
        5e-324,
    ],
    "string": [
        "",
        "a",
        "ab",
        "b",
        "é",
        "😀",
        "a😀b",
        "1",
        "true",
        "x\ny",
        "UTC",
        "2020-02-29T12:30:15Z",
        "3s",
    ],
    "bytes": [b"", b"a", b"\xff", "é".encode(), b"ab"],
    "null": [None],
    "timestamp": [
        Timestamp(0),
        Timestamp(1_510_563_600_123_456_789),
        Timestamp(-1),
        Timestamp(-62_135_596_800 * 10**9),
    ],
    "duration": [
        Duration(0),
        Duration(1),
        Duration(-1_500_000_000),
        Duration(86_400 * 10**9),
        Duration(3 * 10**20),
    ],
}


def value_of(random: Random, kind: str) -> object:
    """Return a value, of the expected type for the most part."""
    if random.random() < 0.06:
        kind = random.choice(SCALARS)
    if kind.startswith("list:"):
        return [value_of(random, kind.removeprefix("list:")) for _ in range(random.randrange(4))]
    if kind == "map":
        known = {"n": "int", "text": "string", "list": "list:int"}
        return {name: value_of(random, of) for name, of in known.items() if random.random() < 0.8}
    return random.choice(VALUES[kind])


def environment(random: Random) -> dict[str, object]:
    """Return values for most variables. The others have none."""
    kinds = {text: kind for kind, texts in VARIABLES.items() for text in texts if text in NAMES}
    return {name: value_of(random, kinds[name]) for name in NAMES if random.random() < 0.9}


def disagreements(random: Random) -> list[str]:
    """Return the disagreements about one sentence in several environments."""
    sentences = Sentences(random, VARIABLES, FIELDS)
    source = sentences.of(random.choice([*SCALARS, "bool", "bool", "bool", "list:int", "list:string"]), 5)
    environments = [environment(random) for _ in range(ENVIRONMENTS)]
    try:
        run = compile_function(read_expression(source, NAMES), LAYOUT, None)
    except ExpressionError:
        return []
    ours = [our_answer(run(slots(values))) for values in environments]
    theirs = reference_answers(source, environments)
    counted["cases"] += len(ours)
    counted["failing"] += ours.count(FAILED)
    return [
        f"{source}\n  {values}\n  ours {mine}, reference {reference}"
        for values, mine, reference in zip(environments, ours, theirs, strict=True)
        if mine != reference
    ]


LAYOUT = {Mention(name): place for place, name in enumerate(NAMES)}


def slots(values: dict[str, object]) -> list[object]:
    """Return the values in the order of the layout, None for those that are missing."""
    return [to_cel(values[name]) if name in values else None for name in NAMES]


def reference_answers(source: str, environments: list[dict[str, object]]) -> list[object]:
    """Return what the reference engine says."""
    expression = untyped_environment(tuple(NAMES)).compile(source)
    return [
        reference_answer(expression, {name: bound(value) for name, value in values.items()})
        for values in environments
    ]


@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**64))
def test_values_types_and_errors_are_the_reference_engines(seed: int) -> None:
    random = Random(seed)
    found = [text for _ in range(BATCH) for text in disagreements(random)]
    assert not found, min(found, key=len)


def test_the_comparison_had_enough_cases_of_every_kind() -> None:
    if not counted["cases"]:
        pytest.skip("runs after the comparison")
    assert counted["cases"] >= 20_000
    assert 0.1 < counted["failing"] / counted["cases"] < 0.7
