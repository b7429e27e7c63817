"""A tiny run of every curve: real catalogs, a real model, real Valkeys and a real service."""

import asyncio

import pytest

from benchmarks.growth.curves import Plan
from benchmarks.growth.results import CurveResult
from benchmarks.growth.run import measure_all
from benchmarks.growth.worlds import WorldSize

TINY = Plan(
    actions=(20, 60),
    narrow=(60, 80),
    predicates=(5, 10),
    trees=(2, 4),
    contacts=(0, 20),
    customers=(100, 1_000),
    callers=(1, 4),
    passes=2,
    call_passes=1,
    call_seconds=0.3,
    base=WorldSize(actions=60, predicates=10, trees=4),
)


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CurveResult]:
    told: list[str] = []
    measured = asyncio.run(measure_all(TINY, tmp_path_factory.mktemp("g"), told.append))
    assert len(told) > 20, "progress is told"
    return {it.curve.name: it for it in measured}


def test_every_curve_is_measured_at_its_points(curves: dict[str, CurveResult]) -> None:
    assert {name: [it.size for it in curve.points] for name, curve in curves.items()} == {
        "catalog": [20, 60],
        "catalog_narrow": [60, 80],
        "predicates": [5, 10],
        "trees": [2, 4],
        "history": [0, 20],
        "customers": [100, 1_000],
        "concurrency": [1, 4],
    }
    assert all(it.cpu_us > 0 for curve in curves.values() for it in curve.points)


def test_about_as_many_actions_survive_as_a_point_wants(curves: dict[str, CurveResult]) -> None:
    """One in ten of 60; and of the narrow curve all that the conditions leave, for 100 are not there."""
    assert curves["catalog"].points[1].more["survivors"] == pytest.approx(6, abs=2)
    assert curves["catalog_narrow"].points[0].more["survivors"] > 25


def test_a_customer_takes_about_as_many_bytes_in_a_small_store_as_in_a_large_one(
    curves: dict[str, CurveResult],
) -> None:
    small, large = (it.more["bytes_each"] for it in curves["customers"].points)
    assert 1_000 < large < 3_000
    assert small == pytest.approx(large, rel=0.3)


def test_calls_over_grpc_are_counted_and_timed(curves: dict[str, CurveResult]) -> None:
    for point in curves["concurrency"].points:
        assert point.more["per_second"] > 10
        assert 0 < point.more["p50_ms"] <= point.more["p99_ms"]
