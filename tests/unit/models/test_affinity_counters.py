import numpy as np
import pytest

from nextbest_models.affinity import AffinityCounters, AffinityKeys, AffinityKeysError


def test_ids_never_change_when_keys_are_added() -> None:
    before = AffinityKeys([("product", "p0"), ("colour", "red")])
    after = before.extended([("colour", "blue"), ("product", "p0"), ("product", "red"), ("colour", "blue")])
    assert after.to_plain() == [["product", "p0"], ["colour", "red"], ["colour", "blue"], ["product", "red"]]
    assert before.to_plain() == [["product", "p0"], ["colour", "red"]]


def test_nothing_new_gives_the_same_dictionary() -> None:
    keys = AffinityKeys([("product", "p0")])
    assert keys.extended([("product", "p0")]) is keys


def test_a_key_belongs_to_its_family() -> None:
    keys = AffinityKeys([("product", "red"), ("colour", "red")])
    assert keys.ids_for("colour", ["red", "green"]).tolist() == [1, -1]


def test_the_plain_form_reads_back() -> None:
    pairs = [["product", "p0"], ["colour", "red"]]
    assert AffinityKeys.from_plain(pairs).to_plain() == pairs


def test_a_key_twice_is_refused() -> None:
    with pytest.raises(AffinityKeysError, match="twice"):
        AffinityKeys.from_plain([["colour", "red"], ["colour", "red"]])


@pytest.mark.parametrize(("size", "dtype"), [(65_536, np.uint16), (65_537, np.uint32)])
def test_ids_are_stored_in_as_few_bytes_as_hold_them_all(size: int, dtype: type[np.generic]) -> None:
    keys = AffinityKeys(("number", str(number)) for number in range(size))
    stored = keys.stored(np.array([size - 1]))
    assert stored.dtype == dtype
    assert stored.tolist() == [size - 1]


def test_counters_are_equal_where_all_their_numbers_are() -> None:
    columns = [np.array([1, 2], dtype=np.uint16) for _ in range(4)]
    wider = AffinityCounters(columns[0].astype(np.uint32), *columns[1:])
    assert AffinityCounters(*columns) == wider
    assert len({AffinityCounters(*columns), wider}) == 1
    for place in range(4):
        other = [*columns[:place], np.array([1, 3], dtype=np.uint16), *columns[place + 1 :]]
        assert AffinityCounters(*columns) != AffinityCounters(*other)
    assert AffinityCounters.empty() != AffinityCounters(*columns)
    assert AffinityCounters.empty() != 0


def test_empty_counters_have_columns_of_length_zero() -> None:
    empty = AffinityCounters.empty()
    assert [len(column) for column in (empty.ids, *empty.statistics)] == [0, 0, 0, 0]
    assert empty.nbytes == 0


@pytest.mark.parametrize(("highest", "dtype"), [(65_535, np.uint16), (65_536, np.uint32)])
def test_counters_are_the_same_as_columns_and_as_a_table(highest: int, dtype: type[np.generic]) -> None:
    table = np.array([[7, highest], [65_535, 1], [20_000, 3], [0, 65_535]], dtype=np.int64)
    counters = AffinityCounters.of(table)
    assert len(counters) == 2
    assert counters.table is table
    assert counters.ids.dtype == dtype
    assert [column.dtype for column in counters.statistics] == [np.uint16] * 3
    again = AffinityCounters(counters.ids, counters.counts, counters.last_days, counters.totals)
    assert again == counters
    assert (again.table.tolist(), again.table.dtype) == (table.tolist(), np.int64)
    assert again.table.flags.c_contiguous
    assert again.nbytes == counters.nbytes == (2 if dtype is np.uint16 else 4) * 2 + 12
    assert len(AffinityCounters.empty()) == 0
