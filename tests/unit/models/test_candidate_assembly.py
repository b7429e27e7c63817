import math

import numpy as np
import pytest
from small_world import KEYS

from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.assembly import ActionProfile, CandidateAssembler
from nextbest_models.definitions import DAY_MS
from nextbest_models.features import FeatureSpec
from nextbest_models.population import Population
from nextbest_models.state import CustomerFeatures

NOW = 20_000 * DAY_MS + 5 * 3_600_000
ACTIONS = [
    ActionProfile("a", {"size": 3, "grade": "B"}, {"product": ["p0", "p1"], "colour": ["red", "blue"]}),
    ActionProfile("b", {"grade": "?"}, {"product": ["p2"], "colour": ["blue"]}),
    ActionProfile("c", {"size": True, "grade": "A"}, {}),
    ActionProfile("d", {"size": 1.5}, {"product": ["nobody knows this", "p1"], "colour": ["green"]}),
]


@pytest.fixture
def assembler(spec: FeatureSpec) -> CandidateAssembler:
    return CandidateAssembler(spec, ACTIONS, KEYS, Population.unknown())


def _customer(spec: FeatureSpec, rows: list[tuple[int, int, int, int]]) -> CustomerFeatures:
    """Rows are (key id, count, last day, total in units)."""
    columns = [np.array(column, dtype=np.uint16) for column in zip(*rows, strict=True)]
    vector = np.arange(len(spec.customer_names), dtype=np.float32)
    return CustomerFeatures(vector, AffinityCounters(*columns) if rows else AffinityCounters.empty(), NOW)


def _assembled(
    assembler: CandidateAssembler, customer: CustomerFeatures, **context: float
) -> dict[str, list[float]]:
    matrix = assembler.assemble(customer, context, np.arange(len(ACTIONS)), NOW)
    return {name: matrix[:, column].tolist() for column, name in enumerate(assembler.spec.columns)}


def test_pair_features_combine_the_counters_at_the_actions_keys(
    spec: FeatureSpec, assembler: CandidateAssembler
) -> None:
    customer = _customer(spec, [(0, 2, 19_990, 10), (1, 5, 19_998, 7), (2, 1, 19_900, 4), (3, 9, 19_997, 2)])
    columns = _assembled(assembler, customer)
    nan = pytest.approx(math.nan, nan_ok=True)
    assert columns["product_count"] == [7.0, nan, nan, 5.0]
    assert columns["product_spend"] == [8.5, nan, nan, 3.5]
    assert columns["colour_recency"] == [3.0, 3.0, nan, nan]
    assert columns["colour_most"] == [9.0, 9.0, nan, nan]


def test_a_customer_without_counters_has_no_pair_feature(
    spec: FeatureSpec, assembler: CandidateAssembler
) -> None:
    columns = _assembled(assembler, _customer(spec, []))
    assert all(math.isnan(value) for name in spec.columns[9:] for value in columns[name])


def test_an_unknown_customer_gets_the_declared_defaults(
    spec: FeatureSpec, assembler: CandidateAssembler
) -> None:
    matrix = assembler.assemble(CustomerFeatures.unknown(spec, 0), {}, np.arange(4), NOW)
    np.testing.assert_array_equal(matrix[0, :6], [0.0, 0.0, math.nan, 0.0, 0.0, -1.0])


def test_attributes_become_numbers(spec: FeatureSpec, assembler: CandidateAssembler) -> None:
    columns = _assembled(assembler, _customer(spec, []))
    assert columns["size"] == [3.0, pytest.approx(math.nan, nan_ok=True), 1.0, 1.5]
    assert columns["grade"] == [1.0, 9.0, 0.0, 9.0]


def test_context_is_taken_by_name_and_otherwise_defaults(
    spec: FeatureSpec, assembler: CandidateAssembler
) -> None:
    assert _assembled(assembler, _customer(spec, []), hour=7.0, weather=1.0)["hour"] == [7.0] * 4
    assert _assembled(assembler, _customer(spec, []))["hour"] == [12.0] * 4


def test_rows_come_in_the_order_asked_for(spec: FeatureSpec, assembler: CandidateAssembler) -> None:
    customer = _customer(spec, [(1, 5, 19_998, 7), (4, 2, 19_000, 1)])
    everything = assembler.assemble(customer, {}, np.arange(4), NOW)
    some = assembler.assemble(customer, {}, np.array([3, 1, 3]), NOW)
    np.testing.assert_array_equal(some, everything[[3, 1, 3]])


def test_no_candidate_gives_no_row(spec: FeatureSpec, assembler: CandidateAssembler) -> None:
    matrix = assembler.assemble(_customer(spec, []), {}, np.array([], dtype=np.intp), NOW)
    assert matrix.shape == (0, len(spec.columns))


def test_one_request_leaves_nothing_behind_for_the_next(
    spec: FeatureSpec, assembler: CandidateAssembler
) -> None:
    rows = np.arange(4)
    before = assembler.assemble(_customer(spec, []), {}, rows, NOW)
    assembler.assemble(_customer(spec, [(0, 1, 19_999, 1)]), {"hour": 3.0}, rows, NOW)
    np.testing.assert_array_equal(assembler.assemble(_customer(spec, []), {}, rows, NOW), before)


def test_the_customers_features_are_taken_as_they_are(
    spec: FeatureSpec, assembler: CandidateAssembler
) -> None:
    matrix = assembler.assemble(_customer(spec, []), {}, np.arange(4), NOW)
    np.testing.assert_array_equal(matrix[:, :6], np.tile(np.arange(6.0), (4, 1)))


def test_a_counter_ahead_of_the_clock_is_zero_days_old(
    spec: FeatureSpec, assembler: CandidateAssembler
) -> None:
    columns = _assembled(assembler, _customer(spec, [(2, 1, 20_003, 0)]))
    assert columns["colour_recency"][0] == 0.0


def test_counters_newer_than_the_assemblers_dictionary_are_ignored(spec: FeatureSpec) -> None:
    fewer = AffinityKeys(tuple(pair) for pair in KEYS.to_plain()[:2])
    older = CandidateAssembler(spec, ACTIONS, fewer, Population.unknown())
    columns = _assembled(older, _customer(spec, [(1, 5, 19_998, 7), (4, 3, 19_998, 7)]))
    nan = pytest.approx(math.nan, nan_ok=True)
    assert columns["product_count"] == [5.0, nan, nan, 5.0]


def test_an_empty_catalog_assembles_nothing(spec: FeatureSpec) -> None:
    empty = CandidateAssembler(spec, [], KEYS, Population.unknown())
    assert empty.assemble(_customer(spec, []), {}, np.array([], dtype=np.intp), NOW).shape == (0, 13)
