from pathlib import Path

import pytest

from benchmarks.growth.calls import Called
from benchmarks.growth.curves import CATALOG, CONCURRENCY, CUSTOMERS, HISTORY, QUICK, WHOLE
from benchmarks.growth.desk import STAGES, Taken
from benchmarks.growth.pictures import draw
from benchmarks.growth.populations import Read
from benchmarks.growth.report import page, slope, table, verdict
from benchmarks.growth.results import (
    CurveResult,
    document,
    low,
    of_calls,
    of_decisions,
    of_reads,
    target,
)

MACHINE = {"python": "3.11", "seconds": 7}


def _taken(us: float, alone_us: float = 700.0, alone_cpu_us: float = 600.0) -> Taken:
    return Taken(us, alone_us, alone_cpu_us, dict.fromkeys(STAGES, us / 10))


def _catalog(at_most: int, alone_ms: float, cpu_ms: float | None = None) -> CurveResult:
    large = _taken(700, 1e3 * alone_ms, 1e3 * (alone_ms - 0.2 if cpu_ms is None else cpu_ms))
    return CurveResult.of(
        CATALOG, [of_decisions(100, [_taken(500)], 10), of_decisions(at_most, [large], 990)]
    )


def test_the_lower_quartile_ignores_noisy_passes_and_one_lucky_pass() -> None:
    assert low([1.0, 10.0, 10.0, 10.0, 11.0, 90.0, 95.0]) == 10.0
    assert low([3.0]) == 3.0


@pytest.mark.parametrize(("ms", "met"), [(2.9, True), (3.0, True), (3.1, False)])
def test_the_promise_about_large_catalogs_is_met_by_a_lone_caller_s_time_in_the_server(
    ms: float, met: bool
) -> None:
    curves = [_catalog(10_000, ms)]
    assert target(curves).met is met
    assert ("**met**" in verdict(target(curves))) is met
    assert document(curves, MACHINE)["target"]["met"] is met  # type: ignore[index]


@pytest.mark.parametrize(
    ("ms", "cpu_ms", "met"), [(2.9, 1.0, True), (6.0, 1.8, None), (6.0, 3.1, False), (3.2, 2.9, False)]
)
def test_a_busy_machine_gets_no_verdict_but_what_the_cpu_alone_decides(
    ms: float, cpu_ms: float, met: bool | None
) -> None:
    promise = target([_catalog(10_000, ms, cpu_ms)])
    assert promise.met is met
    assert ("too busy" in verdict(promise)) is (met is None)


def test_a_run_without_the_large_catalog_says_nothing_about_the_promise() -> None:
    assert target([_catalog(3_000, 1.0)]).met is None
    assert "not measured" in verdict(target([_catalog(3_000, 1.0)]))


def _curves() -> list[CurveResult]:
    reads = [of_reads(size, [Read(40, 90)], 1_700) for size in (1_000, 10_000)]
    calls = [of_calls(size, [Called(400, 900, 2, 5)]) for size in (1, 64)]
    history = [of_decisions(size, [_taken(500 + size)], 100) for size in (0, 20, 500)]
    return [
        _catalog(10_000, 2.0),
        CurveResult.of(HISTORY, history),
        CurveResult.of(CUSTOMERS, reads),
        CurveResult.of(CONCURRENCY, calls),
    ]


def test_table_page_and_pictures_show_every_curve(tmp_path: Path) -> None:
    curves = _curves()
    results = document(curves, MACHINE)
    draw(curves, tmp_path)
    for text in (table(curves, results), page(curves, results)):
        assert all(it.curve.title in text and slope(it) in text for it in curves)
    for curve in curves:
        assert (tmp_path / f"growth-{curve.curve.name}.png").read_bytes().startswith(b"\x89PNG")
        assert f"growth-{curve.curve.name}.png" in page(curves, results)


def test_the_whole_plan_goes_as_far_as_was_promised() -> None:
    assert (WHOLE.actions[0], WHOLE.actions[-1]) == (100, 10_000)
    assert (WHOLE.predicates[0], WHOLE.predicates[-1]) == (10, 1_000)
    assert (WHOLE.trees[0], WHOLE.trees[-1]) == (50, 500)
    assert (WHOLE.contacts[0], WHOLE.contacts[-1]) == (0, 500)
    assert (WHOLE.customers[0], WHOLE.customers[-1]) == (1_000, 1_000_000)
    assert (WHOLE.callers[0], WHOLE.callers[-1]) == (1, 256)


@pytest.mark.parametrize("plan", [WHOLE, QUICK])
def test_all_curves_but_one_cross_in_the_same_world(plan: object) -> None:
    assert plan is WHOLE or plan is QUICK
    crossings = [{it._replace(size=0) for it in points} for points in plan.points().values()]
    assert len(set.intersection(*crossings)) == 1
