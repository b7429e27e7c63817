"""All in one compiled call gives the bits that the same does array by array."""

from dataclasses import replace
from functools import cache

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.assembly import ActionProfile, CandidateAssembler
from nextbest_models.calibration import FAR, Calibration, Curve, Method
from nextbest_models.definitions import DAY_MS
from nextbest_models.evidence import Kind
from nextbest_models.features import FeatureSpec
from nextbest_models.population import Population
from nextbest_models.ranker import Ranker
from nextbest_models.scoring import candidates
from nextbest_models.state import CustomerFeatures
from nextbest_rules import Action, ActionType
from nextbest_service.decisions import weighing
from nextbest_service.decisions.factors import Factors, Weights
from nextbest_service.decisions.rankings import Ranking

NOW = 20_000 * DAY_MS + 5 * 3_600_000
SIZE, KEYS = 70, 12
TYPES = [ActionType.OFFER, ActionType.SERVICE]
SPEC = FeatureSpec.from_declarations(
    [{"family": "colour", "definition": {"of": "visits", "value": "spend", "unit": 1.0}}],
    [
        {
            "name": "visits",
            "source": "customer",
            "definition": {"aggregate": "count", "of": "visits", "window": "7d"},
            "default": 0.0,
        },
        {"name": "size", "source": "action", "definition": {"attribute": "size"}},
        {"name": "hour", "source": "context", "definition": {"context": "hour"}, "default": 12.0},
        {
            "name": "colours",
            "source": "pair",
            "definition": {"affinity": "colour", "statistic": "count", "combine": "sum"},
        },
    ],
)


def colours(bit: int) -> list[str]:
    return [f"c{bit % KEYS}", f"c{bit * 7 % KEYS}"][: bit % 3]


def action(bit: int) -> Action:
    return Action(
        id=f"a{bit}",
        type=TYPES[bit % 2],
        issue="i",
        group=f"g{bit % 5}",
        title="",
        value=1.0,
        lever=1.0,
        starting_propensity=None,
        valid=(),
        channels=None,
        attributes={"size": bit % 6},
        affinity={"colour": tuple((name, 1.0) for name in colours(bit))},
        content=None,
    )


ACTIONS = [action(bit) for bit in range(SIZE)]


@cache
def rankings() -> tuple[Ranking, Ranking]:
    """Return a calibrated model as it ranks, and as it ranks array by array."""
    rng = np.random.default_rng(5)
    matrix = np.round(rng.normal(size=(800, len(SPEC.columns))) * 4)
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    labels = (np.nan_to_num(matrix).sum(axis=1) + rng.normal(size=800) * 3 > 0).astype(np.float32)
    parameters = {"objective": "binary", "num_leaves": 15, "min_data_in_leaf": 3, "verbosity": -1}
    rows = lightgbm.Dataset(matrix, labels, feature_name=list(SPEC.columns), params=parameters)
    booster = lightgbm.train({**parameters, "num_threads": 1}, rows, 20)
    curve = Curve(Method.PLATT, np.array([-FAR, FAR]), np.array([-31.0, 20.0]))
    ranker = Ranker(booster, SPEC.columns, "v", Calibration({"OFFER": curve}))
    keys = AffinityKeys([("colour", f"c{number}") for number in range(KEYS)])
    profiles = [
        ActionProfile(it.id, it.attributes, {"colour": colours(bit)}, Kind(it.type.value, it.issue, it.group))
        for bit, it in enumerate(ACTIONS)
    ]
    population = Population(*(np.ones(KEYS, dtype=np.int64) for _ in range(3)))
    whole = Ranking.of("champion", ranker, CandidateAssembler(SPEC, profiles, keys, population), ACTIONS)
    assert whole._in_one is not None
    return whole, replace(whole, _in_one=None)


def weights(seed: int, *, pins: bool) -> Weights:
    random = np.random.default_rng(seed)

    def some() -> np.ndarray:
        return random.choice([0.0, 0.1, 1.0, 1.0, 3.7, 1e300], SIZE)

    pinned = random.random(SIZE) < 0.1 if pins else np.empty(0, dtype=np.bool_)
    return Weights(some(), some(), some(), random.uniform(1, 200, SIZE), pinned)


def somebody(seed: int) -> CustomerFeatures:
    random = np.random.default_rng(seed)
    ids = np.flatnonzero(random.random(KEYS) < 0.6).astype(np.uint16)
    columns = (
        random.integers(low, high, len(ids)).astype(np.uint16)
        for low, high in ((1, 9), (19_900, 20_000), (0, 90))
    )
    vector = np.array([random.choice([0.0, 2.0, np.nan])], dtype=np.float32)
    return CustomerFeatures(vector, AffinityCounters(ids, *columns), NOW)


def same(one: Factors, other: Factors) -> bool:
    return (
        one.rows.tolist() == other.rows.tolist()
        and one.figures.tobytes() == other.figures.tobytes()
        and one.pinned.tolist() == other.pinned.tolist()
        and one.maturity.tolist() == other.maturity.tolist()
        and one.leaders == other.leaders
    )


@settings(max_examples=200)
@given(
    st.integers(0, 2**SIZE - 1),
    st.integers(0, 1_000),
    st.booleans(),
    st.dictionaries(st.sampled_from(["hour", "else"]), st.floats(0, 24)),
)
def test_one_call_gives_the_bits_that_arrays_do(
    mask: int, seed: int, pins: bool, context: dict[str, float]
) -> None:
    customer, by = somebody(seed), weights(seed, pins=pins)
    (one, failed), (other, _) = (it.factors(customer, context, mask, by, NOW) for it in rankings())
    assert not failed
    assert len(one.rows) == mask.bit_count()
    assert same(one, other)


def test_decisions_of_any_shape_compile_nothing() -> None:
    """Read-only vectors, and counters that came as columns: to numba each could be a type of its own."""
    ranking, _ = rankings()
    ranking.factors(somebody(1), {}, 7, weights(1, pins=False), NOW)
    before = [len(it.signatures) for it in (weighing._rank, candidates.propensities)]
    vector = np.frombuffer(np.zeros(1, np.float32).tobytes(), np.float32)
    columns = [
        np.frombuffer(np.array([1, 3], dtype=kind).tobytes(), kind) for kind in ("u4", "u2", "u2", "u2")
    ]
    for customer in (
        CustomerFeatures(vector, AffinityCounters(*columns), NOW),
        CustomerFeatures.unknown(SPEC, NOW),
        somebody(2),
    ):
        for pins in (False, True):
            for mask in (0, 1, 2**SIZE - 1):
                ranking.factors(customer, {"hour": 3}, mask, weights(3, pins=pins), NOW)
    assert [len(it.signatures) for it in (weighing._rank, candidates.propensities)] == before


@pytest.mark.parametrize("pins", [False, True])
def test_what_weighs_is_not_changed(pins: bool) -> None:
    by = weights(4, pins=pins)
    before = [it.tobytes() for it in by]
    rankings()[0].factors(somebody(4), {}, 2**SIZE - 1, by, NOW)
    assert [it.tobytes() for it in by] == before
