"""The figures of a decision: what is packed is read again, to the bit, and counters are those that count."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextbest_models.affinity import AffinityCounters, AffinityKeys
from nextbest_models.population import Population
from nextbest_rules import RuleSet, load_catalog
from nextbest_service.catalogs import find_catalog
from nextbest_service.decision_log.entries import LogFormatError
from nextbest_service.decision_log.figures import FigurePacker, read_figures
from nextbest_service.decisions.factors import Factors
from nextbest_service.decisions.generation import Generation, catalog_affinity_keys, feature_spec

NEWER_KEYS = 5
"""Keys that the dictionary did not have yet when the catalog was loaded."""


@cache
def grocery() -> Generation:
    catalog = load_catalog(find_catalog("grocery"))
    keys = AffinityKeys(sorted(catalog_affinity_keys(catalog)))
    return Generation.build(RuleSet.compile(catalog), feature_spec(catalog), keys, Population.unknown(), {})


@cache
def packer() -> FigurePacker:
    values = grocery().values.astype("<f4")
    levers = {("", ""): grocery().levers("", "", {}).astype("<f4")}
    return FigurePacker.of(values, levers, grocery().assembler)


def counters(random: np.random.Generator, count: int) -> AffinityCounters:
    """Return counters with figures of all sizes, some of keys that no action has."""
    size = packer().size + NEWER_KEYS
    ids = np.sort(random.choice(size, count, replace=False)).astype(np.uint16)
    figures = [random.integers(0, 1 << random.integers(1, 17), count).astype(np.uint16) for _ in range(3)]
    return AffinityCounters(ids, *figures)


def factors(
    random: np.random.Generator, count: int, *, changed: float, pinned: float, mixed: bool
) -> Factors:
    """Return factors of which a share are others than declared."""
    rows = np.sort(random.choice(len(packer().values), count, replace=False)).astype(np.intp)
    declared = packer().values[rows].astype(np.float64), packer().levers["", ""][rows].astype(np.float64)
    value, lever, weight = (
        np.where(random.random(count) < changed, random.gamma(2, 9, count), own)
        for own in (*declared, np.ones(count))
    )
    return Factors.of(
        rows=rows,
        propensity=random.beta(1, 30, count),
        value=value,
        context_weight=weight,
        lever=lever,
        pinned=random.random(count) < pinned,
        maturity=random.integers(0, 3 if mixed else 1, count).astype(np.int8),
        strength=np.ones(count),
    )


@given(
    st.integers(0, 2**32),
    st.integers(0, 300),
    st.integers(0, 300),
    st.sampled_from([0.0, 0.1, 1.0]),
    st.sampled_from([0.0, 0.1, 1.0]),
    st.booleans(),
)
def test_what_is_packed_is_read_again(
    seed: int, candidates: int, known: int, changed: float, pinned: float, mixed: bool
) -> None:
    random = np.random.default_rng(seed)
    given_counters = counters(random, known)
    given_factors = factors(random, candidates, changed=changed, pinned=pinned, mixed=mixed)
    packed = packer().pack(given_factors, ("", ""), given_counters)
    found, found_counters = read_figures(packed, packer().values, packer().levers["", ""])
    assert found.rows.tolist() == given_factors.rows.tolist()
    for name in ("propensity", "value", "lever", "context_weight"):
        expected = getattr(given_factors, name).astype(np.float32)
        assert getattr(found, name).tobytes() == expected.tobytes(), name
    assert found.pinned.tolist() == given_factors.pinned.tolist()
    assert found.maturity.tolist() == given_factors.maturity.tolist()
    assert found_counters == grocery().assembler.counters_behind(given_counters, given_factors.rows)


def test_a_value_that_is_no_number_is_kept_as_such() -> None:
    random = np.random.default_rng(7)
    some = factors(random, 20, changed=0.0, pinned=0.0, mixed=False)
    some.value[3], some.value[4] = np.nan, np.inf  # a view of the figures
    found, _ = read_figures(packer().pack(some, ("", ""), AffinityCounters.empty()), *declared())
    assert np.isnan(found.value[3])
    assert np.isinf(found.value[4])


def test_what_is_as_declared_takes_no_room() -> None:
    some = factors(np.random.default_rng(7), 100, changed=0.0, pinned=0.0, mixed=False)
    packed = packer().pack(some, ("", ""), AffinityCounters.empty())
    mask, propensities, a_zero_each = (len(packer().values) + 7) // 8, 400, 4
    maturity, no_counters = 2, 4
    assert len(packed) == mask + propensities + a_zero_each + maturity + no_counters


def test_maturities_that_rankings_keep_need_no_copy() -> None:
    some = factors(np.random.default_rng(7), 10, changed=0.0, pinned=0.0, mixed=True)
    kept = some.maturity.copy()
    kept.flags.writeable = False
    found, _ = read_figures(
        packer().pack(some._replace(maturity=kept), ("", ""), AffinityCounters.empty()), *declared()
    )
    assert found.maturity.tolist() == kept.tolist()


@pytest.mark.parametrize("cut", [1, 2, 7, 100, 500])
def test_figures_that_were_cut_short_are_refused(cut: int) -> None:
    random = np.random.default_rng(7)
    packed = packer().pack(
        factors(random, 100, changed=0.5, pinned=0.5, mixed=True), ("", ""), counters(random, 200)
    )
    with pytest.raises(LogFormatError):
        read_figures(packed[:-cut], *declared())
    with pytest.raises(LogFormatError):
        read_figures(packed + b"\0" * cut, *declared())


def declared() -> tuple[np.ndarray, np.ndarray]:
    return packer().values, packer().levers["", ""]


@pytest.mark.parametrize("largest", [1, 255, 256, 65_535])
def test_counters_keep_figures_of_every_width(largest: int) -> None:
    key = int(packer().keys[len(packer().values) + 1])
    row = np.flatnonzero(packer().keys[: len(packer().values) + 1] <= len(packer().values) + 1)[-1]
    figures = (np.array([figure], np.uint16) for figure in (key, largest, largest, largest))
    some = factors(np.random.default_rng(7), len(packer().values), changed=0.0, pinned=0.0, mixed=False)
    assert row in some.rows
    _, found = read_figures(packer().pack(some, ("", ""), AffinityCounters(*figures)), *declared())
    assert [int(column[0]) for column in found.statistics] == [largest] * 3
