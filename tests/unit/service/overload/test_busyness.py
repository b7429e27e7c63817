"""How busy the loop is, and how much gives way for that."""

import threading
import time

import pytest

from nextbest_service.overload.busyness import Busyness, seconds_wanted


class Work:
    """A thread's work, as the system counts it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return how much it is."""
        return self.seconds


def sampled(*shares: float) -> Busyness:
    """Return what comes of samples of a tenth of a second in which the loop was busy for these shares."""
    work, now = Work(), 50.0
    busyness = Busyness(work)
    busyness.sample(now)
    for share in shares:
        now += 0.1
        work.seconds += 0.1 * share
        busyness.sample(now)
    return busyness


def test_nothing_gives_way_to_a_loop_with_time_to_spare() -> None:
    busyness = sampled(*[0.85] * 100)
    assert busyness.share == pytest.approx(0.85)
    assert busyness.giving_way == 0.0


def test_a_loop_without_time_to_spare_has_everything_without_hurry_give_way_within_a_second() -> None:
    assert 0.0 < sampled(1.0, 1.0).giving_way < 1.0
    assert sampled(*[1.0] * 6).giving_way == 1.0


def test_it_comes_back_as_soon_as_there_is_time() -> None:
    assert sampled(*[1.0] * 100, 0.3, 0.3).giving_way == 0.0


def test_a_clock_that_stands_still_does_no_harm() -> None:
    busyness = Busyness(Work())
    busyness.sample(1.0)
    busyness.sample(1.0)
    assert busyness.share == 0.0


def test_time_that_a_thread_works_is_counted_and_time_that_it_sleeps_is_not() -> None:
    found = list[float]()

    def work() -> None:
        wanted = seconds_wanted()
        before = wanted()
        ends = time.monotonic() + 0.2
        while time.monotonic() < ends:
            pass
        found.append(wanted() - before)
        before = wanted()
        time.sleep(0.2)
        found.append(wanted() - before)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found[0] > 0.15
    assert found[1] < 0.1
