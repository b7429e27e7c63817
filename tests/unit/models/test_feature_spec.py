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
            "feature 'visits': 'aggregate' must be one of count, sum, recency, decayed_count, decayed_sum",
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
            _feature(definition={"aggregate": "recency", "of": "visits", "window": "7d"}),
            "feature 'visits': unknown field 'window' (known here: aggregate, of)",
        ),
        (
            _feature(definition={"aggregate": "sum", "of": "visits"}),
            "feature 'visits': 'value' must be a non-empty string",
        ),
        (
            _feature(definition={"ratio": "spend", "to": "visits"}),
            "feature 'visits': 'spend' is not an aggregate declared above it",
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


def test_the_vector_schema_names_the_customers_part_alone(spec: FeatureSpec) -> None:
    without_pairs = [item for item in FEATURES if item["source"] == "customer"]
    assert FeatureSpec.from_declarations([], without_pairs).vector_schema_id == spec.vector_schema_id
    assert len(spec.vector_schema_id) == 8
    swapped = [FEATURES[1], FEATURES[0], *FEATURES[2:]]
    assert FeatureSpec.from_declarations(AFFINITIES, swapped).vector_schema_id != spec.vector_schema_id


def test_the_counters_schema_changes_with_the_unit(spec: FeatureSpec) -> None:
    coarser = [
        {**AFFINITIES[0], "definition": {"of": "visits", "value": "spend", "unit": 2.0}},
        AFFINITIES[1],
    ]
    assert FeatureSpec.from_declarations(coarser, FEATURES).counters_schema_id != spec.counters_schema_id
