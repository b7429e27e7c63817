"""What expressions of catalogs may say, and what they are told if they may not."""

import pytest
from cel_shop import CHECKER, answer, checked

from nextbest_rules.cel import Expression, ExpressionFault, Kind, Unevaluable
from nextbest_rules.records import Ticket

MIXED = (
    "'+' does not take (double, int); write whole numbers as 1.0 beside a double, or convert with double(…)"
)


def faults(source: str, wants: Kind = Kind.BOOL, element: str | None = None) -> list[tuple[int, int, str]]:
    found = CHECKER.check(source, wants, element)
    assert not isinstance(found, Expression)
    assert all(isinstance(fault, ExpressionFault) for fault in found)
    return [(fault.line, fault.column, fault.message) for fault in found]


@pytest.mark.parametrize(
    "source",
    [
        "features.trips > 1",
        "1 <= features.trips",
        "facts.age > 17.5",
        "action.size != action.rate",
        "facts.age in [18, 21] || 'x' in facts.tags",
        "now - facts.since > duration('72h')",
        "has(facts.age) ? facts.age > 3 : customer.known",
        "facts.tags.exists(tag, tag.startsWith(action.campaign))",
        "facts.odd > 3 && facts.odd == 'anything'",
        "channel == 'web' && direction == 'INBOUND' && brand == '' && goal == 'retention'",
        "conditions.adult && !conditions.regular",
        "tickets.exists(t, t.open && t.kind == 'complaint' && now - t.opened_at < duration('24h'))",
        "purchases.exists(p, 'x' == p.product) || events.exists(event, event.type == 'mention.posted')",
        "contacts.exists(c, has(c.at) && c.group == 'YOGURT' && c.outcome == 'CLICKED')",
        "count('x', '', 'DISPLAYED') < 3 && last('', 'email', '') < now",
    ],
)
def test_a_well_typed_expression_is_accepted(source: str) -> None:
    checked(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("features.trips > 'x'", [(1, 16, "'>' does not take (double, string)")]),
        ("facts.agee > 3", [(1, 6, "facts.agee is not declared; did you mean 'age'?")]),
        (
            "tickets.exists(t, t.kindd == 'x')",
            [(1, 20, "ticket.kindd is not declared; did you mean 'kind'?")],
        ),
        ("chanel == 'web'", [(1, 1, "unknown name 'chanel'; did you mean 'channel'?")]),
        ("facts == facts", [(1, at, "name one of the fields of 'facts', as in facts.…") for at in (1, 10)]),
        ("dyn(.facts).age == 3", [(1, 6, "name one of the fields of 'facts', as in facts.…")]),
        (
            "['x'].exists(action, action == 'x')",
            [(1, 13, "'action' has a meaning of its own; rename the loop variable")],
        ),
        ("facts.age", [(1, 1, "a condition is true or false, and this is int")]),
        ("ticket.open", [(1, 7, "unknown name 'ticket.open'; did you mean 'tickets'?")]),
        ("has(conditions.adult)", [(1, 4, "a named condition is always there: leave out has()")]),
        ("context.page.matches('a[')", [(1, 22, "bad regular expression: missing ]: [")]),
        (
            f"context.page.matches('{'a' * 257}')",
            [(1, 22, "the regular expression is longer than 256 characters")],
        ),
        ("now.getHours('Asia/Nowhere') > 8", [(1, 14, "unknown time zone")]),
        ("now < timestamp('tomorrow')", [(1, 17, "the text is no timestamp")]),
        ("now - now < duration('1 day')", [(1, 22, "the text is no duration")]),
        ("count('', '', 'CLICK') > 1", [(1, 15, "unknown outcome 'CLICK'; did you mean 'CLICKED'?")]),
        (
            "{facts.town: 1}['x'] == 1",
            [(1, 1, "the keys of a map have to be strings, ints, uints or bools, and written out")],
        ),
        ("{1: 'a', 1u: 'b'}[1] == 'a'", [(1, 1, "a key stands twice in the map")]),
        ("google.protobuf.Timestamp{seconds: 1} == now", [(1, 1, "messages are not supported")]),
        (
            "[1].all(a, [1].all(b, [1].all(c, [1].all(d, a == d))))",
            [(1, 41, "more than 3 macros stand inside each other")],
        ),
        ("!" + "(" * 40 + "true" + ")" * 40, [(1, 1, "the expression is nested more than 32 levels deep")]),
        ("'x\ud800' == ''", [(1, 3, "half a surrogate pair is no character")]),
        ("facts.vip ? 1 : 'x'", [(1, 11, "'?:' does not take (bool, int, string)")]),
        ("true" + " " * 4_093, [(1, 1, "the expression is longer than 4,096 characters")]),
        (
            "features.trips + 1 > 2.0",
            [(1, 16, MIXED)],
        ),
        ("facts.age >", [(1, 12, "syntax error: mismatched input '<EOF>'")]),
    ],
)
def test_what_is_refused_is_told_why_and_where(source: str, expected: list[tuple[int, int, str]]) -> None:
    assert faults(source) == expected


