"""Expressions with values filled in, taken apart, recognised and put together."""

import pytest
from cel_shop import answer, checked

from nextbest_rules.cel import (
    MAX_NODES,
    CodeWriter,
    Comparison,
    Mention,
    Unevaluable,
    comparison_of,
    compile_function,
    conjuncts,
    disjuncts,
)
from nextbest_rules.cel.kinds import BOOL, DOUBLE, INT, STRING, TIMESTAMP, list_of


@pytest.mark.parametrize(("value", "expected"), [("b", True), ("a", False)])
def test_an_actions_attribute_is_bound_everywhere_it_is_mentioned(value: str, expected: bool) -> None:
    source = f"facts.tags.all(t, t != action.campaign) && action.campaign == '{value}'"
    assert answer(checked(source).bind({"campaign": value}), facts__tags=["a"]) is expected


@pytest.mark.parametrize("value", ["text \"with' quotes\\", "", "ü", "{0}", "{c}", "__import__('os')\n"])
def test_text_is_never_code(value: str) -> None:
    bound = checked("action.campaign in facts.tags && facts.tags[0] == action.campaign").bind(
        {"campaign": value}
    )
    assert answer(bound, facts__tags=[value]) is True
    assert answer(bound, facts__tags=["x" + value]) is False


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 0])
def test_bound_integers_keep_every_digit(value: int) -> None:
    assert answer(checked("action.size == facts.age").bind({"size": value}), facts__age=value) is True


def test_has_tells_whether_an_action_carries_an_attribute() -> None:
    has = checked("has(action.size)")
    assert answer(has.bind({"size": 0})) is True
    assert answer(has.bind({"campaign": "x"})) is False


def test_an_attribute_that_an_action_lacks_is_missing() -> None:
    bound = checked("action.size > 3").bind({"campaign": "x"})
    assert bound.mentions == ()
    assert answer(bound) == Unevaluable("action.size has no value", Mention("action", "size"))


def test_binding_settles_what_it_can() -> None:
    expression = checked("facts.age > action.size * 2 && (action.campaign == 'x' || facts.vip)")
    assert expression.bind({"size": 9, "campaign": "x"}).tree == checked("facts.age > 18").tree
    assert [str(mention) for mention in expression.bind({"size": 9, "campaign": "x"}).mentions] == [
        "facts.age"
    ]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("facts.age > 1", "facts.age > 1.0"),
        ("features.trips == 0.0", "features.trips == -0.0"),
        ("facts.odd == true", "facts.odd == 1"),
        ("facts.odd == 1u", "facts.odd == 1"),
        ("facts.odd == b'a'", "facts.odd == 'a'"),
        ("facts.odd == duration('1s')", "facts.odd == timestamp(1)"),
    ],
)
def test_trees_that_mean_different_things_are_different(left: str, right: str) -> None:
    assert checked(left).tree != checked(right).tree


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("facts.tags.exists(a, a == 'x')", "facts.tags.exists(b, b == 'x')"),
        ("facts.vip && (customer.known && facts.age > 1)", "(facts.vip && customer.known) && facts.age > 1"),
        ("facts.age > 1 + 1", "facts.age > 2"),
        ("facts.vip && true", "facts.vip"),
        ("now < timestamp('1970-01-01T00:00:01Z')", "now < timestamp(1)"),
    ],
)
def test_trees_that_mean_the_same_are_equal_and_can_be_shared(left: str, right: str) -> None:
    assert checked(left).tree == checked(right).tree
    assert hash(checked(left).tree) == hash(checked(right).tree)


ADULT, REGULAR = Mention("conditions", "adult"), Mention("conditions", "regular")


def test_a_named_condition_stands_in_its_place() -> None:
    adult = checked("facts.age >= 18")
    regular = checked("conditions.adult && features.trips > 2").inline({ADULT: adult})
    inlined = checked("!conditions.regular || channel == 'web'").inline({REGULAR: regular})
    assert inlined.tree == checked("!(facts.age >= 18 && features.trips > 2) || channel == 'web'").tree
    assert [str(mention) for mention in inlined.mentions] == ["facts.age", "features.trips", "channel"]
    assert inlined.size == 12


def test_a_named_condition_that_is_no_bool_is_an_error_beside_any_operator() -> None:
    odd = checked("dyn(facts.age)")
    inlined = checked("conditions.adult == facts.vip").inline({ADULT: odd})
    assert isinstance(answer(inlined, facts__age=1, facts__vip=True), Unevaluable)


