from datetime import UTC, datetime

import pytest

from nextbest_rules import Catalog
from nextbest_rules.declarations import ValueType, WrongTypeError, conform


def test_absent_facts_get_their_defaults_and_others_stay_unknown(shop: Catalog) -> None:
    assert shop.facts.conform({}) == {"campaigns": [], "newsletter": False}
    assert shop.facts.conform({"campaigns": None, "age": None}) == {"campaigns": [], "newsletter": False}


def test_facts_of_a_wrong_type_are_unknown_and_get_no_default(shop: Catalog) -> None:
    assert shop.facts.conform({"campaigns": "spring", "age": 18.0, "city": 3, "newsletter": 1}) == {}


def test_undeclared_facts_are_left_out(shop: Catalog) -> None:
    assert "shoe_size" not in shop.facts.conform({"shoe_size": 43})


def test_right_facts_pass_and_times_are_decoded(shop: Catalog) -> None:
    values = {"campaigns": ["a"], "age": 40, "debt": 3, "newsletter": True}
    assert shop.facts.conform({**values, "member_since": "2020-01-01T00:00:00+01:00"}) == {
        **values,
        "debt": 3.0,
        "member_since": datetime(2019, 12, 31, 23, tzinfo=UTC),
    }


def test_wrong_context_is_reported_by_key_without_its_value(shop: Catalog) -> None:
    assert shop.context.violations({"page": 3, "basket_value": "secret", "colour": "red"}) == (
        ("page", "expected string"),
        ("basket_value", "expected double"),
        ("colour", "not declared by the catalog"),
    )


def test_right_or_absent_context_violates_nothing(shop: Catalog) -> None:
    assert shop.context.violations({"page": "home", "basket_value": 3}) == ()
    assert shop.context.violations({"page": None}) == ()


@pytest.mark.parametrize(
    ("value", "value_type"),
    [
        (True, ValueType.INT),
        (True, ValueType.DOUBLE),
        (1.0, ValueType.INT),
        (2**63, ValueType.INT),
        (2**53 + 1, ValueType.DOUBLE),
        (float("nan"), ValueType.DOUBLE),
        (1, ValueType.BOOL),
        ("\udfff", ValueType.STRING),
        ("2024-01-01", ValueType.TIMESTAMP),
        (datetime(2024, 1, 1), ValueType.TIMESTAMP),  # noqa: DTZ001
        (1_710_496_800_000, ValueType.TIMESTAMP),
        (["a", None], ValueType.STRINGS),
        ("ab", ValueType.STRINGS),
        ([1.5], ValueType.INTS),
        (None, ValueType.STRING),
    ],
)
def test_values_are_never_coerced(value: object, value_type: ValueType) -> None:
    with pytest.raises(WrongTypeError, match=f"expected {value_type}"):
        conform(value, value_type)


def test_whole_numbers_are_doubles_too() -> None:
    assert conform(2**53, ValueType.DOUBLE) == 2.0**53
    assert conform((1, 2.5), ValueType.DOUBLES) == [1.0, 2.5]
