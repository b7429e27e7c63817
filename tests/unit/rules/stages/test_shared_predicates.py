"""Shared predicates say the same as the rules one by one, and say it once."""

import math
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import NOW, World, customer

from nextbest_rules import RuleSet
from nextbest_rules.cel import Expression, Mention, members
from nextbest_rules.expressions import Expressions
from nextbest_rules.predicates import PredicateCompiler, Predicates
from nextbest_rules.sight import Layout, Sight, Slots
from nextbest_rules.terms import UnknownMode

ACTIONS = 12
EVERYTHING = (1 << ACTIONS) - 1


@pytest.fixture(scope="module")
def plain(world: World) -> RuleSet:
    return world()


@dataclass(frozen=True)
class Rule:
    """A condition, the actions that it is about, and whether it must hold or must not."""

    source: str
    mask: int
    mode: UnknownMode
    forbids: bool

    def stops(self, answer: object) -> bool:
        """Tell whether the rule stops its actions on this answer."""
        if answer is True or answer is False:
            return answer is self.forbids
        return self.mode is UnknownMode.DENY


INTS = st.sampled_from(["0", "1", "-1", "18", "9007199254740993", "1.0", "1.5", "18.5", "-0.0"])
DOUBLES = st.sampled_from(["0.0", "-0.0", "1.0", "1.5", "1e300", "double('inf')", "double('nan')", "2"])
TEXTS = st.sampled_from(["''", "'a'", "'b'", "'B'", "'Huế'"])
TIMES = st.sampled_from(["now", "timestamp('2026-03-09T10:00:00Z')", "timestamp('2026-01-01T00:00:00Z')"])
OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


COMPARED = [
    ("facts.age", INTS),
    ("facts.income", DOUBLES),
    ("features.spend", DOUBLES),
    ("facts.city", TEXTS),
    ("context.page", TEXTS),
    ("facts.since", TIMES),
    ("channel", TEXTS),
]


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    """Return a comparison of a declared value with a constant, either way round."""
    name, constants = draw(st.sampled_from(COMPARED))
    if draw(st.booleans()):
        chosen = draw(st.lists(constants, min_size=1, max_size=3))
        same = [item for item in chosen if ("." in item) == ("." in chosen[0])]
        if name in {"facts.city", "context.page", "channel"}:
            return f"{name} in [{', '.join(chosen)}]"
        if name == "facts.age" and not any("." in item for item in same):
            return f"{name} in [{', '.join(same)}]"
    constant, operator = draw(constants), draw(OPERATORS)
    return f"{name} {operator} {constant}" if draw(st.booleans()) else f"{constant} {operator} {name}"


OTHERS = st.sampled_from(
    [
        "facts.vip",
        "facts.vip == true",
        "true != facts.vip",
        "has(facts.age)",
        "has(context.page)",
        "'a' in facts.interests",
        "facts.interests == []",
        "facts.city.startsWith('a')",
        "10 / facts.age > 1",
        "facts.interests[0] == 'a'",
        "facts.age + 1 > 1",
        "facts.vip ? facts.age > 3 : facts.city == 'a'",
        "facts.since + duration('1h') > now",
        "customer.known",
        "true",
        "false",
        "1 / 0 > 1",
    ]
)
CONDITIONS = st.recursive(
    comparisons() | OTHERS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) && ({pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) || ({pair[1]})"),
        inner.map(lambda it: f"!({it})"),
    ),
    max_leaves=4,
)
RULES = st.lists(
    st.builds(
        Rule,
        source=CONDITIONS,
        mask=st.integers(1, EVERYTHING),
        mode=st.sampled_from(list(UnknownMode)),
        forbids=st.booleans(),
    ),
    min_size=1,
    max_size=6,
)
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "age": st.sampled_from([0, 1, -1, 18, 2**53 + 1, -(2**63), 2**63 - 1, "x", None]),
        "income": st.sampled_from([0.0, -0.0, 1.0, 1.5, 1e300, float("inf"), float("-inf"), float("nan"), 2]),
        "city": st.sampled_from(["", "a", "b", "Huế", 3]),
        "vip": st.booleans() | st.just(1),
        "interests": st.lists(st.sampled_from(["a", "b"]), max_size=2) | st.just("a"),
        "since": st.sampled_from(
            ["2026-03-09T10:00:00Z", "2026-01-01T01:00:00+01:00", "2025-01-01T00:00:00Z"]
        ),
    },
)


