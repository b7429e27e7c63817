from hypothesis import given
from hypothesis import strategies as st

from nextbest_service.decisions.bitmask import flags_of, rows_of


@given(st.integers(0, 40).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, max(0, 2**size - 1)))))
def test_a_mask_survives_the_way_to_arrays_and_back(case: tuple[int, int]) -> None:
    size, mask = case
    flags, rows = flags_of(mask, size), rows_of(mask, size)
    assert len(flags) == size
    assert sum(1 << bit for bit, flag in enumerate(flags.tolist()) if flag) == mask
    assert [bit for bit, flag in enumerate(flags.tolist()) if flag] == rows.tolist()


def test_the_lowest_bit_is_the_first_action_of_the_catalog() -> None:
    assert flags_of(0b1, 10).tolist() == [True] + [False] * 9
    assert rows_of(0b10_0000_0001, 10).tolist() == [0, 9]