def test_every_fault_is_reported_at_once_with_its_line() -> None:
    found = faults("facts.agee > 3 ||\n  context.page > 3")
    assert [(line, column) for line, column, _ in found] == [(1, 6), (2, 16)]


@pytest.mark.parametrize(
    ("wants", "accepted", "refused"),
    [
        (Kind.NUMBER, ["facts.age + 1", "features.trips * 2.0", "facts.odd"], ["1u", "facts.town"]),
        (Kind.STRING, ["facts.town + 'x'"], ["facts.age"]),
        (Kind.INT, ["size(facts.tags)"], ["features.trips"]),
        (Kind.TIMESTAMP, ["now + duration('1h')"], ["now - now"]),
        (
            Kind.ANY,
            ["facts.tags", "1", "1.5", "'x'", "true", "now", "[]"],
            ["{'a': 1}", "null", "[1]", "tickets"],
        ),
    ],
)
def test_an_expression_is_held_to_the_kind_that_is_wanted(
    wants: Kind, accepted: list[str], refused: list[str]
) -> None:
    for source in accepted:
        checked(source, wants)
    for source in refused:
        [(_, _, message)] = faults(source, wants)
        assert message.startswith("this has to be a")


def test_a_value_that_turns_out_to_be_of_another_kind_is_no_value() -> None:
    assert isinstance(answer("dyn(facts.age)", Kind.BOOL, facts__age=1), Unevaluable)
    assert isinstance(answer("dyn(facts.age)", Kind.STRING, facts__age=1), Unevaluable)
    assert answer("dyn(facts.age)", Kind.NUMBER, facts__age=1) == 1
    assert answer("dyn(facts.tags)", Kind.ANY, facts__tags=["a"]) == ["a"]
    assert isinstance(answer("[dyn(facts.age)]", Kind.ANY, facts__age=1), Unevaluable)


@pytest.mark.parametrize(
    "source",
    [
        "[dyn(facts.age)].map(x, true && x) == [true]",
        "([1] + [dyn(facts.town)])[1] > 0",
        "(facts.age > 0 ? [1] : [dyn(facts.town)])[0] > 1 || [dyn(facts.town)].exists(x, x > 1)",
        "{'a': dyn(facts.town)}.a > 1",
    ],
)
def test_types_that_dyn_hides_are_found_out_when_an_expression_runs(source: str) -> None:
    assert isinstance(answer(source, facts__age=5, facts__town="x"), Unevaluable)


def test_the_values_that_an_expression_reads_are_known_in_order() -> None:
    source = (
        "has(facts.age) && (action.size > 3 || .context.page == 'x') "
        "&& facts.tags.all(tag, tag != action.campaign) && tickets.exists(now, now.open) && channel == 'web'"
    )
    read = [str(mention) for mention in checked(source).mentions]
    assert read == [
        "facts.age",
        "action.size",
        "context.page",
        "facts.tags",
        "action.campaign",
        "tickets",
        "channel",
    ]


def test_a_loop_variable_hides_a_plain_variable_but_not_one_with_a_leading_dot() -> None:
    assert answer("['a'].exists(channel, channel == 'a' && .channel == 'b')", channel="b") is True


def test_an_element_is_a_variable_where_it_is_declared() -> None:
    expression = checked("ticket.open && ticket.severity == 'high'", element="ticket")
    assert answer(expression, ticket=Ticket("t", severity="high")) is True
    assert answer(expression, ticket=Ticket("t", severity="high", closed_at_ms=5)) is False
