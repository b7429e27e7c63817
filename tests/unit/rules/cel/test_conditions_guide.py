"""Every example of docs/guides/conditions.md."""

import re
from pathlib import Path

import pytest

from nextbest_rules.cel import (
    Expression,
    Kind,
    Timestamp,
    Unevaluable,
    Vocabulary,
    compile_function,
)
from nextbest_rules.cel.reading import MAX_LOOPS
from nextbest_rules.cel.vocabulary import PLAIN_VARIABLES
from nextbest_rules.declarations import ValueType
from nextbest_rules.definitions import definitions
from nextbest_rules.expressions import CheckedExpressions
from nextbest_rules.records import OUTCOMES, RECORDS, RESERVED, Contact, Event, Purchase, Ticket

GUIDE = (Path(__file__).parents[4] / "docs/guides/conditions.md").read_text()
SEGMENTS = definitions(
    (),
    [
        ("regular", "features.trips_91d >= 5.0", "visits"),
        ("champion", "features.trips_91d >= 20.0", "visits"),
    ],
)
CHECKER = CheckedExpressions(
    Vocabulary(
        facts={
            "age": ValueType.INT,
            "town": ValueType.STRING,
            "tags": ValueType.STRINGS,
            "since": ValueType.TIMESTAMP,
            "income": ValueType.DOUBLE,
        },
        features={"trips_91d": ValueType.DOUBLE},
        context={"daypart": ValueType.STRING},
        attributes={"campaign": ValueType.STRING, "products": ValueType.INT},
        segments=frozenset({"regular", "champion"}),
    ),
    SEGMENTS,
)
ACTION = {"campaign": "18", "products": 34, "group": "YOGURT"}
NOW_MS = 1_510_563_600_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
VALUES: dict[str, object] = {
    "facts.age": 42,
    "facts.town": "Hanoi",
    "facts.tags": ["family", "garden"],
    "facts.since": Timestamp.of_ms(1_488_326_400_000),
    "features.trips_91d": 14.0,
    "context.daypart": "evening",
    "customer.known": True,
    "channel": "web",
    "direction": "INBOUND",
    "brand": "retail",
    "goal": "retention",
    "now": Timestamp.of_ms(NOW_MS),
    "tickets": [
        Ticket("t2", "complaint", "high", ("router",), opened_at_ms=NOW_MS - 2 * HOUR_MS),
        Ticket("t1", "question", opened_at_ms=NOW_MS - 90 * DAY_MS, closed_at_ms=NOW_MS - 80 * DAY_MS),
    ],
    "purchases": [Purchase("router", "hardware", at_ms=NOW_MS - 10 * DAY_MS)],
    "events": [Event("mention.posted", "router", at_ms=NOW_MS - HOUR_MS)],
    "contacts": [
        Contact("reminder", "DELIVERED", NOW_MS - 3 * DAY_MS, "email"),
        Contact("reminder", "DELIVERED", NOW_MS - 2 * DAY_MS, "email"),
        Contact("card", "DISPLAYED", NOW_MS - HOUR_MS, "web"),
        Contact("card", "CLICKED", NOW_MS - HOUR_MS + 5_000, "web"),
    ],
}
LINES = [
    line
    for box in re.findall(r"```cel\n(.*?)```", GUIDE, re.DOTALL)
    for line in box.splitlines()
    if line.strip()
]
REFUSED = re.findall(r"^\| `(.+?)` \| (.+) \|$", GUIDE.partition("## What is refused")[2], re.MULTILINE)


def evaluated(source: str) -> object:
    expression = CHECKER.check(source.strip(), Kind.BOOL)
    assert isinstance(expression, Expression), expression
    bound = expression.bind(ACTION)
    layout = {mention: place for place, mention in enumerate(bound.mentions)}
    slots = [VALUES.get(str(mention)) for mention in layout]
    return compile_function(bound.tree, layout, Kind.BOOL)(slots)


@pytest.mark.parametrize("line", LINES)
def test_an_example_has_the_answer_that_the_guide_gives(line: str) -> None:
    source, _, expected = line.rpartition("//")
    answer = evaluated(source)
    assert ("unknown" if isinstance(answer, Unevaluable) else str(answer).lower()) == expected.strip()


@pytest.mark.parametrize(("source", "message"), REFUSED)
def test_what_the_guide_says_is_refused_is_refused_so(source: str, message: str) -> None:
    faults = CHECKER.check(source, Kind.BOOL)
    assert not isinstance(faults, Expression)
    assert message in [fault.message for fault in faults]


def test_the_guide_has_examples() -> None:
    assert len(LINES) > 40
    assert len(REFUSED) > 5
    assert f"{MAX_LOOPS} levels" in GUIDE


def test_the_guide_names_everything_that_can_be_read() -> None:
    for name in PLAIN_VARIABLES:
        assert f"`{name}`" in GUIDE
    for record, fields in RECORDS.items():
        [row] = re.findall(rf"^\| {record} \| (.*) \|$", GUIDE, re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", row)) == set(fields)
    for outcome in OUTCOMES | {RESERVED}:
        assert f"`{outcome}`" in GUIDE
