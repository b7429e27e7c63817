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


def test_empty_counters_have_columns_of_length_zero() -> None:
    empty = AffinityCounters.empty()
    assert [len(column) for column in (empty.ids, *empty.statistics)] == [0, 0, 0, 0]
    assert empty.nbytes == 0