def test_a_condition_but_not_others_holds_while_none_of_them_does() -> None:
    without = checked("facts.vip").but_not([checked("facts.age > 1"), checked("customer.known")])
    assert without.tree == checked("facts.vip && !(facts.age > 1) && !customer.known").tree
    assert [str(mention) for mention in without.mentions] == ["facts.vip", "facts.age", "customer.known"]


def test_named_conditions_that_multiply_grow_too_large() -> None:
    expression = checked("facts.age > 1 || features.trips > 2")
    for _ in range(8):
        expression = checked("conditions.adult && !conditions.adult").inline({ADULT: expression})
    assert expression.size > MAX_NODES


def test_deep_expressions_evaluate_though_python_limits_brackets() -> None:
    expression = checked("facts.age > 1")
    for _ in range(60):
        expression = checked("!(conditions.adult ? facts.vip : has(facts.town))").inline({ADULT: expression})
    assert answer(expression, facts__age=2, facts__vip=True) is answer(
        "facts.vip", facts__vip=answer(expression, facts__age=2, facts__vip=True)
    )
    assert isinstance(answer(expression, facts__vip=True), Unevaluable)


def test_deep_expressions_evaluate_inside_loops() -> None:
    deep = "!(t == 'a' ? facts.vip : !(t == 'b' ? false : t == 'c'))"
    for _ in range(4):
        deep = f"!({deep} ? t == 'a' : !(t == 'b' || {deep}))" if len(deep) < 1_000 else deep
    assert answer(f"facts.tags.exists(t, {deep})", facts__tags=["b", "a"], facts__vip=True) in (True, False)


def test_operands_can_be_asked_one_by_one() -> None:
    tree = checked("facts.vip && (facts.age > 1 && customer.known)").tree
    assert conjuncts(tree) == tuple(
        checked(source).tree for source in ("facts.vip", "facts.age > 1", "customer.known")
    )
    assert disjuncts(tree) == (tree,)
    either = checked("facts.vip || facts.age > 1").tree
    assert disjuncts(either) == (checked("facts.vip").tree, checked("facts.age > 1").tree)
    assert conjuncts(either) == (either,)


AGE, TRIPS, TOWN = Mention("facts", "age"), Mention("features", "trips"), Mention("facts", "town")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("facts.age >= 18", Comparison(AGE, ">=", (18,), INT)),
        ("18 > facts.age", Comparison(AGE, "<", (18,), INT)),
        ("!(facts.age < 18)", Comparison(AGE, ">=", (18,), INT)),
        ("features.trips > 2", Comparison(TRIPS, ">", (2,), DOUBLE)),
        ("facts.age in [1, 2.5]", Comparison(AGE, "in", (1, 2.5), INT)),
        ("facts.town in ['a', 'b']", Comparison(TOWN, "in", ("a", "b"), STRING)),
        ("'x' in facts.tags", Comparison(Mention("facts", "tags"), "contains", ("x",), list_of(STRING))),
        ("facts.vip", Comparison(Mention("facts", "vip"), "==", (True,), BOOL)),
        ("!facts.vip", Comparison(Mention("facts", "vip"), "==", (False,), BOOL)),
        ("!(facts.town != 'a')", Comparison(TOWN, "==", ("a",), STRING)),
        ("now < timestamp(5)", Comparison(Mention("now"), "<", (5 * 10**9,), TIMESTAMP)),
        ("facts.age > 9007199254740993.0", None),
        ("facts.age == features.trips", None),
        ("facts.age + 1 > 2", None),
        ("facts.odd > 2", None),
        ("!('x' in facts.tags)", None),
        ("size(facts.tags) > 2", None),
    ],
)
def test_comparisons_with_constants_are_recognised(source: str, expected: Comparison | None) -> None:
    assert comparison_of(checked(source).tree) == expected


def test_many_expressions_share_one_function_and_their_constants() -> None:
    trees = [checked(f"facts.town == 'x' && facts.age > {age}").tree for age in range(3)]
    writer = CodeWriter({TOWN: "town", AGE: "age"})
    texts = [writer.expression(tree) for tree in trees]
    source = f"def run(town, age):\n    return [{', '.join(texts)}]"
    exec(source, writer.constants)
    assert writer.constants["run"]("x", 2) == [True, True, False]  # type: ignore[operator]
    assert list(writer.constants.values()).count("x") == 1


def test_a_mention_without_a_place_is_an_error_when_compiling() -> None:
    with pytest.raises(KeyError):
        compile_function(checked("facts.age > 1").tree, {})
