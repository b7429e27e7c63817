"""Answers of expressions where values are missing or monstrous, and over records and the contact history."""

from enum import StrEnum

import pytest
from cel_shop import NOW, answer, checked

from nextbest_rules.cel import (
    Expression,
    ExpressionChecker,
    Kind,
    Mention,
    Timestamp,
    Unevaluable,
    Vocabulary,
    compile_function,
    readable,
)
from nextbest_rules.declarations import ValueType
from nextbest_rules.records import Contact, Ticket

HOUR_MS = 3_600_000


def test_a_missing_value_is_unknown_and_says_which() -> None:
    assert answer("facts.age > 3") == Unevaluable("facts.age has no value", Mention("facts", "age"))
    assert answer("has(facts.age)") is False
    assert answer("has(facts.age)", facts__age=0) is True


def test_a_missing_value_does_not_matter_where_the_rest_decides() -> None:
    assert answer("facts.age > 3 || customer.known", customer__known=True) is True
    assert answer("facts.age > 3 && customer.known", customer__known=False) is False
    assert isinstance(answer("facts.age > 3 || customer.known", customer__known=False), Unevaluable)
    assert isinstance(answer("facts.age > 3 && customer.known", customer__known=True), Unevaluable)


@pytest.mark.parametrize("order", ["[0, 1]", "[1, 0]"])
def test_an_element_that_fails_does_not_matter_where_another_decides(order: str) -> None:
    assert answer(f"{order}.exists(n, 4 / n == 4)") is True
    assert answer(f"{order}.all(n, 4 / n == 5)") is False
    assert isinstance(answer(f"{order}.exists(n, 4 / n == 5)"), Unevaluable)
    assert isinstance(answer(f"{order}.all(n, 4 / n == 4)"), Unevaluable)
    assert isinstance(answer(f"{order}.exists_one(n, 4 / n == 4)"), Unevaluable)


def test_nothing_can_be_said_of_a_value_that_cannot_be_read() -> None:
    tree = checked("has(facts.age) || has(context.page)").tree
    age = Mention("facts", "age")
    layout = {readable(age): 0, age: 1, Mention("context", "page"): 2}
    has = compile_function(tree, layout)
    assert has([True, None, None]) is False
    assert isinstance(has([None, None, None]), Unevaluable)
    assert has([None, None, "x"]) is True


def contact(action: str, outcome: str, hours_ago: float, channel: str = "web") -> Contact:
    return Contact(action, outcome, NOW // 1_000_000 - int(hours_ago * HOUR_MS), channel)


CONTACTS = [
    contact("a", "DISPLAYED", 1),
    contact("a", "CLICKED", 0.5, "email"),
    contact("b", "DISPLAYED", 24),
    contact("b", "REJECTED", -1),
]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("count('', '', '')", 4),
        ("count('a', '', '')", 2),
        ("count('', 'email', '')", 1),
        ("count('', '', 'DISPLAYED')", 2),
        ("count('b', 'web', 'DISPLAYED')", 1),
        ("count('', '', '', duration('24h'))", 3),
        ("count('', '', 'DISPLAYED', duration('24h1ms'))", 2),
        ("count('', '', '', duration('0s'))", 1),
        ("count('c', '', '')", 0),
    ],
)
def test_contacts_are_counted(source: str, expected: int) -> None:
    assert answer(source, Kind.INT, contacts=CONTACTS, now=NOW) == expected


def test_the_last_contact_is_found_and_unknown_if_there_is_none() -> None:
    assert answer("now - last('a', '', '') == duration('30m')", contacts=CONTACTS, now=NOW) is True
    assert answer("now - last('', '', 'DISPLAYED') == duration('1h')", contacts=CONTACTS, now=NOW) is True
    assert isinstance(answer("last('c', '', '') < now", contacts=CONTACTS, now=NOW), Unevaluable)


def test_a_history_that_cannot_be_read_is_unknown() -> None:
    assert isinstance(answer("count('', '', '') > 0", now=NOW), Unevaluable)
    assert isinstance(answer("tickets.exists(t, t.open)"), Unevaluable)


def test_calls_of_functions_over_the_history_are_known() -> None:
    expression = checked("facts.vip || count('a', facts.town, 'CLICKED') > 1 && last('', 'web', '') < now")
    assert [(call.function, call.arguments, call.offset) for call in expression.calls] == [
        ("count", ("a", None, "CLICKED"), 18),
        ("last", ("", "web", ""), 58),
    ]
    assert [str(mention) for mention in expression.mentions] == ["facts.vip", "contacts", "facts.town", "now"]


def test_a_record_without_a_time_is_unknown_there_and_has_says_so() -> None:
    tickets = [Ticket("t", "a", opened_at_ms=5)]
    assert (
        answer("tickets.all(t, !has(t.closed_at) && has(t.opened_at) && has(t.kind))", tickets=tickets)
        is True
    )
    assert isinstance(answer("tickets.exists(t, t.closed_at > t.opened_at)", tickets=tickets), Unevaluable)
    assert answer("dyn(tickets).exists(t, !has(t.closed_at) && t.kind == 'a')", tickets=tickets) is True


@pytest.mark.parametrize("source", ["facts.town + facts.town == ''", "size(facts.tags + facts.tags) > 0"])
def test_what_plus_makes_is_bounded(source: str) -> None:
    half = 65_536 // 2
    assert answer(source, facts__town="x" * half, facts__tags=["x"] * half) in (True, False)
    grown = answer(source, facts__town="x" * (half + 1), facts__tags=["x"] * (half + 1))
    assert grown == Unevaluable("the result of + is longer than 65,536")


def test_a_pattern_that_is_not_written_out_is_bounded_too() -> None:
    source = "'x'.matches(facts.town)"
    assert answer(source, facts__town="(?:x|y)") is True
    assert isinstance(answer(source, facts__town="x" * 257), Unevaluable)
    assert isinstance(answer(source, facts__town="("), Unevaluable)


@pytest.mark.parametrize("function", ["int", "uint", "double", "duration", "timestamp", "bool"])
@pytest.mark.parametrize(
    "text", ["1" * 60_000, "1." + "0" * 60_000 + "x", "0x1p" + "9" * 50, "1" * 5_000 + "s"]
)
def test_monstrous_texts_are_read_or_refused_at_once(function: str, text: str) -> None:
    expression = checked(f"string({function}(facts.town))", Kind.STRING)
    assert isinstance(answer(expression, Kind.STRING, facts__town=text), str | Unevaluable)


class Shade(StrEnum):
    """Text of a class of its own, as enums are."""

    DARK = "dark"


def test_values_of_a_subclass_count_as_values_of_its_base() -> None:
    assert (
        answer("dyn(facts.town) == 'dark' && dyn(facts.town) + '!' == 'dark!'", facts__town=Shade.DARK)
        is True
    )


def test_moments_beyond_the_calendar_are_its_first_and_last() -> None:
    assert answer("string(now)", Kind.STRING, now=Timestamp.of_ms(10**18)) == "9999-12-31T23:59:59.999999999Z"
    assert answer("now.getFullYear('-12:00')", Kind.INT, now=Timestamp.of_ms(-(10**18))) == 0


def test_no_list_holds_a_nan_not_even_one_made_of_it() -> None:
    checker = ExpressionChecker(Vocabulary({"d": ValueType.DOUBLE}, {}, {}, {}))
    expression = checker.check("[facts.d / 0.0].exists(n, n in [n, 1.0])")
    assert isinstance(expression, Expression)
    assert answer(expression, facts__d=0.0) is False
    assert answer(expression, facts__d=1.0) is True