def compiled(
    plain: RuleSet, rules: list[Rule]
) -> tuple[Predicates, Sight, list[tuple[Rule, Expression]], Layout]:
    layout = Layout(Expressions(plain.catalog))
    compiler = PredicateCompiler(layout)
    conditions = [(rule, layout.expressions.condition(rule.source)) for rule in rules]
    for rule, condition in conditions:
        (compiler.forbid if rule.forbids else compiler.require)(condition, rule.mask, rule.mode)
    predicates = compiler.compile()
    for _, condition in conditions:
        layout.function(condition)
    return predicates, Sight.of(plain.catalog, layout.slots), conditions, layout


@given(
    rules=RULES,
    facts=FACTS | st.none(),
    spend=st.sampled_from([None, 0.0, 1.5, float("nan")]),
    page=st.sampled_from([None, "", "a", "b"]),
    live=st.just(EVERYTHING) | st.integers(0, EVERYTHING),
)
def test_shared_predicates_stop_what_each_rule_stops(
    plain: RuleSet,
    rules: list[Rule],
    facts: dict[str, object] | None,
    spend: float | None,
    page: str | None,
    live: int,
) -> None:
    predicates, sight, conditions, layout = compiled(plain, rules)
    features = {} if spend is None else {"spend": spend}
    view = sight.look(customer(facts=facts, features=features, context={"page": page}, channel="a"))
    expected = live
    for rule, condition in conditions:
        if rule.stops(layout.function(condition)(view.slots)):
            expected &= ~rule.mask
    assert predicates.screen(live, view.slots) == expected
    assert live & ~expected & ~predicates.concerned == 0


COMPARING: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@pytest.mark.parametrize("operators", [["==", "!="], ["<"], ["<=", "=="], list(COMPARING)])
@pytest.mark.parametrize("mode", UnknownMode)
@pytest.mark.parametrize(
    ("name", "constants", "values"),
    [
        ("age", {"18": 18, "18.0": 18, "19.5": 19.5, "20": 20}, [-(2**63), 17, 18, 19, 20, 21, 2**63 - 1]),
        (
            "income",
            {"0.0": 0, "-0.0": 0, "1": 1, "double('inf')": math.inf},
            [-math.inf, -0.0, 0.5, 1.0, math.inf],
        ),
        ("income", {"double('nan')": math.nan, "1.0": 1}, [0.0, 1.0, 2.0, math.inf]),
        ("city", {"''": "", "'b'": "b", "'Huế'": "Huế"}, ["", "a", "b", "c", "Huế", "ü"]),
        ("vip", {"true": True, "false": False}, [True, False]),
        (
            "since",
            {"now": NOW, "timestamp('2026-03-09T10:00:00.001Z')": NOW + 1},
            [NOW - 1, NOW, NOW + 1, NOW + 2],
        ),
    ],
)
def test_a_table_answers_in_every_cell(
    plain: RuleSet,
    operators: list[str],
    mode: UnknownMode,
    name: str,
    constants: dict[str, object],
    values: list[object],
) -> None:
    """At each constant, between them and beyond them; and for a value that is not known."""
    asked = [(sign, text, value) for sign in operators for text, value in constants.items()]
    rules = [
        Rule(f"facts.{name} {sign} {text}", 1 << bit, mode, forbids=bit % 3 == 0)
        for bit, (sign, text, _) in enumerate(asked)
    ]
    predicates, sight, _, _ = compiled(plain, rules)
    everything = (1 << len(rules)) - 1
    for value in values:
        shown = datetime.fromtimestamp(value / 1_000, UTC) if name == "since" else value  # type: ignore[operator]
        slots = sight.look(customer(facts={name: shown})).slots
        answers = [COMPARING[sign](value, constant) for sign, _, constant in asked]
        left = sum(1 << bit for bit, answer in enumerate(answers) if not rules[bit].stops(answer))
        assert predicates.screen(everything, slots) == left
        for bit in range(len(rules)):
            assert predicates.screen(1 << bit, slots) == left & 1 << bit
    unknown = predicates.screen(everything, sight.look(customer()).slots)
    assert unknown == (0 if mode is UnknownMode.DENY else everything)


class Watched(frozenset[object]):
    """The elements of a list in a slot, which count how often anybody looks into them."""

    looks = 0

    def __contains__(self, item: object) -> bool:
        Watched.looks += 1
        return super().__contains__(item)


class Counted(list[object]):
    """Slots that remember what was read."""

    def __init__(self, slots: Slots) -> None:
        super().__init__(slots)
        self.read: list[int] = []

    def __getitem__(self, place: int) -> object:  # type: ignore[override]
        self.read.append(place)
        return super().__getitem__(place)


