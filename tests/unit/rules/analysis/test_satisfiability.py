"""What conditions can never be: certain wherever it is claimed, and claimed wherever it is plain."""

from collections.abc import Callable, Iterator
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextbest_rules.analysis.satisfiability import never_false, never_true
from nextbest_rules.cel import Expression, ExpressionChecker, Vocabulary, compile_function
from nextbest_rules.declarations import ValueType

FACTS = {
    "age": ValueType.INT,
    "debt": ValueType.DOUBLE,
    "city": ValueType.STRING,
    "vip": ValueType.BOOL,
    "lazy": ValueType.BOOL,
    "tags": ValueType.STRINGS,
}
CHECKER = ExpressionChecker(Vocabulary(FACTS, {}, {}, {}))


def condition(source: str) -> Expression:
    checked = CHECKER.check(source)
    assert isinstance(checked, Expression), checked
    return checked


@pytest.mark.parametrize(
    "source",
    [
        "facts.age > 5 && facts.age < 3",
        "facts.age > 5 && facts.age < 6",
        "facts.age >= 5 && facts.age <= 5 && facts.age != 5",
        "facts.debt > 5.0 && facts.debt <= 5.0",
        "facts.age == 1 && facts.age == 2",
        "facts.age in [1, 2] && facts.age > 2",
        "facts.age in [1, 2] && facts.age in [3]",
        "!(facts.age in [1, 2]) && facts.age > 0 && facts.age < 3",
        'facts.city == "Hue" && facts.city != "Hue"',
        'facts.city < "a" && facts.city > "b"',
        "facts.vip && !facts.vip",
        "facts.vip == true && facts.vip == false",
        '"x" in facts.tags && !("x" in facts.tags)',
        'facts.city.startsWith("H") && !facts.city.startsWith("H")',
        "!has(facts.age) && facts.age > 3",
        "size(facts.tags) < 0",
        "(facts.age < 3 || facts.vip) && facts.age > 5 && !facts.vip",
        "!(facts.age < 3 || facts.age >= 3)",
        "facts.vip ? facts.age > 5 && facts.age < 3 : false",
    ],
)
def test_what_can_never_be_true_is_found(source: str) -> None:
    assert never_true(condition(source).tree)


@pytest.mark.parametrize(
    "source",
    [
        "facts.age < 5 || facts.age > 3",
        "facts.vip || !facts.vip",
        "size(facts.tags) >= 0",
        'facts.city in ["Hue"] || facts.city != "Hue"',
        "!(facts.vip && !facts.vip)",
        "facts.vip ? facts.age < 9 || facts.age > 8 : true",
    ],
)
def test_what_can_never_be_false_is_found(source: str) -> None:
    assert never_false(condition(source).tree)


@pytest.mark.parametrize(
    "source",
    [
        "facts.age > 5 && facts.age < 7",
        "facts.debt > 5.0 && facts.debt < 6.0",
        "facts.debt >= 5.0 && facts.debt <= 5.0",
        "facts.age != 5",
        "facts.vip && !facts.lazy",
        "has(facts.age) && facts.age > 3",
        '"x" in facts.tags && "y" in facts.tags',
        "facts.tags.exists(tag, tag > 'a') && facts.tags.exists(tag, tag < 'a')",
        "facts.age > 5 && facts.debt < 3.0",
    ],
)
def test_what_depends_on_the_customer_is_left_alone(source: str) -> None:
    tree = condition(source).tree
    assert not never_true(tree)
    assert not never_false(tree)


def test_conditions_that_hold_alone_may_never_hold_together() -> None:
    young, old = condition("facts.age < 30"), condition("facts.age >= 30")
    assert never_true(young.tree, old.tree)
    assert not never_true(young.tree)


def test_an_attribute_that_the_action_lacks_never_lets_a_condition_hold() -> None:
    checker = ExpressionChecker(Vocabulary(FACTS, {}, {}, {"min_age": ValueType.INT}))
    checked = checker.check("facts.age >= action.min_age")
    assert isinstance(checked, Expression)
    assert never_true(checked.bind({}).tree)
    assert not never_true(checked.bind({"min_age": 18}).tree)


def test_a_condition_with_too_many_alternatives_is_left_alone() -> None:
    maze = " && ".join(f"(facts.age == {number} || facts.vip || facts.lazy)" for number in range(12))
    assert not never_true(condition(f"({maze}) && !facts.vip && !facts.lazy").tree)


# --- against the truth


def conditions() -> st.SearchStrategy[str]:
    """Small conditions over two facts, whose truth can be found by trying."""
    operators = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    numbers = st.integers(0, 4)
    leaves = st.one_of(
        st.builds("facts.age {} {}".format, operators, numbers),
        st.builds("{} {} facts.age".format, numbers, operators),
        st.builds("facts.age in [{}, {}]".format, numbers, numbers),
        st.sampled_from(["facts.vip", "has(facts.age)", "facts.vip == false"]),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds("({} && {})".format, inner, inner),
            st.builds("({} || {})".format, inner, inner),
            st.builds("!({})".format, inner),
            st.builds("({} ? {} : {})".format, inner, inner, inner),
        ),
        max_leaves=6,
    )


def outcomes(expression: Expression) -> Iterator[object]:
    """Yield what the condition is for every customer that makes a difference."""
    layout = {mention: slot for slot, mention in enumerate(expression.mentions)}
    evaluate: Callable[[list[object]], object] = compile_function(expression.tree, layout)
    domains = [(None, True, False) if mention.field == "vip" else (None, *range(-1, 6)) for mention in layout]
    for values in product(*domains):
        yield evaluate(list(values))


@settings(derandomize=True, max_examples=400, deadline=None)
@given(conditions())
def test_every_claim_is_true_and_nothing_plain_is_missed(source: str) -> None:
    expression = condition(source)
    found = list(outcomes(expression))
    assert never_true(expression.tree) is (True not in found)
    assert never_false(expression.tree) is (False not in found)
