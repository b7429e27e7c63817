import pytest

from nextbest_rules import EvaluationError, evaluate
from nextbest_rules.conditions import Condition, ConditionChecker, Unevaluable, open_scope
from nextbest_rules.declarations import ValueType
from nextbest_rules.vocabulary import ROOTS, Vocabulary

CHECKER = ConditionChecker(
    Vocabulary(
        facts={"tags": ValueType.STRINGS, "age": ValueType.INT, "since": ValueType.TIMESTAMP, "odd": None},
        features={"trips": ValueType.DOUBLE},
        context={"page": ValueType.STRING},
        attributes={"campaign": ValueType.STRING, "size": ValueType.INT, "rate": ValueType.DOUBLE},
    )
)


def condition(source: str) -> Condition:
    checked = CHECKER.check(source)
    assert isinstance(checked, Condition), checked
    return checked


def answer(
    source: str, action: dict[str, str | int | float | bool] | None = None, **roots: object
) -> bool | Unevaluable:
    values: dict[str, object] = {root: {} for root in ROOTS} | roots
    return condition(source).bind(action or {}).evaluate(open_scope(values))


@pytest.mark.parametrize(
    "source",
    [
        "features.trips > 1",
        "features.trips == 1",
        "1 <= features.trips",
        "facts.age > 17.5",
        "action.size != action.rate",
        "facts.age in [18, 21] || 'x' in facts.tags",
        "now - facts.since > duration('72h')",
        "has(facts.age) ? facts.age > 3 : customer.known",
        "facts.tags.exists(tag, tag.startsWith(action.campaign))",
        "facts.odd > 3 && facts.odd == 'anything'",
        "channel == 'web'",
    ],
)
def test_a_well_typed_condition_is_accepted(source: str) -> None:
    condition(source)


@pytest.mark.parametrize(
    "source",
    [
        "features.trips > 'x'",
        "features.trips + 1 > 2.0",
        "facts.age",
        "facts == facts",
        ".facts == .facts",
        "dyn(facts).age == 3",
        "facts['age'] == 3",
        "[action].exists(a, a.campaign == 'x')",
        "['x'].exists(action, action == 'x')",
        "dyn([{'campaign': 'x'}]).exists(action, action.campaign == 'x')",
        "facts.age == null",
        "nobody",
        "context.page.matches(3)",
    ],
)
def test_an_ill_typed_or_opaque_condition_is_refused(source: str) -> None:
    assert not isinstance(CHECKER.check(source), Condition)


def test_every_fault_of_a_condition_is_reported_at_once() -> None:
    faults = CHECKER.check("facts.agee > 3 ||\n  context.page > 3")
    assert not isinstance(faults, Condition)
    assert [(fault.line, fault.column) for fault in faults] == [(1, 6), (2, 16)]


def test_the_values_that_a_condition_reads_are_known() -> None:
    source = (
        "has(facts.age) && (action.size > 3 || .context.page == 'x') "
        "&& facts.tags.all(tag, tag != action.campaign)"
    )
    assert [str(mention) for mention in condition(source).mentions] == [
        "facts.age",
        "action.size",
        "context.page",
        "facts.tags",
        "action.campaign",
    ]


def test_numbers_of_different_types_compare_by_value() -> None:
    assert answer("features.trips > 1", features={"trips": 1.5}) is True
    assert answer("features.trips > 1", features={"trips": 1.0}) is False
    assert answer("features.trips == 1", features={"trips": 1.0}) is True


@pytest.mark.parametrize(
    ("value", "expected"), [("b", True), ("a", False)], ids=["another campaign", "this campaign"]
)
def test_an_actions_attribute_is_bound_everywhere_it_is_mentioned(value: str, expected: bool) -> None:
    source = f"facts.tags.all(t, t != action.campaign) && action.campaign == '{value}'"
    assert answer(source, {"campaign": value}, facts={"tags": ["a"]}) is expected


@pytest.mark.parametrize("value", ["text \"with' quotes\\", "", "ü"])
def test_bound_text_is_taken_literally(value: str) -> None:
    assert answer("action.campaign in facts.tags", {"campaign": value}, facts={"tags": [value]}) is True


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 0])
def test_bound_integers_keep_every_digit(value: int) -> None:
    assert answer("action.size == facts.age", {"size": value}, facts={"age": value}) is True


def test_a_bound_double_stays_a_double() -> None:
    assert answer("action.rate + 0.5 == 1.0", {"rate": 0.5}) is True
    assert answer("action.rate / 2.0 == 0.5", {"rate": 1.0}) is True


def test_has_tells_whether_an_action_carries_an_attribute() -> None:
    assert answer("has(action.size)", {"size": 0}) is True
    assert answer("has(action.size)", {"campaign": "x"}) is False


def test_a_missing_value_makes_a_condition_unevaluable() -> None:
    assert isinstance(answer("facts.age > 3"), Unevaluable)
    assert isinstance(answer("action.size > 3", {"campaign": "x"}), Unevaluable)


def test_a_missing_value_does_not_matter_where_the_rest_decides() -> None:
    assert answer("facts.age > 3 || customer.known", customer={"known": True}) is True
    assert answer("facts.age > 3 && customer.known", customer={"known": False}) is False
    assert isinstance(answer("facts.age > 3 || customer.known", customer={"known": False}), Unevaluable)


def test_a_failing_operation_makes_a_condition_unevaluable() -> None:
    assert answer("1 / facts.age == 1", facts={"age": 0}) == Unevaluable("divide by zero")


def test_an_expression_is_evaluated_with_its_bindings() -> None:
    assert evaluate("a + 1", {"a": 2}) == 3
    assert evaluate("[a, {'k': b}]", {"a": None, "b": 1.5}) == [None, {"k": 1.5}]


@pytest.mark.parametrize("expression", ["1 +", "a + 1", "b", "1 / 0"])
def test_an_expression_without_a_value_raises(expression: str) -> None:
    with pytest.raises(EvaluationError):
        evaluate(expression, {"a": "x"})
