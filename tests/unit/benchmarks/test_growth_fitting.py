import pytest

from benchmarks.growth.fitting import grows

SIZES = (100.0, 1_000.0, 10_000.0)


def test_a_line_is_found_again_with_its_fixed_part_and_its_slope() -> None:
    growth = grows(SIZES, [300.0 + 0.25 * size for size in SIZES])
    assert growth.fixed == pytest.approx(300.0)
    assert growth.per_unit == pytest.approx(0.25)
    assert growth.worst_error == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_a_power_law_is_found_again_by_its_exponent(power: float) -> None:
    growth = grows(SIZES, [3.0 * size**power for size in SIZES])
    assert growth.exponent == pytest.approx(power)
    assert growth.last_exponent == pytest.approx(power)


def test_the_last_exponent_tells_what_a_fixed_part_hides_from_the_other() -> None:
    growth = grows(SIZES, [1e5 + size**1.5 for size in SIZES])
    assert growth.exponent is not None
    assert growth.last_exponent is not None
    assert growth.exponent < 1.5 - 0.2
    assert growth.last_exponent > growth.exponent


def test_small_points_count_as_much_as_large_ones() -> None:
    """A line that is 10 % off at its large end is not bent until it is 100 % off at its small one."""
    growth = grows([1.0, 10.0, 1_000.0, 2_000.0], [11.0, 20.0, 1_111.0, 2_010.0])
    assert growth.fixed == pytest.approx(10.0, rel=0.1)


def test_two_points_are_enough_and_make_a_line_without_error() -> None:
    growth = grows([1.0, 2.0], [10.0, 12.0])
    assert (growth.fixed, growth.per_unit) == pytest.approx((8.0, 2.0))
    assert growth.worst_error == pytest.approx(0.0, abs=1e-9)


def test_a_size_of_nothing_has_no_exponent() -> None:
    growth = grows([0.0, 20.0], [10.0, 12.0])
    assert growth.exponent is None
    assert growth.last_exponent is None
    assert grows([0.0, 20.0, 40.0], [10.0, 20.0, 40.0]).last_exponent == pytest.approx(1.0)


@pytest.mark.parametrize(("sizes", "costs"), [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([1.0, 2.0], [1.0, 0.0])])
def test_what_shows_no_growth_is_refused(sizes: list[float], costs: list[float]) -> None:
    with pytest.raises(ValueError, match=r"two points|not above 0"):
        grows(sizes, costs)


def test_a_line_is_said_with_its_sign() -> None:
    assert grows([1.0, 2.0], [1_010.0, 1_012.5]).line("tree") == "1,008 µs + 2.5 µs per tree"
    assert grows([1.0, 2.0], [1_010.0, 1_009.5]).line("tree") == "1,010 µs - 0.5 µs per tree"
