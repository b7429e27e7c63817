"""Filling placements: against a plain reference, and by the promises of the contract."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nextbest_service.decisions.arbitration import Slot, fill_slots
from nextbest_service.decisions.factors import Factors, Flags, Rows

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
    return [
        *rows_in(
            factors(priority).order,
            [Slot(np.array(accepts, dtype=np.bool_), limit) for accepts, limit in slots],
            allow_duplicates=allow_duplicates,
        )
    ]


def rows_in(
    order: Rows, slots: Sequence[Slot], exclusive: Sequence[Flags] = (), *, allow_duplicates: bool
) -> tuple[list[int], ...]:
    """Fill slots and return who stands in them."""
    chosen = fill_slots(order, slots, exclusive, allow_duplicates=allow_duplicates)
    return tuple([choice.candidate for choice in slate] for slate in chosen)


def factors(priority: Sequence[float], pinned: Sequence[int] = ()) -> Factors:
    """Return factors whose propensity alone makes the priority."""
    ones = np.ones(len(priority))
    flags = np.isin(np.arange(len(priority)), pinned)
    return Factors.of(
        np.arange(len(priority)), np.array(priority), ones, ones, ones, flags, ones.astype(np.int8), ones
    )


def flags(size: int, *members: int) -> Flags:
    return np.isin(np.arange(size), members)


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
    maturity = np.ones(len(rows), np.int8)
    priority = Factors.of(np.arange(len(rows)), p, v, c, lever, flags(len(rows)), maturity, p).priority
    assert priority.tolist() == [row[0] * row[1] * row[2] * row[3] for row in columns.tolist()]


def test_pinned_candidates_come_first_in_the_order_of_their_priorities() -> None:
    order = factors([0.9, 0.1, 0.5, 0.2], pinned=[1, 3]).order
    assert order.tolist() == [3, 1, 0, 2]


EVERY = np.ones(4, dtype=np.bool_)


def test_of_an_exclusive_group_one_member_stands_in_the_whole_answer() -> None:
    order = factors([0.9, 0.8, 0.7, 0.6]).order
    group = flags(4, 0, 1, 3)
    chosen = rows_in(order, [Slot(EVERY, 2), Slot(EVERY, 2)], [group], allow_duplicates=False)
    assert chosen == ([0, 2], [])


def test_an_exclusive_member_may_stand_twice_where_duplicates_are_allowed() -> None:
    order = factors([0.9, 0.8, 0.7, 0.6]).order
    group = flags(4, 0, 1)
    chosen = rows_in(order, [Slot(EVERY, 2), Slot(EVERY, 2)], [group], allow_duplicates=True)
    assert chosen == ([0, 2], [0, 2])


def test_a_candidate_in_two_exclusive_groups_excludes_the_rivals_of_both() -> None:
    order = factors([0.9, 0.8, 0.7, 0.6]).order
    groups = [flags(4, 0, 1), flags(4, 0, 2)]
    assert rows_in(order, [Slot(EVERY, 4)], groups, allow_duplicates=False) == ([0, 3],)


def test_a_fallback_comes_in_only_where_nothing_else_may() -> None:
    order = factors([0.9, 0.1]).order
    both, none = np.ones(2, dtype=np.bool_), np.zeros(2, dtype=np.bool_)
    assert rows_in(order, [Slot(both, 2, fallback=0)], allow_duplicates=False) == ([1],)
    assert rows_in(order, [Slot(none, 2, fallback=0)], allow_duplicates=False) == ([0],)


def test_a_fallback_that_is_offered_already_does_not_stand_twice() -> None:
    order = factors([0.9]).order
    one, none = np.ones(1, dtype=np.bool_), np.zeros(1, dtype=np.bool_)
    slots = [Slot(one, 1), Slot(none, 1, fallback=0)]
    assert rows_in(order, slots, allow_duplicates=False) == ([0], [])
