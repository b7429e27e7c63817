"""Filling placements: against a plain reference, and by the promises of the contract."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nextbest_service.decisions.arbitration import Factors, Slot, fill_slots

Case = tuple[list[float], list[tuple[list[bool], int]]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Priorities, many of them equal, and placements as (accepted candidates, limit)."""
    size = draw(st.integers(0, 12))
    priority = draw(st.lists(st.sampled_from([0.0, 0.1, 0.5, 2.0]), min_size=size, max_size=size))
    flags = st.lists(st.booleans(), min_size=size, max_size=size)
    return priority, draw(st.lists(st.tuples(flags, st.integers(1, 5)), min_size=1, max_size=4))


def filled(case: Case, allow_duplicates: bool) -> list[list[int]]:
    priority, slots = case
    chosen = fill_slots(
        np.array(priority),
        [Slot(np.array(accepts, dtype=np.bool_), limit) for accepts, limit in slots],
        allow_duplicates=allow_duplicates,
    )
    return [rows.tolist() for rows in chosen]


def plainly_filled(case: Case, allow_duplicates: bool) -> list[list[int]]:
    """Fill one placement after another by looking at every candidate."""
    priority, slots = case
    taken: set[int] = set()
    filled = []
    for accepts, limit in slots:
        free = [row for row in range(len(priority)) if accepts[row] and row not in taken]
        best = sorted(free, key=lambda row: (-priority[row], row))[:limit]
        taken |= set() if allow_duplicates else set(best)
        filled.append(best)
    return filled


@given(cases(), st.booleans())
def test_placements_are_filled_as_by_the_plain_reference(case: Case, allow_duplicates: bool) -> None:
    assert filled(case, allow_duplicates) == plainly_filled(case, allow_duplicates)


@given(cases())
def test_no_action_stands_twice_in_an_answer(case: Case) -> None:
    rows = [row for slot in filled(case, allow_duplicates=False) for row in slot]
    assert len(rows) == len(set(rows))


@given(cases(), st.booleans())
def test_limits_acceptance_and_order_hold(case: Case, allow_duplicates: bool) -> None:
    priority, slots = case
    for (accepts, limit), rows in zip(slots, filled(case, allow_duplicates), strict=True):
        assert len(rows) == len(set(rows)) <= limit
        assert all(accepts[row] for row in rows)
        assert all((-priority[a], a) < (-priority[b], b) for a, b in pairwise(rows))


@given(cases())
def test_with_duplicates_a_placement_does_not_depend_on_the_others(case: Case) -> None:
    priority, slots = case
    together = filled(case, allow_duplicates=True)
    assert together == [filled((priority, [slot]), allow_duplicates=True)[0] for slot in slots]


@given(st.lists(st.tuples(*[st.floats(0, 1e6)] * 4), max_size=8))
def test_a_priority_is_p_c_v_l_multiplied_in_this_order(rows: Sequence[tuple[float, ...]]) -> None:
    columns = np.array(rows, dtype=np.float64).reshape(-1, 4)
    p, c, v, lever = columns.T
    priority = Factors(np.arange(len(rows)), p, v, c, lever).priority
    assert priority.tolist() == [row[0] * row[1] * row[2] * row[3] for row in columns.tolist()]
