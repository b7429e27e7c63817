"""The verdict on a soak: what leaks, fails or does not recover is told; noise is not."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from soak_figures import lower_envelope, memory_growth, recovery, risen, theil_sen
from soak_records import Mark, Questions, Record, Sample
from soak_verdict import judged

SECONDS, EVERY = 1_800.0, 5.0
FAULT = Mark("fault", "store hangs", 900.0, 901.0)
RELOADS = (Mark("good reload", "", 100.0, 101.0), Mark("broken reload", "", 200.0, 201.0))


def sample(at: float, **fields: Any) -> Sample:
    usual: dict[str, Any] = {"rss": 250.0, "store_rss": 20.0, "fds": 28, "threads": 13, "under_way": 0.0}
    usual |= {
        "breaker_open": False,
        "log_waiting": 0.0,
        "log_lost": 0.0,
        "lag_ms": 1.0,
        "ran": 1.0,
        "waited": 0.0,
    }
    return Sample(at=at, **{**usual, **fields})


def samples(**fields: Callable[[float], float]) -> list[Sample]:
    moments = np.arange(0.0, SECONDS, EVERY)
    return [sample(float(at), **{name: of(float(at)) for name, of in fields.items()}) for at in moments]


def questions(
    wait: Callable[[float], float] = lambda _: 0.005, **flags: Callable[[float], bool]
) -> Questions:
    planned = np.arange(0.0, SECONDS, 0.02)
    ended = planned + np.array([wait(float(at)) for at in planned])
    ok, full = (
        np.array([flags.get(name, lambda _: True)(float(at)) for at in planned]) for name in ("ok", "full")
    )
    return Questions(planned, ended, ok, full)


def record(**fields: Any) -> Record:
    usual: dict[str, Any] = {
        "seconds": SECONDS,
        "peak": 100.0,
        "rate": 50.0,
        "samples": samples(),
        "marks": (*RELOADS, FAULT),
        "questions": questions(),
        "violations": (),
        "kept": 1_000,
        "customers": 100,
    }
    return Record(**{**usual, **fields})


def failed(one: Record) -> list[str]:
    return [it.name for it in judged(one) if not it.passed]


def test_a_service_that_stays_as_it_is_passes() -> None:
    assert failed(record()) == []


def test_the_lowest_of_each_stretch_is_kept_with_its_moment() -> None:
    found = lower_envelope([0.0, 10.0, 59.0, 61.0, 130.0], [3.0, 1.0, 2.0, 9.0, 4.0])
    assert found == [(10.0, 1.0), (61.0, 9.0), (130.0, 4.0)]


def test_the_slope_is_that_of_most_points_whatever_a_few_say() -> None:
    points = [(float(at), 2.0 * at) for at in range(20)]
    points[7], points[13] = (7.0, 500.0), (13.0, -500.0)
    assert theil_sen(points) == pytest.approx(2.0, abs=0.01)


def test_one_point_has_no_slope() -> None:
    assert np.isnan(theil_sen([(0.0, 1.0)]))


def test_a_run_too_short_for_a_slope_does_not_pass() -> None:
    assert failed(record(samples=[sample(0.0)], seconds=3.0))[0] == "memory after the first third"


def test_a_leak_is_told_by_the_hour() -> None:
    slope, growth = memory_growth(samples(rss=lambda at: 250.0 + 40.0 * at / 3600), SECONDS)
    assert slope == pytest.approx(40.0)
    assert growth == pytest.approx(40.0 / 3)


def test_memory_that_fills_in_the_first_third_and_peaks_later_is_no_leak() -> None:
    def rss(at: float) -> float:
        return 250.0 + min(at, 550.0) / 10 + (30.0 if at % 60 < 20 else 0.0)

    assert memory_growth(samples(rss=rss), SECONDS) == (0.0, 0.0)
    assert failed(record(samples=samples(rss=rss))) == []


LEAKS: Mapping[str, dict[str, Callable[[float], float]]] = {
    "memory after the first third": {"rss": lambda at: 250.0 + 40.0 * at / 3600},
    "open files after the first third": {"fds": lambda at: 28 + int(at / 200)},
    "threads after the first third": {"threads": lambda at: 13 + int(at / 400)},
    "decision log": {"log_lost": lambda at: float(at > 900)},
}


@pytest.mark.parametrize("what", sorted(LEAKS))
def test_what_leaks_or_is_lost_fails(what: str) -> None:
    assert failed(record(samples=samples(**LEAKS[what]))) == [what]


def test_a_file_more_at_times_is_no_leak() -> None:
    assert risen([28.0, 31.0, 28.0, 28.0, 28.0, 31.0, 28.0, 31.0, 28.0]) == 0.0


@pytest.mark.parametrize("fields", [{"kept": 0}, {"violations": ("c1 was given first 4 times",)}])
def test_a_violation_fails_and_so_does_having_looked_at_nothing(fields: dict[str, Any]) -> None:
    assert [it.split(" ")[0] for it in failed(record(**fields))] == ["what"]


@pytest.mark.parametrize(("every", "passes"), [(500, False), (1_500, True)])
def test_one_error_in_a_thousand_answers_is_too_many(every: int, passes: bool) -> None:
    one = record(questions=questions(ok=lambda at: round(at / 0.02) % every != 1))
    assert (failed(one) == []) is passes


def test_errors_while_a_fault_lasts_are_those_of_the_fault() -> None:
    one = record(questions=questions(ok=lambda at: not FAULT.began <= at <= FAULT.ended + 1.9))
    assert failed(one) == []


@pytest.mark.parametrize(("seconds", "passes"), [(1.5, True), (2.5, False)])
@pytest.mark.parametrize("what", ["full", "waits"])
def test_answers_must_be_full_and_in_time_two_seconds_after_a_fault(
    what: str, seconds: float, passes: bool
) -> None:
    def is_hit(at: float) -> bool:
        return FAULT.began <= at < FAULT.ended + seconds

    hit = (
        questions(full=lambda at: not is_hit(at))
        if what == "full"
        else questions(wait=lambda at: 0.5 if is_hit(at) else 0.005)
    )
    assert ([it for it in failed(record(questions=hit)) if it.startswith("store hangs")] == []) is passes


def test_what_never_recovers_has_no_end() -> None:
    hit = questions(full=lambda at: at < FAULT.began)
    assert recovery(hit, FAULT, 25.0) == float("inf")


def test_waits_that_jump_about_tell_of_no_recovery() -> None:
    jumping = questions(wait=lambda at: 0.2 if at % 6 < 1 else 0.005)
    assert "waits are usual outside faults, so that recoveries can be told" in failed(
        record(questions=jumping)
    )


@pytest.mark.parametrize(
    "reloads",
    [RELOADS[:1], RELOADS[1:], (RELOADS[0], RELOADS[1]._replace(wrong="a broken one changed something"))],
    ids=["no broken one", "no good one", "a wrong one"],
)
def test_reloads_of_both_kinds_must_do_as_they_should(reloads: tuple[Mark, ...]) -> None:
    assert failed(record(marks=(*reloads, FAULT))) == ["reloads: good ones swap, broken ones change nothing"]
