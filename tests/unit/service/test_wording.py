"""Words for figures, effects and features, pinned."""

import math

import pytest

from nextbest_models.definitions import AttributeValue, ContextValue, External, Source
from nextbest_models.features import Feature
from nextbest_rules.catalog import FeatureDeclaration
from nextbest_service.decisions.wording import chance, effect, feature_words, figure, listed


@pytest.mark.parametrize(
    ("number", "words"),
    [
        *(
            (0.0, "0"),
            (-0.0, "0"),
            (12.0, "12"),
            (-3.0, "-3"),
            (1_204_000.0, "1,204,000"),
            (1204.56, "1,204.6"),
        ),
        *((0.03125, "0.0312"), (7.123, "7.12"), (1e-7, "1e-07"), (2e15, "2e+15"), (1e300, "1e+300")),
        *((math.inf, "inf"), (math.nan, "nan")),
    ],
)
def test_figures_are_rounded_to_three_digits_or_the_whole(number: float, words: str) -> None:
    assert figure(number) == words


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        *((1.0, "always"), (0.9951, "more than 99 times in 100"), (0.99, "99 times in 100")),
        *((0.5, "50 times in 100"), (0.0312, "3.1 times in 100"), (0.01, "once in 100 times")),
        *((0.0099, "99 times in 10,000"), (0.00012, "1.2 times in 10,000"), (0.0001, "once in 10,000 times")),
        *((0.00002, "less than once in 10,000 times"), (0.0, "less than once in 10,000 times")),
    ],
)
def test_chances_are_so_many_times_in_so_many(probability: float, words: str) -> None:
    assert chance(probability) == words


@pytest.mark.parametrize(
    ("log_odds", "words"),
    [
        *(
            (math.log(2), "raises it a lot"),
            (math.log(1.99), "raises it"),
            (math.log(1.19), "raises it a little"),
        ),
        *((-math.log(2), "lowers it a lot"), (-math.log(1.2), "lowers it"), (-0.05, "lowers it a little")),
        *((0.0, "hardly changes it"), (0.0049, "hardly changes it"), (-0.0049, "hardly changes it")),
    ],
)
def test_effects_are_a_lot_where_they_double_or_halve_the_odds(log_odds: float, words: str) -> None:
    assert effect(log_odds) == words


def declared(name: str, source: Source, description: str, unit: str = "") -> FeatureDeclaration:
    return FeatureDeclaration(name, source.value, {}, None, description, unit)


CODES = AttributeValue("grade", (("gold", 1.0), ("silver", 2.0), ("tin", 3.0), ("lead", 3.0)))


@pytest.mark.parametrize(
    ("source", "definition", "value", "words"),
    [
        (Source.CUSTOMER, External(), 12.0, "Days since the last visit: 12 days"),
        (Source.CUSTOMER, External(), None, "Days since the last visit: not known"),
        (Source.CONTEXT, ContextValue("hour"), None, "Days since the last visit: not given"),
        (Source.PAIR, External(), None, "Days since the last visit: nothing on record"),
        (Source.ACTION, CODES, None, "Days since the last visit: not declared"),
        (Source.ACTION, CODES, 2.0, "Days since the last visit: silver"),
        # Two words have this code: which one it was cannot be told.
        (Source.ACTION, CODES, 3.0, "Days since the last visit: 3 days"),
    ],
)
def test_features_are_told_by_description_value_and_unit(
    source: Source, definition: AttributeValue | ContextValue | External, value: float | None, words: str
) -> None:
    feature = Feature("days", source, definition, math.nan)
    assert (
        feature_words(feature, declared("days", source, "Days since the last visit. ", "days"), value)
        == words
    )


def test_a_feature_without_a_description_goes_by_its_name() -> None:
    feature = Feature("days", Source.CUSTOMER, External(), math.nan)
    assert feature_words(feature, declared("days", Source.CUSTOMER, ""), 0.5) == "days: 0.5"


@pytest.mark.parametrize(
    ("words", "together"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_enumerations(words: list[str], together: str) -> None:
    assert listed(words) == together
