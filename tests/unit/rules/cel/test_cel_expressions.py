"""What expressions of catalogs may say, and what they are told if they may not."""

from enum import StrEnum

import pytest

from nextbest_rules.cel import (
    MAX_NODES,
    CodeWriter,
    Comparison,
    Expression,
    ExpressionChecker,
    ExpressionFault,
    Kind,
    Mention,
    Timestamp,
    Unevaluable,
    Vocabulary,
    comparison_of,
    compile_function,
    conjuncts,
    disjuncts,
)
from nextbest_rules.cel.kinds import BOOL, DOUBLE, INT, STRING, TIMESTAMP, list_of
from nextbest_rules.declarations import ValueType
from nextbest_rules.records import Contact, Ticket

CHECKER = ExpressionChecker(
    Vocabulary(
        facts={
            "tags": ValueType.STRINGS,
            "age": ValueType.INT,
            "since": ValueType.TIMESTAMP,
            "town": ValueType.STRING,
            "vip": ValueType.BOOL,
            "odd": None,
        },
        features={"trips": ValueType.DOUBLE},
        context={"page": ValueType.STRING},
        attributes={"campaign": ValueType.STRING, "size": ValueType.INT, "rate": ValueType.DOUBLE},
        conditions=frozenset({"adult", "regular"}),
    )
)
MIXED = (
    "'+' does not take (double, int); write whole numbers as 1.0 beside a double, or convert with double(…)"
)
NOW = Timestamp.of_ms(1_510_563_600_000)
HOUR_MS = 3_600_000


def checked(source: str, wants: Kind = Kind.BOOL, element: str | None = None) -> Expression:
    expression = CHECKER.check(source, wants, element)
    assert isinstance(expression, Expression), expression
    return expression


def faults(source: str, wants: Kind = Kind.BOOL, element: str | None = None) -> list[tuple[int, int, str]]:
    found = CHECKER.check(source, wants, element)
    assert not isinstance(found, Expression)
    assert all(isinstance(fault, ExpressionFault) for fault in found)
    return [(fault.line, fault.column, fault.message) for fault in found]


def answer(expression: Expression | str, wants: Kind = Kind.BOOL, /, **values: object) -> object:
    """Evaluate an expression; the keys of values are mentions with __ for the dot."""
    if isinstance(expression, str):
        expression = checked(expression, wants)
    known = {name.replace("__", "."): value for name, value in values.items()}
    layout = {mention: place for place, mention in enumerate(expression.mentions)}
    slots = [known.get(str(mention)) for mention in expression.mentions]
    return compile_function(expression.tree, layout, wants)(slots)


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


def test_nothing_can_be_said_of_a_root_that_cannot_be_read() -> None:
    tree = checked("has(facts.age) || has(context.page)").tree
    layout = {Mention("facts"): 0, Mention("facts", "age"): 1, Mention("context", "page"): 2}
    has = compile_function(tree, layout)
    assert has([True, None, None]) is False
    assert isinstance(has([None, None, None]), Unevaluable)
    assert has([None, None, "x"]) is True


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


def test_a_named_condition_stands_in_its_place() -> None:
    adult = checked("facts.age >= 18")
    regular = checked("conditions.adult && features.trips > 2").inline({"adult": adult})
    inlined = checked("!conditions.regular || channel == 'web'").inline({"regular": regular})
    assert inlined.tree == checked("!(facts.age >= 18 && features.trips > 2) || channel == 'web'").tree
    assert [str(mention) for mention in inlined.mentions] == ["facts.age", "features.trips", "channel"]
    assert inlined.size == 12


def test_a_named_condition_that_is_no_bool_is_an_error_beside_any_operator() -> None:
    odd = checked("dyn(facts.age)")
    inlined = checked("conditions.adult == facts.vip").inline({"adult": odd})
    assert isinstance(answer(inlined, facts__age=1, facts__vip=True), Unevaluable)


def test_named_conditions_that_multiply_grow_too_large() -> None:
    expression = checked("facts.age > 1 || features.trips > 2")
    for _ in range(8):
        expression = checked("conditions.adult && !conditions.adult").inline({"adult": expression})
    assert expression.size > MAX_NODES


def test_deep_expressions_evaluate_though_python_limits_brackets() -> None:
    expression = checked("facts.age > 1")
    for _ in range(60):
        expression = checked("!(conditions.adult ? facts.vip : has(facts.town))").inline(
            {"adult": expression}
        )
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
