from dataclasses import replace

import pytest

from nextbest_rules import Catalog
from nextbest_rules.catalog import NamedCondition
from nextbest_rules.cel import Expression, Kind, Node, Vocabulary
from nextbest_rules.declarations import ValueType
from nextbest_rules.definitions import definitions
from nextbest_rules.expressions import CheckedExpressions, Expressions, UnsoundExpressionError

VOCABULARY = Vocabulary(
    facts={"age": ValueType.INT, "debt": ValueType.DOUBLE, "city": ValueType.STRING},
    features={},
    context={},
    attributes={"fresh": ValueType.BOOL},
)


def checked(*segments: tuple[str, str, str], **conditions: str) -> CheckedExpressions:
    """Check expressions with named conditions, and segments as (id, condition, group)."""
    names = frozenset(name for name, _, _ in segments)
    vocabulary = replace(VOCABULARY, conditions=frozenset(conditions), segments=names)
    return CheckedExpressions(vocabulary, definitions(conditions.items(), segments))


def cycles(expressions: CheckedExpressions) -> dict[str, list[str]]:
    return {str(name): list(map(str, way)) for name, way in expressions.cycles.items()}


def tree(expressions: CheckedExpressions, source: str) -> Node:
    found = expressions.check(source, Kind.BOOL)
    assert isinstance(found, Expression)
    return found.tree


def mentions(expression: object) -> list[str]:
    assert isinstance(expression, Expression)
    return [str(mention) for mention in expression.mentions]


def test_named_conditions_are_filled_in_through_all_their_levels() -> None:
    expressions = checked(regular="conditions.adult && facts.debt < 1.0", adult="facts.age >= 18")
    filled = expressions.check("conditions.regular || facts.city == 'Hue'", Kind.BOOL)
    assert mentions(filled) == ["facts.age", "facts.debt", "facts.city"]


def test_filled_in_and_written_out_are_the_same_expression() -> None:
    filled = tree(checked(adult="facts.age >= 18"), "!conditions.adult")
    assert filled == tree(checked(), "!(facts.age >= 18)")


def test_a_segment_on_its_own_is_its_condition() -> None:
    expressions = checked(("adult", "facts.age >= 18", ""), ("rich", "facts.debt < 1.0", ""))
    assert tree(expressions, "segments.adult") == tree(checked(), "facts.age >= 18")


def test_a_segment_of_an_exclusive_set_holds_while_no_later_one_does() -> None:
    stages = [("new", "facts.age > 1", "stage"), ("old", "facts.age > 2", "stage")]
    expressions = checked(*stages, ("other", "facts.age > 3", "another"), ("last", "facts.age > 4", "stage"))
    for segment, written in (
        ("new", "facts.age > 1 && !(facts.age > 2) && !(facts.age > 4)"),
        ("old", "facts.age > 2 && !(facts.age > 4)"),
        ("last", "facts.age > 4"),
        ("other", "facts.age > 3"),
    ):
        assert tree(expressions, f"segments.{segment}") == tree(checked(), written)


def test_conditions_and_segments_may_use_each_other() -> None:
    expressions = checked(
        ("adult", "conditions.grown", ""), grown="facts.age >= 18", ready="segments.adult && facts.debt < 1.0"
    )
    assert mentions(expressions.check("conditions.ready", Kind.BOOL)) == ["facts.age", "facts.debt"]


def test_a_segment_that_asks_for_a_lower_one_of_its_set_goes_round_in_a_circle() -> None:
    expressions = checked(("low", "facts.age > 1", "set"), ("high", "segments.low && facts.age > 2", "set"))
    assert cycles(expressions) == {
        "segments.low": ["segments.low", "segments.high", "segments.low"],
        "segments.high": ["segments.high", "segments.low", "segments.high"],
    }


def test_a_segment_below_an_unsound_one_is_not_blamed_for_it() -> None:
    expressions = checked(("low", "facts.age > 1", "set"), ("high", "facts.agee > 2", "set"))
    assert mentions(expressions.check("segments.low", Kind.BOOL)) == ["segments.low"]
    assert expressions.cycles == {}


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
    assert cycles(expressions) == {
        f"conditions.{way[0]}": [f"conditions.{name}" for name in way]
        for way in ("aba", "bab", "cdac", "dacd")
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
