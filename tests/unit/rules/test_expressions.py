from dataclasses import replace

import pytest

from nextbest_rules import Catalog
from nextbest_rules.catalog import NamedCondition
from nextbest_rules.cel import Expression, Kind, Vocabulary
from nextbest_rules.declarations import ValueType
from nextbest_rules.expressions import CheckedExpressions, Expressions, UnsoundExpressionError

VOCABULARY = Vocabulary(
    facts={"age": ValueType.INT, "debt": ValueType.DOUBLE, "city": ValueType.STRING},
    features={},
    context={},
    attributes={"fresh": ValueType.BOOL},
)


def checked(**conditions: str) -> CheckedExpressions:
    vocabulary = replace(VOCABULARY, conditions=frozenset(conditions))
    return CheckedExpressions(vocabulary, conditions)


def mentions(expression: object) -> list[str]:
    assert isinstance(expression, Expression)
    return [str(mention) for mention in expression.mentions]


def test_named_conditions_are_filled_in_through_all_their_levels() -> None:
    expressions = checked(regular="conditions.adult && facts.debt < 1.0", adult="facts.age >= 18")
    filled = expressions.check("conditions.regular || facts.city == 'Hue'", Kind.BOOL)
    assert mentions(filled) == ["facts.age", "facts.debt", "facts.city"]


def test_filled_in_and_written_out_are_the_same_expression() -> None:
    filled = checked(adult="facts.age >= 18").check("!conditions.adult", Kind.BOOL)
    written = checked().check("!(facts.age >= 18)", Kind.BOOL)
    assert isinstance(filled, Expression)
    assert isinstance(written, Expression)
    assert filled.tree == written.tree


def test_an_expression_is_checked_once_per_kind() -> None:
    expressions = checked()
    number = expressions.check("facts.age", Kind.NUMBER)
    assert expressions.check("facts.age", Kind.NUMBER) is number
    assert isinstance(expressions.check("facts.age", Kind.BOOL), tuple)


def test_a_record_is_known_only_to_expressions_that_look_at_one() -> None:
    expressions = checked()
    assert isinstance(expressions.check("ticket.open", Kind.BOOL, "ticket"), Expression)
    assert isinstance(expressions.check("ticket.open", Kind.BOOL), tuple)
    assert isinstance(expressions.check("ticket.open", Kind.BOOL, "event"), tuple)


def test_every_condition_on_a_cycle_is_named_with_the_shortest_way_round() -> None:
    expressions = checked(
        a="conditions.b && conditions.c",
        b="conditions.a",
        c="conditions.d",
        d="conditions.a",
        user="conditions.a",
        free="facts.age > 1",
    )
    assert expressions.cycles == {
        "a": ("a", "b", "a"),
        "b": ("b", "a", "b"),
        "c": ("c", "d", "a", "c"),
        "d": ("d", "a", "c", "d"),
    }
    assert mentions(expressions.check("conditions.free", Kind.BOOL)) == ["facts.age"]


def test_what_uses_an_unsound_condition_is_not_blamed_for_it() -> None:
    expressions = checked(broken="facts.agee > 1", user="conditions.broken || facts.age > 1")
    assert isinstance(expressions.check("facts.agee > 1", Kind.BOOL), tuple)
    assert mentions(expressions.check("conditions.user", Kind.BOOL)) == ["conditions.user"]


def test_the_engine_is_given_what_loading_has_checked(shop: Catalog) -> None:
    source = shop.policies.conditions[0].require
    assert Expressions(shop).condition(source) is Expressions(replace(shop, title="x")).condition(source)


def test_a_catalog_with_other_named_conditions_has_expressions_of_its_own(shop: Catalog) -> None:
    first = replace(shop, conditions=(NamedCondition("adult", "facts.age >= 18", ""),))
    second = replace(shop, conditions=(NamedCondition("adult", "facts.age < 18", ""),))
    trees = {Expressions(catalog).condition("conditions.adult").tree for catalog in (first, second)}
    assert len(trees) == 2


def test_each_use_of_an_expression_wants_its_own_kind(shop: Catalog) -> None:
    expressions = Expressions(shop)
    assert expressions.number("facts.age").source == "facts.age"
    assert expressions.integer("facts.age").source == "facts.age"
    assert expressions.text("facts.city").source == "facts.city"
    assert expressions.instant("facts.member_since").source == "facts.member_since"
    assert expressions.parameter("facts.campaigns").source == "facts.campaigns"
    assert expressions.condition("ticket.open", "ticket").source == "ticket.open"
    assert expressions.instant("ticket.closed_at", "ticket").source == "ticket.closed_at"
    for wrong in (expressions.condition, expressions.integer, expressions.text, expressions.instant):
        with pytest.raises(UnsoundExpressionError):
            wrong("facts.debt")
    with pytest.raises(UnsoundExpressionError, match=r"facts\.agee is not declared; did you mean 'age'\?"):
        expressions.number("facts.agee")
