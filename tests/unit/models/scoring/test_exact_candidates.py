import subprocess
import sys

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import AFFINITIES, FEATURES, KEYS

from nextbest_models.affinity import AffinityCounters
from nextbest_models.assembly import ActionProfile, CandidateAssembler
from nextbest_models.definitions import DAY_MS
from nextbest_models.features import FeatureSpec
from nextbest_models.population import Population
from nextbest_models.ranker import EXACT, LIGHTGBM, ModelError, Ranker
from nextbest_models.scoring import candidates
from nextbest_models.state import CustomerFeatures

NOW = 20_000 * DAY_MS + 5 * 3_600_000
RELATIVE = [
    {
        "name": f"relative_{statistic}",
        "source": "pair",
        "definition": {"affinity": "product", "statistic": statistic, "combine": "sum", "relative": True},
        "default": default,
    }
    for statistic, default in (("count", None), ("total", -3.0))
]
BUYERS = {
    "name": "buyers",
    "source": "action",
    "definition": {"affinity": "product", "population": "customers"},
}
SPEC = FeatureSpec.from_declarations(AFFINITIES, [RELATIVE[0], *FEATURES, BUYERS, RELATIVE[1]])
ACTIONS = [
    ActionProfile("a", {"size": 3, "grade": "B"}, {"product": ["p0", "p1"], "colour": ["red", "blue"]}),
    ActionProfile("b", {"grade": "?"}, {"product": ["p2"], "colour": ["blue"]}),
    ActionProfile("c", {"size": True, "grade": "A"}, {}),
    ActionProfile("d", {"size": 1.5}, {"product": ["nobody knows this", "p1"], "colour": ["green"]}),
    ActionProfile("e", {"size": 0}, {"product": ["p1", "p1", "p2"]}),
]
POPULATION = Population(*(np.array(it) for it in ([9, 4, 0, 3, 2], [20, 5, 0, 7, 2], [31, 17, 0, 9, 0])))
ASSEMBLER = CandidateAssembler(SPEC, ACTIONS, KEYS, POPULATION)


def _booster(objective: str = "binary", **more: object) -> lightgbm.Booster:
    rng = np.random.default_rng(5)
    matrix = np.round(rng.normal(size=(600, len(SPEC.columns))) * 6)
    matrix[rng.random(matrix.shape) < 0.3] = np.nan
    labels = (np.nan_to_num(matrix).sum(axis=1) + rng.normal(size=600) * 5 > 0).astype(np.float32)
    parameters = {"objective": objective, "num_leaves": 15, "min_data_in_leaf": 3, "verbosity": -1, **more}
    rows = lightgbm.Dataset(matrix, labels, feature_name=list(SPEC.columns), params=parameters)
    return lightgbm.Booster(
        model_str=lightgbm.train({**parameters, "num_threads": 1}, rows, 12).model_to_string()
    )


BOOSTER = _booster()
CANDIDATES = Ranker(BOOSTER, SPEC.columns, "v").over(ASSEMBLER)

counter = st.tuples(st.integers(0, 65_535), st.integers(19_000, 20_010), st.integers(0, 65_535))
numbers = st.one_of(st.floats(width=32, allow_nan=True), st.integers(-20, 20).map(float))


@st.composite
def customers(draw: st.DrawFn) -> CustomerFeatures:
    """Draw somebody who may have touched keys that are newer than the dictionary."""
    held = sorted(draw(st.dictionaries(st.integers(0, 7), counter)).items())
    wide = draw(st.sampled_from([np.uint16, np.uint32]))
    ids = np.array([key for key, _ in held], dtype=wide)
    columns = np.array([row for _, row in held], dtype=np.uint16).reshape(-1, 3).T
    vector = draw(st.lists(numbers, min_size=6, max_size=6))
    return CustomerFeatures(np.array(vector, dtype=np.float32), AffinityCounters(ids, *columns), NOW)


@settings(max_examples=300, deadline=None)
@given(
    customers(),
    st.dictionaries(st.sampled_from(["hour", "weather"]), numbers),
    st.lists(st.integers(0, len(ACTIONS) - 1)),
)
def test_candidates_score_as_their_assembled_rows_do(
    customer: CustomerFeatures, context: dict[str, float], rows: list[int]
) -> None:
    """To the last bit: LightGBM's own logistic function is in the comparison."""
    positions = np.array(rows, dtype=np.intp)
    matrix = ASSEMBLER.assemble(customer, context, positions, NOW)
    expected = BOOSTER.predict(matrix, num_threads=1) if rows else np.empty(0)
    scores = CANDIDATES.propensities(customer, context, positions, NOW)
    np.testing.assert_array_equal(scores, expected)


