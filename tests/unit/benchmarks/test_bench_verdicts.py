"""When a run of the benchmark may say anything, and what the thresholds make of it. Synthetic rounds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.load.check import HELD, MISSED, NO_VERDICT, checked, faults
from benchmarks.load.measuring import Cell, percentile
from benchmarks.load.results import enough, ratio
from benchmarks.load.verdict import TARGETS, noise, why_no_verdict


def cell(server: str, level: float | None, round_: int, *, tail_ms: float = 2.0) -> Cell:
    """Return 1,000 calls, of which 20 took `tail_ms`."""
    latencies = np.concatenate([np.full(980, 0.5), np.full(20, tail_ms)])
    return Cell(server, level, round_, 700.0, 1_000.0, 0, 0, 170.0, 10.0, 0.98, 0.3, 0.1, latencies)


def a_run(echo_tails: tuple[float, ...] = (2.0, 2.1, 1.9, 2.0, 2.2)) -> list[Cell]:
    cells = [cell("echo", 0.7, round_, tail_ms=tail) for round_, tail in enumerate(echo_tails)]
    cells += [cell(server, None, it) for server in ("echo", "nextbest") for it in range(len(echo_tails))]
    return cells


def test_a_quiet_run_has_a_verdict() -> None:
    assert why_no_verdict(a_run(), rounds=5, apart=True) == []


def test_a_round_in_which_the_echo_had_more_than_twice_its_usual_tail_ends_all_verdicts() -> None:
    cells = a_run((2.0, 2.1, 1.9, 4.5, 2.2))
    assert noise(cells) == pytest.approx(4.5 / 2.1)
    (reason,) = why_no_verdict(cells, rounds=5, apart=True)
    assert "too noisy" in reason


def test_exactly_twice_is_still_quiet() -> None:
    assert why_no_verdict(a_run((2.0, 2.0, 2.0, 4.0, 2.0)), rounds=5, apart=True) == []


def test_a_tail_that_is_long_in_every_round_alike_is_no_noise() -> None:
    assert why_no_verdict(a_run((40.0, 41.0, 39.0, 40.0, 42.0)), rounds=5, apart=True) == []


def test_a_machine_that_is_busy_all_the_time_is_found_by_the_share_of_the_core() -> None:
    """Seen on 2026-11-22: load average 9, the echo's tails alike (noise 1.46), a quarter of the core left."""
    cells = [replace(it, core_share=0.25) for it in a_run((80.0, 81.0, 79.0, 80.0, 82.0))]
    reasons = why_no_verdict(cells, rounds=5, apart=True)
    assert noise(cells) < 1.1
    assert {it.split(":")[0] for it in reasons} == {"echo", "nextbest"}


def test_a_server_need_not_fill_its_core_below_saturation() -> None:
    cells = [replace(it, core_share=0.3) if it.level is not None else it for it in a_run()]
    assert why_no_verdict(cells, rounds=5, apart=True) == []


def test_only_the_echo_tells_of_noise() -> None:
    noisy = [cell("nextbest", 0.7, round_, tail_ms=tail) for round_, tail in enumerate((1.0, 1, 1, 1, 90))]
    assert why_no_verdict([*a_run(), *noisy], rounds=5, apart=True) == []


def test_without_any_echo_nothing_is_known_of_the_noise() -> None:
    cells = [it for it in a_run() if it.server != "echo"]
    assert any("too noisy" in it for it in why_no_verdict(cells, rounds=5, apart=True))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"errors": 1}, "failed"),
        ({"wrong": 1}, "not whole"),
        ({"load_busy": 0.95}, "bottleneck"),
        ({"core_share": 0.8}, "of its core"),
    ],
)
def test_a_single_failure_or_a_slow_load_ends_all_verdicts(change: dict[str, Any], word: str) -> None:
    cells = a_run()
    cells[-1] = replace(cells[-1], **change)
    (reason,) = why_no_verdict(cells, rounds=5, apart=True)
    assert word in reason
    assert reason.startswith("nextbest")


def test_few_rounds_or_a_shared_core_prove_nothing() -> None:
    assert "too few" in why_no_verdict(a_run(), rounds=4, apart=True)[0]
    assert "one core" in why_no_verdict(a_run(), rounds=5, apart=False)[0]


def test_percentiles_are_latencies_that_were_measured() -> None:
    latencies = np.arange(1.0, 1_001.0)
    assert [percentile(latencies, it) for it in (50, 99, 99.9, 100)] == [500, 990, 999, 1000]


def test_percentiles_do_not_depend_on_how_floats_write_them() -> None:
    calls = 41_000  # in floats 99.9 % of it is a little more than a whole number
    assert percentile(np.arange(1.0, calls + 1.0), 99.9) == calls * 999 // 1000


def test_a_percentile_takes_ten_calls_beyond_it() -> None:
    assert enough(10_000, 99.9)
    assert not enough(9_999, 99.9)
    assert enough(1_000, 99.0)


def test_ratios_compare_servers_within_a_round() -> None:
    """The medians of all rounds would give 40 / 80."""
    assert ratio({0: 30.0, 1: 40.0, 2: 60.0}, {0: 50.0, 1: 100.0, 2: 80.0}) == 0.6


def test_targets_are_kept_on_the_right_side() -> None:
    by_key = {it.key: it for it in TARGETS}
    assert by_key["ratio_to_echo"].met(0.6)
    assert not by_key["ratio_to_echo"].met(0.59)
    assert by_key["p99_ms"].met(5.0)
    assert not by_key["p99_ms"].met(5.1)
    assert by_key["p999_ms"].met(None) is None  # not measured is not missed


FOUND = {"ratio_to_echo": 0.5, "p99_to_echo": 3.0, "why_no_verdict": []}


def test_thresholds_are_held_or_missed() -> None:
    held = {"least": {"ratio_to_echo": 0.5}, "most": {"p99_to_echo": 3}}
    assert checked(FOUND, held, as_json=True) == HELD
    missed = {"least": {"ratio_to_echo": 0.51}, "most": {"p99_to_echo": 2.9}}
    assert len([*faults(FOUND, missed)]) == 2
    assert checked(FOUND, missed, as_json=True) == MISSED


def test_a_figure_that_was_not_measured_misses_its_threshold() -> None:
    assert [*faults({**FOUND, "p99_to_echo": None}, {"most": {"p99_to_echo": 3.0}})]


def test_a_run_without_a_verdict_neither_holds_nor_misses(capsys: pytest.CaptureFixture[str]) -> None:
    noisy = {**FOUND, "why_no_verdict": ["the machine was too noisy"]}
    assert checked(noisy, {"least": {"ratio_to_echo": 0.1}}, as_json=False) == NO_VERDICT
    assert "held" not in capsys.readouterr().out
