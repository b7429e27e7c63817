"""Counters of a record come back as they were, whatever they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextbest_models.affinity import AffinityCounters, smallest
from nextbest_service.decision_log.counters import pack_counters, read_counters
from nextbest_service.decision_log.entries import LogFormatError

FIGURE = st.integers(0, 2**16 - 1)


@given(st.dictionaries(st.integers(0, 2**31), st.tuples(FIGURE, FIGURE, FIGURE)))
def test_counters_come_back_as_they_were(touched: dict[int, tuple[int, int, int]]) -> None:
    ids = np.array(sorted(touched), dtype=np.int64)
    columns = np.array([touched[key] for key in ids.tolist()], dtype=np.uint16).reshape(-1, 3).T
    counters = AffinityCounters(smallest(ids), *columns)
    packed = pack_counters(counters)
    assert read_counters(packed) == counters
    assert bool(packed) == bool(touched)


@pytest.mark.parametrize("packed", [b"\0", b"\0\0", b"\0" * 17, b"\0" * 19])
def test_bytes_of_another_length_are_no_counters(packed: bytes) -> None:
    with pytest.raises(LogFormatError):
        read_counters(packed)
