import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from corner_shop import NOW_MS, catalog

from nextbest_service.clock import Clock, FixedClock, StoreClock, machine_ms
from nextbest_service.composition import choose_clock
from nextbest_service.settings import Settings

TOLERANCE_MS = 5_000


def shows(clock: Clock, time_ms: float) -> bool:
    return abs(clock.at(machine_ms()) - time_ms) < TOLERANCE_MS


def settings(clock: object = None, *, freeze: bool = False) -> Settings:
    return Settings(home=Path(), catalog="shop", clock=clock, freeze_clock=freeze)


def test_the_clock_of_the_catalog_holds_unless_another_is_asked_for() -> None:
    assert shows(choose_clock(settings(), catalog()), NOW_MS)


def test_a_moment_that_is_asked_for_beats_the_catalogs() -> None:
    moment = datetime(2020, 2, 29, 12, tzinfo=UTC)
    assert shows(choose_clock(settings(moment), catalog()), moment.timestamp() * 1000)


def test_now_is_the_real_time_whatever_the_catalog_says() -> None:
    assert shows(choose_clock(settings("now"), catalog()), time.time() * 1000)


def test_a_catalog_without_a_clock_lives_now() -> None:
    assert shows(choose_clock(settings(), replace(catalog(), clock_ms=None)), time.time() * 1000)


def test_a_shifted_clock_follows_the_stores() -> None:
    clock = StoreClock.starting_at(0)
    assert clock.at(20) - clock.at(0) == 20
    assert shows(clock, 0)


def test_workers_have_one_clock_whenever_each_of_them_was_started() -> None:
    """A worker that replaces another an hour later does not begin at the catalog's time again."""
    hour_ms = 3_600_000
    later = settings().model_copy(update={"started_ms": machine_ms() - hour_ms})
    assert shows(choose_clock(later, catalog()), NOW_MS + hour_ms)
    frozen = later.model_copy(update={"clock": "now", "freeze_clock": True})
    assert choose_clock(frozen, catalog()) == FixedClock(later.started_ms or 0)


def test_a_clock_that_nobody_moved_shows_the_stores_time() -> None:
    assert StoreClock().at(1_234) == 1_234


def test_a_fixed_clock_stands_still_whatever_the_store_shows() -> None:
    assert FixedClock(7).at(1_234) == FixedClock(7).at(0) == 7


def test_a_frozen_clock_stands_still_exactly_where_it_starts() -> None:
    moment = datetime(2020, 2, 29, 12, tzinfo=UTC)
    clock = choose_clock(settings(moment, freeze=True), catalog())
    assert clock == FixedClock(round(moment.timestamp() * 1000))
    assert choose_clock(settings(freeze=True), catalog()) == FixedClock(NOW_MS)


def test_now_may_be_frozen_too() -> None:
    clock = choose_clock(settings("now", freeze=True), catalog())
    assert isinstance(clock, FixedClock)
    assert shows(clock, time.time() * 1000)
