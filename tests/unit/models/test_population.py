"""What all customers did together, and one customer measured by it."""

import math

import numpy as np
import pytest
from small_world import AFFINITIES, KEYS

from nextbest_models.affinity import AffinityCounters
from nextbest_models.assembly import ActionProfile, CandidateAssembler
from nextbest_models.definitions import DAY_MS, PopulationStatistic
from nextbest_models.features import FeatureSpec, FeatureSpecError
from nextbest_models.population import Population
from nextbest_models.state import CustomerFeatures

NOW = 20_000 * DAY_MS
MISSING = pytest.approx(math.nan, nan_ok=True)
FEATURES = [
    {"name": "buyers", "source": "action", "definition": {"affinity": "product", "population": "customers"}},
    {"name": "sales", "source": "action", "definition": {"affinity": "product", "population": "total"}},
    {
        "name": "count_relative",
        "source": "pair",
        "definition": {"affinity": "product", "statistic": "count", "combine": "sum", "relative": True},
    },
    {
        "name": "spend_relative",
        "source": "pair",
        "definition": {"affinity": "product", "statistic": "total", "combine": "sum", "relative": True},
    },
]
SPEC = FeatureSpec.from_declarations(AFFINITIES, FEATURES)
P0, P1, P2 = KEYS.ids_for("product", ["p0", "p1", "p2"]).tolist()
ACTIONS = [
    ActionProfile("both", {}, {"product": ["p0", "p1"]}),
    ActionProfile("one", {}, {"product": ["p1", "unknown key"]}),
    ActionProfile("unsold", {}, {"product": ["p2"]}),
    ActionProfile("keyless", {}, {}),
]


def _counters(*rows: tuple[int, int, int]) -> AffinityCounters:
    """Rows are (key id, count, total in units of 0.5)."""
    ids, counts, totals = (np.array(column, dtype=np.uint16) for column in zip(*rows, strict=True))
    return AffinityCounters(ids, counts, np.full(len(ids), 19_999, dtype=np.uint16), totals)


EVERYBODY = _counters((P0, 4, 8), (P1, 1, 1), (P0, 2, 4), (P1, 3, 7))


def _columns(population: Population, counters: AffinityCounters) -> dict[str, list[float]]:
    assembler = CandidateAssembler(SPEC, ACTIONS, KEYS, population)
    customer = CustomerFeatures(np.empty(0, dtype=np.float32), counters, NOW)
    matrix = assembler.assemble(customer, {}, np.arange(len(ACTIONS)), NOW)
    return {name: matrix[:, column].tolist() for column, name in enumerate(SPEC.columns)}


def test_the_population_sums_up_the_counters_of_all_customers() -> None:
    population = Population.of(EVERYBODY, len(KEYS))
    assert population.customers[[P0, P1, P2]].tolist() == [2, 2, 0]
    assert population.counts[[P0, P1, P2]].tolist() == [6, 4, 0]
    assert population.totals[[P0, P1, P2]].tolist() == [12, 8, 0]


def test_an_actions_population_features_sum_over_its_keys_in_the_familys_units() -> None:
    columns = _columns(Population.of(EVERYBODY, len(KEYS)), AffinityCounters.empty())
    assert columns["buyers"] == [4.0, 2.0, 0.0, MISSING]
    assert columns["sales"] == [10.0, 4.0, 0.0, MISSING]


def test_a_relative_pair_feature_is_measured_by_the_average_buyer() -> None:
    columns = _columns(Population.of(EVERYBODY, len(KEYS)), _counters((P0, 3, 6), (P1, 2, 8)))
    assert columns["count_relative"] == [5 / (10 / 4), 2 / (4 / 2), MISSING, MISSING]
    assert columns["spend_relative"] == [7.0 / (10.0 / 4), 4.0 / (4.0 / 2), MISSING, MISSING]


def test_what_nobody_else_bought_has_no_average_to_be_measured_by() -> None:
    columns = _columns(Population.of(EVERYBODY, len(KEYS)), _counters((P2, 3, 6)))
    assert columns["count_relative"][2] == MISSING


def test_without_a_population_its_features_are_missing() -> None:
    columns = _columns(Population.unknown(), _counters((P0, 3, 6)))
    assert all(column == [MISSING] * len(ACTIONS) for column in columns.values())


def test_a_population_of_an_older_dictionary_has_nothing_on_newer_keys() -> None:
    older = Population.of(_counters((P0, 4, 8)), P0 + 1)
    assert older.column(PopulationStatistic.COUNT, len(KEYS)).tolist()[P0 : P1 + 1] == [4, 0]


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        (
            {"affinity": "product", "statistic": "recency", "combine": "sum", "relative": True},
            "'relative' needs the statistic count or total",
        ),
        (
            {"affinity": "product", "statistic": "count", "combine": "max", "relative": True},
            "and combine: sum",
        ),
        (
            {"affinity": "product", "statistic": "count", "combine": "sum", "relative": "yes"},
            "'relative' must be true or false",
        ),
    ],
)
def test_a_relative_feature_that_makes_no_sense_is_refused(
    definition: dict[str, object], problem: str
) -> None:
    with pytest.raises(FeatureSpecError, match=problem):
        FeatureSpec.from_declarations(
            AFFINITIES, [{"name": "odd", "source": "pair", "definition": definition}]
        )


def test_population_features_name_a_declared_family() -> None:
    with pytest.raises(FeatureSpecError, match="affinity 'shape' is not declared"):
        FeatureSpec.from_declarations(
            AFFINITIES,
            [
                {
                    "name": "odd",
                    "source": "action",
                    "definition": {"affinity": "shape", "population": "count"},
                }
            ],
        )