def looks(plain: RuleSet, rules: list[Rule], live: int = EVERYTHING) -> Iterator[int]:
    """Yield how often the customer's interests are looked up, for a customer with and one without 'a'."""
    predicates, sight, _, layout = compiled(plain, rules)
    for interests in (["a"], []):
        view = sight.look(customer(facts={"interests": interests, "age": 30, "city": "a"}))
        view.slots[layout.slots[members(Mention("facts", "interests"))]] = Watched(interests)
        Watched.looks = 0
        predicates.screen(live, view.slots)
        yield Watched.looks


def requires(source: str, mask: int) -> Rule:
    return Rule(source, mask, UnknownMode.DENY, forbids=False)


def test_a_condition_that_several_rules_share_is_evaluated_once(plain: RuleSet) -> None:
    wants = "'a' in facts.interests"
    rules = [
        requires(wants, 0b0011),
        Rule(wants, 0b1100, UnknownMode.ALLOW, forbids=False),
        requires(f"facts.age > 3 && {wants}", 0b110000),
        Rule(f"facts.age > 90 || {wants}", 0b11000000, UnknownMode.DENY, forbids=True),
    ]
    assert list(looks(plain, rules)) == [1, 1]


@pytest.mark.parametrize(
    ("interests", "left"), [(["a"], 0b111000), ([], 0b000111), (None, 0b101010), ("a", 0b101010)]
)
def test_rules_that_want_the_opposite_share_a_condition(plain: RuleSet, interests: object, left: int) -> None:
    """For the first three it must not hold, for the others it must; every second one allows the unknown."""
    wants, modes = "'a' in facts.interests", (UnknownMode.DENY, UnknownMode.ALLOW)
    rules = [Rule(wants, 1 << bit, modes[bit % 2], forbids=bit < 3) for bit in range(6)]
    predicates, sight, _, _ = compiled(plain, rules)
    slots = sight.look(customer(facts={"interests": interests})).slots
    assert predicates.screen(0b111111, slots) == left


def test_a_condition_that_no_live_action_needs_is_not_evaluated(plain: RuleSet) -> None:
    rules = [requires("facts.age > 90", 0b0011), requires("'a' in facts.interests", 0b0011)]
    assert list(looks(plain, rules)) == [0, 0]
    rules = [requires("'a' in facts.interests", 0b0011), requires("'b' in facts.interests", 0b0001)]
    assert list(looks(plain, rules)) == [2, 1]
    assert list(looks(plain, rules, live=0b0010)) == [1, 1]
    assert list(looks(plain, rules, live=0b1000)) == [0, 0]


def test_all_comparisons_of_one_value_are_one_look(plain: RuleSet) -> None:
    """Whether with a table of texts or with intervals of numbers; and none if no live action needs it."""
    rules = [requires(f"facts.city == 'c{number}'", 1 << number) for number in range(6)]
    rules += [requires(f"facts.age > {number}", 1 << number) for number in range(6, 12)]
    predicates, sight, _, layout = compiled(plain, rules)
    slots = Counted(sight.look(customer(facts={"city": "c3", "age": 8})).slots)
    assert predicates.screen(EVERYTHING, slots) == 0b1100_1000
    assert sorted(slots.read) == sorted(layout.slots[Mention("facts", name)] for name in ("age", "city"))
    slots.read.clear()
    predicates.screen(0b111111, slots)
    assert slots.read == [layout.slots[Mention("facts", "city")]]
    slots.read.clear()
    assert predicates.screen(0, slots) == 0
    assert slots.read == []


def test_hundreds_of_predicates_are_as_good_as_one(plain: RuleSet) -> None:
    """More than fit into one generated function, each with a say about an action of its own."""
    rules = [requires(f"size(facts.city) != {number}", 1 << number) for number in range(1_001)]
    predicates, sight, _, _ = compiled(plain, rules)
    assert len(predicates.steps) > 1
    everything = (1 << 1_001) - 1
    for length in (0, 399, 400, 401, 800, 1_000):
        slots = sight.look(customer(now_ms=NOW, facts={"city": "x" * length})).slots
        assert predicates.screen(everything, slots) == everything & ~(1 << length)


def test_without_rules_everything_lives(plain: RuleSet) -> None:
    predicates, sight, _, _ = compiled(plain, [])
    assert (predicates.concerned, predicates.steps) == (0, ())
    assert predicates.screen(EVERYTHING, sight.look(customer()).slots) == EVERYTHING
