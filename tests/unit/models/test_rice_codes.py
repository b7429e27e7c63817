import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nextbest_models.state_codec.rice import pack, width
from nextbest_models.state_codec.unpacking import (
    CUT_OFF,
    quotients,
    with_equal_remainders,
    with_remainders,
    words_of,
)


def unpack(packed: bytes, widths: np.ndarray) -> tuple[list[int], int]:
    """Return the numbers, and the place behind them."""
    octets, numbers = np.frombuffer(packed, np.uint8), np.empty(len(widths), dtype=np.int64)
    words, at = words_of(octets), quotients(octets, numbers)
    at = with_remainders(words, 8 * len(packed), at, numbers, widths) if at != CUT_OFF else at
    return numbers.tolist(), at


unpack(b"", np.zeros(0, dtype=np.int64))  # compiled before any deadline runs
with_equal_remainders(words_of(np.zeros(1, dtype=np.uint8)), 8, 0, np.zeros(0, dtype=np.int64), 0)


_fields = st.lists(
    st.integers(0, 25).flatmap(lambda bits: st.tuples(st.integers(0, (40 << bits) - 1), st.just(bits)))
)


@given(fields=_fields)
def test_numbers_read_back_whatever_their_widths(fields: list[tuple[int, int]]) -> None:
    numbers = np.array([number for number, _ in fields], dtype=np.int64)
    widths = np.array([bits for _, bits in fields], dtype=np.int64)
    found, behind = unpack(packed := pack(numbers, widths), widths)
    assert found == numbers.tolist()
    assert 0 <= 8 * len(packed) - behind < 8


def test_the_widest_remainder_reads_back_at_every_place_in_a_byte() -> None:
    for before in range(9):
        numbers = np.array([0] * before + [(1 << 56) - 1, 5], dtype=np.int64)
        widths = np.array([1] * before + [56, 3], dtype=np.int64)
        assert unpack(pack(numbers, widths), widths)[0] == numbers.tolist()


@given(numbers=st.lists(st.integers(0, 65_535), min_size=1, max_size=300))
def test_even_wild_numbers_take_few_bits_more_than_their_mean(numbers: list[int]) -> None:
    column = np.array(numbers, dtype=np.int64)
    own = width(column)
    bits = 8 * len(pack(column, np.full(len(column), own)))
    assert bits <= len(column) * (own + 3) + 8


def test_numbers_cut_off_are_refused() -> None:
    numbers, widths = np.array([3, 9, 200]), np.array([2, 2, 5])
    whole = pack(numbers, widths)
    assert unpack(whole, widths)[1] != CUT_OFF
    assert [unpack(whole[:size], widths)[1] for size in range(len(whole))] == [CUT_OFF] * len(whole)


def test_quotients_cut_off_are_refused_before_anything_is_made_of_them() -> None:
    numbers = np.array([9] * 20)
    packed = np.frombuffer(pack(numbers, np.zeros(20, dtype=np.int64)), np.uint8)
    found = np.empty(20, dtype=np.int64)
    assert quotients(packed, found) == 200
    assert found.tolist() == numbers.tolist()
    assert [quotients(packed[:size], found) for size in range(len(packed))] == [CUT_OFF] * len(packed)


@given(numbers=st.lists(st.integers(0, 2**40), max_size=40), width=st.integers(0, 56))
def test_numbers_of_equal_width_are_read_as_those_of_different_ones(numbers: list[int], width: int) -> None:
    remainders, widths = np.array(numbers, dtype=np.int64), np.full(len(numbers), width, dtype=np.int64)
    remainders &= (1 << width) - 1
    octets = np.frombuffer(pack(remainders, widths), np.uint8)
    words, bits = words_of(octets), 8 * len(octets)
    begin, found = len(numbers), np.zeros(len(numbers), dtype=np.int64)
    behind = with_equal_remainders(words, bits, begin, found, width)
    assert found.tolist() == remainders.tolist()
    assert behind == begin + width * len(numbers)
    if width and numbers:
        assert with_equal_remainders(words, behind - 1, begin, found, width) == CUT_OFF
        assert with_equal_remainders(words, bits, begin, found, 57) == CUT_OFF
