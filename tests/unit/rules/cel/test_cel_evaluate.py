"""One expression with its bindings, as an outside run of conformance tests uses it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from nextbest_rules.cel import (
    Duration,
    EvaluationError,
    ExpressionError,
    Timestamp,
    TypeValue,
    Uint,
    UnsupportedExpressionError,
    evaluate,
)

NOON = datetime(2017, 11, 13, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "bindings", "expected"),
    [
        ("a + 1", {"a": 2}, 3),
        ("a + 1u", {"a": Uint(2)}, Uint(3)),
        ("[a, {'k': b}]", {"a": None, "b": 1.5}, [None, {"k": 1.5}]),
        ("a.b[1].c", {"a": {"b": [0, {"c": "x"}]}}, "x"),
        ("a - duration('1h')", {"a": NOON}, NOON - timedelta(hours=1)),
        ("a - b", {"a": NOON, "b": NOON.astimezone(timezone(timedelta(hours=7)))}, timedelta(0)),
        (
            "a + b",
            {"a": timedelta(days=-1), "b": timedelta(microseconds=1)},
            timedelta(days=-1, microseconds=1),
        ),
        ("string(a)", {"a": Timestamp(1)}, "1970-01-01T00:00:00.000000001Z"),
        ("a == duration('1ns')", {"a": Duration(1)}, True),
        ("a", {"a": b"\xff"}, b"\xff"),
        ("a", {"a": (1, 2)}, [1, 2]),
        ("size(a)", {"a": {1: "x", Uint(2): "y"}}, 2),
        ("type(a)", {"a": Uint(2)}, TypeValue("uint")),
    ],
)
def test_values_go_in_and_out_as_python_has_them(
    expression: str, bindings: dict[str, object], expected: object
) -> None:
    value = evaluate(expression, bindings)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize("expression", ["1 / 0", "a.b", "{'x': 1}.y", "[1][a]", "timestamp(a)"])
def test_an_evaluation_that_fails_raises(expression: str) -> None:
    with pytest.raises(EvaluationError) as raised:
        evaluate(expression, {"a": "x"})
    assert not isinstance(raised.value, ExpressionError)


@pytest.mark.parametrize("expression", ["1 +", "b", "'a' + 1", "f(1)", "'\udfff'"])
def test_an_expression_that_is_wrong_says_where(expression: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        evaluate(expression, {"a": 1})
    assert not isinstance(raised.value, UnsupportedExpressionError)
    assert all(fault.line == 1 and fault.column >= 1 for fault in raised.value.faults)


@pytest.mark.parametrize(
    "expression",
    [
        "google.protobuf.Duration{seconds: 1}",
        "{a: 1}",
        "'a'.matches('(')",
        "duration('1.5ns')",
        "google.protobuf.NullValue.NULL_VALUE",
    ],
)
def test_what_is_not_supported_is_refused_with_its_place(expression: str) -> None:
    with pytest.raises(UnsupportedExpressionError) as raised:
        evaluate(expression, {"a": 1})
    assert [fault.line for fault in raised.value.faults] == [1]


def test_a_binding_that_cel_has_no_value_for_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError):
        evaluate("a", {"a": object()})
    with pytest.raises(TypeError):
        evaluate("a", {"a": {1.5: 1}})
