"""Contributions: the parts of a score add up to it, whichever way the model scores."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import lightgbm
import numpy as np
import pytest
from small_world import AFFINITIES, FEATURES, KEYS

from nextbest_models.affinity import AffinityCounters
from nextbest_models.assembly import ActionProfile, CandidateAssembler
from nextbest_models.calibration import Calibration, Curve, Method, log_odds
from nextbest_models.contributions import Contributions, Explainer
from nextbest_models.definitions import DAY_MS
from nextbest_models.features import FeatureSpec
from nextbest_models.population import Population
from nextbest_models.ranker import EXACT, LIGHTGBM, Ranker
from nextbest_models.state import CustomerFeatures

NOW = 20_000 * DAY_MS
SPEC = FeatureSpec.from_declarations(AFFINITIES, FEATURES)
ACTIONS = [
    ActionProfile("a", {"size": 3, "grade": "B"}, {"product": ["p0", "p1"], "colour": ["red"]}),
    ActionProfile("b", {"grade": "A"}, {"colour": ["blue"]}),
    ActionProfile("c", {"size": 7}, {}),
]
ASSEMBLER = CandidateAssembler(SPEC, ACTIONS, KEYS, Population.unknown())
COUNTERS = AffinityCounters(
    KEYS.stored(np.array([0, 2])), *(np.array(it, dtype=np.uint16) for it in ([3, 8], [19_990] * 2, [9, 1]))
)
CUSTOMER = CustomerFeatures(np.array([4, 20, np.nan, 2.5, 7, 5], dtype=np.float32), COUNTERS, NOW)
ROWS = np.arange(3)
CURVE = Curve(Method.PLATT, np.array([-35.0, 35.0]), np.array([-71.0, 69.0]))


def booster(objective: str = "binary", trees: int = 20, **more: Any) -> lightgbm.Booster:
    rng = np.random.default_rng(5)
    matrix = np.round(rng.normal(size=(600, len(SPEC.columns))) * 6)
    matrix[rng.random(matrix.shape) < 0.3] = np.nan
    labels = (np.nan_to_num(matrix).sum(axis=1) + rng.normal(size=600) * 5 > 9).astype(np.float32)
    parameters = {"objective": objective, "num_leaves": 15, "min_data_in_leaf": 3, "verbosity": -1, **more}
    rows = lightgbm.Dataset(matrix, labels, feature_name=list(SPEC.columns), params=parameters)
    text = lightgbm.train({**parameters, "num_threads": 1}, rows, trees).model_to_string()
    return lightgbm.Booster(model_str=text)


def explained(ranker: Ranker, types: tuple[str, ...] = ()) -> tuple[Contributions, ...]:
    codes = ranker.calibration.codes(types) if types else None
    found = ranker.over(ASSEMBLER, codes).contributions(CUSTOMER, {"hour": 9.0}, ROWS, NOW)
    assert found is not None
    return found


MODELS = {
    "exact": (EXACT, booster()),
    "another sigmoid": (EXACT, booster(sigmoid=0.4)),
    "cross entropy": (EXACT, booster("cross_entropy")),
    "random forest": (EXACT, booster(boosting="rf", bagging_freq=1, bagging_fraction=0.6)),
    "too large for the exact scorer": (LIGHTGBM, booster(num_leaves=100, min_data_in_leaf=1)),
}


@pytest.mark.parametrize("name", MODELS)
def test_base_and_contributions_add_up_to_the_log_odds_of_the_propensity(name: str) -> None:
    scorer, model = MODELS[name]
    ranker = Ranker(model, SPEC.columns, "v")
    assert ranker.scorer.name == scorer
    propensities = ranker.over(ASSEMBLER).propensities(CUSTOMER, {"hour": 9.0}, ROWS, NOW)
    parts = explained(ranker)
    assert len(set(propensities.tolist())) == 3
    for part, odds in zip(parts, log_odds(propensities).tolist(), strict=True):
        assert part.base + sum(part.log_odds.tolist()) == pytest.approx(odds, abs=1e-9)
        assert (part.score, part.calibration) == (pytest.approx(odds, abs=1e-9), 0.0)


def test_values_are_those_that_the_model_saw() -> None:
    seen = explained(Ranker(MODELS["exact"][1], SPEC.columns, "v"))[0].values
    np.testing.assert_array_equal(seen, ASSEMBLER.assemble(CUSTOMER, {"hour": 9.0}, ROWS, NOW)[0])
    assert np.isnan(seen[SPEC.columns.index("days_since_visit")])
    assert seen[SPEC.columns.index("product_count")] == 3.0


def test_what_calibration_adds_stands_apart() -> None:
    plain, curved = MODELS["exact"][1], Calibration({"OFFER": CURVE})
    ranker = Ranker(plain, SPEC.columns, "v", curved)
    codes = curved.codes(("OFFER", "SERVICE", "OFFER"))
    propensities = ranker.over(ASSEMBLER, codes).propensities(CUSTOMER, {"hour": 9.0}, ROWS, NOW)
    parts = explained(ranker, ("OFFER", "SERVICE", "OFFER"))
    assert parts[1].calibration == 0.0
    assert parts[0].calibration == pytest.approx(parts[0].score - 1.0, abs=1e-9)
    found = [part.score + part.calibration for part in parts]
    assert found == pytest.approx(log_odds(propensities).tolist(), abs=1e-9)


@pytest.mark.parametrize("model", [booster(linear_tree=True), booster("regression"), booster("poisson")])
def test_models_that_lightgbm_does_not_take_apart_have_no_contributions(model: lightgbm.Booster) -> None:
    ranker = Ranker(model, SPEC.columns, "v")
    assert ranker.over(ASSEMBLER).contributions(CUSTOMER, {}, ROWS, NOW) is None


def test_parts_that_do_not_add_up_to_the_score_are_none() -> None:
    """A model whose counts of rows were edited still scores, but has no Shapley values."""
    text = MODELS["exact"][1].model_to_string()
    line = next(it for it in text.splitlines() if it.startswith("internal_count="))
    zeros = "internal_count=" + " ".join("0".zfill(len(it)) for it in line[15:].split(" "))
    damaged = text.replace(line, zeros, 1)
    explainer = Explainer.of(lightgbm.Booster(model_str=damaged), damaged)
    assert explainer is not None
    assert explainer.contributions(ASSEMBLER.assemble(CUSTOMER, {}, ROWS, NOW)) is None


def test_nothing_asked_is_nothing_explained() -> None:
    ranker = Ranker(MODELS["exact"][1], SPEC.columns, "v")
    assert ranker.over(ASSEMBLER).contributions(CUSTOMER, {}, np.empty(0, dtype=np.intp), NOW) == ()


def test_the_largest_effects_come_first_and_equal_ones_by_column() -> None:
    parts = Contributions(0.0, np.zeros(5), np.array([0.1, -2.0, 0.0, 2.0, 0.1]))
    assert parts.largest(9) == [1, 3, 0, 4]
    assert parts.largest(3) == [1, 3, 0]


def test_many_threads_at_once_see_the_same_contributions() -> None:
    """The first call prepares the trees; it may come from several threads at a time."""
    matrix = ASSEMBLER.assemble(CUSTOMER, {"hour": 9.0}, np.tile(ROWS, 20), NOW)
    alone = explained(Ranker(MODELS["exact"][1], SPEC.columns, "v"))
    for _ in range(5):
        fresh = booster()
        explainer = Explainer.of(fresh, fresh.model_to_string())
        assert explainer is not None
        with ThreadPoolExecutor(8) as pool:
            for found in pool.map(explainer.contributions, [matrix] * 16):
                assert found is not None
                for place, part in enumerate(found):
                    np.testing.assert_array_equal(part.log_odds, alone[place % 3].log_odds)
