import copy

import pytest
from small_world import AFFINITIES, FEATURES

from nextbest_models.features import FeatureSpec, FeatureSpecError


def _feature(**fields: object) -> dict[str, object]:
    return {
        "name": "visits",
        "source": "customer",
        "definition": {"aggregate": "count", "of": "visits"},
        **fields,
    }


def _problems(affinities: list[dict[str, object]], features: list[dict[str, object]]) -> tuple[str, ...]:
    with pytest.raises(FeatureSpecError) as caught:
        FeatureSpec.from_declarations(affinities, features)
    return caught.value.problems


def test_columns_follow_the_order_of_the_declarations(spec: FeatureSpec) -> None:
    assert spec.columns[:2] == ("visits_7d", "spend")
    assert spec.columns[-1] == "colour_most"
    assert spec.customer_names == spec.columns[:6]
    assert len(spec.customer_defaults) == 6


@pytest.mark.parametrize(
    ("feature", "problem"),
    [
        (
            _feature(source="moon"),
            "feature 'visits': 'source' must be one of customer, action, context, pair",
        ),
        (_feature(default="0"), "feature 'visits': 'default' must be a number"),
        (_feature(default=True), "feature 'visits': 'default' must be a number"),
        (_feature(default=float("inf")), "feature 'visits': 'default' must be finite"),
        (_feature(definition=None), "feature 'visits': 'definition' must be a mapping"),
        (
            _feature(definition={"aggregate": "median", "of": "visits"}),
            (
                "feature 'visits': 'aggregate' must be one of count, sum, recency, first, "
                "decayed_count, decayed_sum, distinct"
            ),
        ),
        (
            _feature(definition={"aggregate": "count", "of": "visits", "window": "soon"}),
            "feature 'visits': 'window' must be a duration like 91d or 12h",
        ),
        (
            _feature(definition={"aggregate": "count", "of": "visits", "window": "0d"}),
            "feature 'visits': 'window' must be a duration like 91d or 12h",
        ),
        (
            _feature(definition={"aggregate": "first", "of": "visits", "window": "7d"}),
            "feature 'visits': unknown field 'window' (known here: aggregate, of)",
        ),
        (
            _feature(definition={"aggregate": "sum", "of": "visits"}),
            "feature 'visits': 'value' must be a non-empty string",
        ),
        (
            _feature(definition={"ratio": "spend", "to": "visits"}),
            "feature 'visits': 'spend' is not a customer's feature declared above it",
        ),
        (
            _feature(definition={"weighted": {"visits": 1.0}}),
            "feature 'visits': 'visits' is not a customer's feature declared above it",
        ),
        (
            _feature(definition={"weighted": {}}),
            "feature 'visits': 'weighted' must map features to finite numbers",
        ),
        (
            _feature(definition={"weighted": {"spend": float("nan")}}),
            "feature 'visits': 'weighted' must map features to finite numbers",
        ),
        (_feature(definition={"external": "yes"}), "feature 'visits': 'external' must be true"),
        (
            _feature(definition={"external": True, "of": "visits"}),
            "feature 'visits': unknown field 'of' (known here: external)",
        ),
        (
            _feature(definition={"aggregate": "distinct", "of": "visits"}),
            "feature 'visits': 'distinct' needs either 'value' or 'key'",
        ),
        (
            _feature(definition={"aggregate": "distinct", "of": "visits", "value": "page", "key": "taste"}),
            "feature 'visits': 'distinct' needs either 'value' or 'key'",
        ),
        (
            _feature(definition={"aggregate": "distinct", "of": "visits", "key": "taste"}),
            "feature 'visits': affinity 'taste' is not declared",
        ),
        (
            _feature(source="action", definition={"attribute": "size", "codes": {"A": "one"}}),
            "feature 'visits': 'codes' must map strings to numbers",
        ),
        (
            _feature(source="pair", definition={"affinity": "taste", "statistic": "count", "combine": "sum"}),
            "feature 'visits': affinity 'taste' is not declared",
        ),
        (
            _feature(source="pair", definition={"affinity": "taste", "statistic": "mode", "combine": "sum"}),
            "feature 'visits': 'statistic' must be one of count, recency, total",
        ),
    ],
)
def test_a_wrong_declaration_is_named_with_what_would_be_right(
    feature: dict[str, object], problem: str
) -> None:
    assert problem in _problems([], [feature])


def test_different_keys_are_counted_on_the_stream_of_their_family() -> None:
    feature = _feature(definition={"aggregate": "distinct", "of": "mails", "key": "product"})
    problem = "feature 'visits': affinity 'product' counts 'visits' and not 'mails'"
    assert problem in _problems([AFFINITIES[0]], [feature])


def test_the_digest_of_features_that_did_not_change_is_what_it_was() -> None:
    """Models carry it: a language that learns more words must not make them unusable."""
    digest = "f5699ca92e4fcdb58f8287752d0bc25d7d327bfe633b73373d705d83ddbd9896"
    assert FeatureSpec.from_declarations(AFFINITIES, FEATURES).digest == digest


def test_all_problems_are_reported_at_once() -> None:
    affinities = [
        {"family": "product", "definition": {"of": "visits", "value": "spend", "unit": 0}},
        {"family": "colour", "definition": {"of": "visits", "value": "spend"}},
        {"family": "colour", "definition": {"of": "visits", "value": "spend"}},
    ]
    problems = _problems(affinities, [_feature(), _feature(), _feature(name="broken", source="moon")])
    assert problems == (
        "affinity 'product': 'unit' must be a number above 0",
        "feature 'broken': 'source' must be one of customer, action, context, pair",
        "feature 'visits' is declared 2 times",
        "affinity 'colour' is declared 2 times",
    )


def test_a_catalog_that_rules_alone_decide_has_no_features() -> None:
    assert FeatureSpec.from_declarations([], []).columns == ()


def test_the_digest_changes_with_every_meaning_and_with_no_description(spec: FeatureSpec) -> None:
    described = copy.deepcopy([dict(item) for item in FEATURES])
    described[0]["description"] = "Said differently"
    assert FeatureSpec.from_declarations(AFFINITIES, described).digest == spec.digest

    for changed in (
        [{**FEATURES[0], "default": 1.0}, *FEATURES[1:]],
        [FEATURES[1], FEATURES[0], *FEATURES[2:]],
        [
            {**FEATURES[0], "definition": {"aggregate": "count", "of": "visits", "window": "8d"}},
            *FEATURES[1:],
        ],
    ):
        assert FeatureSpec.from_declarations(AFFINITIES, changed).digest != spec.digest
    coarser = [
        {**AFFINITIES[0], "definition": {"of": "visits", "value": "spend", "unit": 2.0}},
        AFFINITIES[1],
    ]
    assert FeatureSpec.from_declarations(coarser, FEATURES).digest != spec.digest