def test_requests_of_any_shape_compile_nothing() -> None:
    """Read-only arrays, wide ids, strided rows: to numba each is a type of its own."""
    # Models of other tests in this process, with trees of other sizes, have compiled for themselves.
    others = {*candidates.propensities.signatures}
    CANDIDATES.propensities(CustomerFeatures.unknown(SPEC, NOW), {}, np.arange(2), NOW)
    before = {*candidates.propensities.signatures}
    assert len(before - others) <= 1
    columns = [
        np.frombuffer(np.array([1, 3], dtype=kind).tobytes(), kind) for kind in ("u4", "u2", "u2", "u2")
    ]
    vector = np.frombuffer(np.zeros(6, np.float32).tobytes(), np.float32)
    customer = CustomerFeatures(vector, AffinityCounters(*columns), NOW)
    read_only = np.frombuffer(np.arange(3).tobytes(), np.intp)
    for rows in (np.arange(4)[::2], np.arange(5, dtype=np.int32), np.empty(0, dtype=np.intp), read_only):
        CANDIDATES.propensities(customer, {"hour": 3}, rows, NOW)
    assert {*candidates.propensities.signatures} == before


def test_an_empty_catalog_scores_nothing() -> None:
    empty = CandidateAssembler(SPEC, [], KEYS, POPULATION)
    scores = (
        Ranker(BOOSTER, SPEC.columns, "v")
        .over(empty)
        .propensities(CustomerFeatures.unknown(SPEC, 0), {}, np.empty(0, dtype=np.intp), NOW)
    )
    assert scores.shape == (0,)


def test_features_without_pairs_or_context_are_scored() -> None:
    spec = FeatureSpec.from_declarations(AFFINITIES, [FEATURES[0], FEATURES[6]])
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(200, 2))
    data = lightgbm.Dataset(
        matrix, matrix[:, 0] > 0, feature_name=list(spec.columns), params={"verbosity": -1}
    )
    booster = lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 5)
    assembler = CandidateAssembler(spec, ACTIONS, KEYS, POPULATION)
    customer, rows = CustomerFeatures.unknown(spec, NOW), np.arange(5)
    expected = booster.predict(assembler.assemble(customer, {}, rows, NOW), num_threads=1)
    scores = Ranker(booster, spec.columns, "v").over(assembler).propensities(customer, {}, rows, NOW)
    np.testing.assert_array_equal(scores, expected)


def test_a_model_that_is_too_large_is_left_to_lightgbm_which_says_so() -> None:
    booster = _booster(num_leaves=100, min_data_in_leaf=1)
    ranker = Ranker(booster, SPEC.columns, "v")
    assert ranker.scorer.name == LIGHTGBM
    assert "more than 64" in ranker.scorer.why
    customer, rows = CustomerFeatures.unknown(SPEC, NOW), np.arange(5)
    expected = booster.predict(ASSEMBLER.assemble(customer, {}, rows, NOW), num_threads=1)
    np.testing.assert_array_equal(ranker.over(ASSEMBLER).propensities(customer, {}, rows, NOW), expected)


@pytest.mark.parametrize(
    ("objective", "more"),
    [("cross_entropy", {}), ("binary", {"sigmoid": 0.7}), ("binary", {"boosting": "rf", "bagging_freq": 1})],
)
def test_each_objective_has_its_own_way_to_probabilities(objective: str, more: dict[str, object]) -> None:
    booster = _booster(objective, bagging_fraction=0.8, **more)
    ranker = Ranker(booster, SPEC.columns, "v")
    assert ranker.scorer.name == EXACT
    customer, rows = CustomerFeatures.unknown(SPEC, NOW), np.arange(5)
    expected = booster.predict(ASSEMBLER.assemble(customer, {}, rows, NOW), num_threads=1)
    scores = ranker.over(ASSEMBLER).propensities(customer, {}, rows, NOW)
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("objective", "more", "why"),
    [
        ("regression", {}, "objective 'regression' does not give probabilities"),
        ("poisson", {}, "objective 'poisson' does not give probabilities"),
        ("multiclass", {"num_class": 3}, "3 outputs"),
    ],
)
def test_what_is_no_probability_is_left_to_lightgbm(
    objective: str, more: dict[str, object], why: str
) -> None:
    ranker = Ranker(_booster(objective, **more), SPEC.columns, "v")
    assert ranker.scorer.name == LIGHTGBM
    assert why in ranker.scorer.why


def test_a_score_that_is_no_number_is_an_error_for_candidates_too() -> None:
    text = BOOSTER.model_to_string()
    line = next(it for it in text.splitlines() if it.startswith("leaf_value="))
    damaged = "leaf_value=" + " ".join("nan" for _ in line.split(" "))
    # The table of sizes, by which LightGBM finds its trees, has to fit.
    size = text.split("tree_sizes=")[1].split(" ")[0]
    text = text.replace(line, damaged, 1)
    text = text.replace(f"tree_sizes={size} ", f"tree_sizes={int(size) + len(damaged) - len(line)} ", 1)
    ranker = Ranker(lightgbm.Booster(model_str=text), SPEC.columns, "v9")
    assert ranker.scorer.name == EXACT
    with pytest.raises(ModelError, match="v9 gave a score that is no probability"):
        ranker.over(ASSEMBLER).propensities(CustomerFeatures.unknown(SPEC, 0), {}, np.arange(5), NOW)


def test_commands_that_score_nothing_do_not_import_numba() -> None:
    code = "import sys, nextbest_service.composition; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
