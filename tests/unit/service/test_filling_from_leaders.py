"""The few best candidates fill placements just as all of them do."""

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nextbest_rules import ActionType, Direction, Placement, Room
from nextbest_rules.catalog import Diversity
from nextbest_rules.policies import ExclusiveRule
from nextbest_service.decisions.arbitration import Rooms, fill_slots
from nextbest_service.decisions.bitmask import flags_of
from nextbest_service.decisions.factors import MOST_LEADERS, Factors
from nextbest_service.decisions.generation import Exclusive
from nextbest_service.decisions.leading import fill_from_leaders
from nextbest_service.decisions.request import PlacementRequest
from nextbest_service.decisions.showing import Showing
from nextbest_service.decisions.slot_plan import SlotPlan

SIZE = 40
NAMES = [f"a{bit}" for bit in range(SIZE)]
FIGURES = st.sampled_from([0.0, 0.1, 0.5, 0.5, 2.0, math.inf, math.nan])


def masks(likely: float = 0.5) -> st.SearchStrategy[int]:
    bits = st.lists(st.floats(0, 1).map(lambda it: it < likely), min_size=SIZE, max_size=SIZE)
    return bits.map(lambda flags: sum(1 << bit for bit, flag in enumerate(flags) if flag))


@dataclass(frozen=True)
class AFewOf:
    """A room for so many of a set of actions."""

    members: int
    most: int

    def closed_by(self, bit: int, chosen: int) -> int:
        """Return who may not join any more."""
        full = (chosen & self.members).bit_count() >= self.most
        return self.members & ~chosen if full and self.members >> bit & 1 else 0


def candidates(data: st.DataObject) -> Factors:
    """Return factors of some actions: many alike, some absurd, some pinned."""
    mask = data.draw(masks(0.8), label="candidates")
    rows = np.array([bit for bit in range(SIZE) if mask >> bit & 1], dtype=np.intp)
    ones = np.ones(len(rows))
    some = st.lists(FIGURES, min_size=len(rows), max_size=len(rows))
    pinned = data.draw(st.just(0) | masks(0.1), label="pinned")
    flags = np.array([bool(pinned >> row & 1) for row in rows.tolist()], dtype=np.bool_)
    return Factors.of(
        rows, np.array(data.draw(some), float), ones, ones, ones, flags, ones.astype(np.int8), ones
    )


def placement(data: st.DataObject, number: int) -> Placement:
    limits = st.none() | st.integers(1, 3)
    return Placement(
        id=f"p{number}",
        title="",
        channels=("web",),
        direction=Direction.INBOUND,
        accepts=frozenset(ActionType),
        default_limit=1,
        max_limit=20,
        fallback=data.draw(st.none() | st.sampled_from(NAMES), label="fallback"),
        diversity=Diversity(data.draw(limits), data.draw(limits)),
    )


@settings(max_examples=150)
@given(st.data())
def test_leaders_fill_placements_as_all_candidates_do(data: st.DataObject) -> None:
    factors = candidates(data)
    kinds = st.lists(st.integers(0, 3), min_size=SIZE, max_size=SIZE).map(lambda it: np.array(it, np.intp))
    plan = SlotPlan({name: bit for bit, name in enumerate(NAMES)}, data.draw(kinds), data.draw(kinds))
    unshowable = data.draw(st.just(0) | masks(0.2), label="unshowable")
    shown = [
        Showing(PlacementRequest(placement(data, number), data.draw(st.integers(1, 18)), 0), mask, ())
        for number, mask in enumerate(data.draw(st.lists(masks(0.9), min_size=1, max_size=3), label="masks"))
    ]
    groups = [
        Exclusive(cast(ExclusiveRule, None), mask, flags_of(mask, SIZE))
        for mask in data.draw(st.lists(masks(0.2), max_size=2), label="exclusive")
    ]
    rooms = cast(
        list[Room],
        [AFewOf(mask, data.draw(st.integers(1, 3))) for mask in data.draw(st.lists(masks(0.3), max_size=2))],
    )
    allow_duplicates = data.draw(st.booleans(), label="allow_duplicates")
    found = fill_from_leaders(
        plan, groups, shown, factors, rooms, unshowable, allow_duplicates=allow_duplicates
    )
    slots = [
        plan.slot(
            it.asked.placement,
            it.asked.limit,
            factors,
            flags_of(it.mask & ~unshowable, SIZE)[factors.rows],
            None,
        )
        for it in shown
    ]
    expected = fill_slots(
        factors.order,
        slots,
        [group.members[factors.rows] for group in groups],
        Rooms(rooms, factors.rows, SIZE),
        allow_duplicates=allow_duplicates,
        pinned=factors.pinned,
    )
    if found is None:
        # They may leave it to the others only where those, or a fallback, could come in.
        fallbacks = any(it.asked.placement.fallback for it in shown)
        assert len(factors.leaders) == MOST_LEADERS or fallbacks
    else:
        assert [list(slate) for slate in found] == [list(slate) for slate in expected]


@given(st.data())
def test_leaders_are_the_first_that_are_worthwhile(data: st.DataObject) -> None:
    factors = candidates(data)
    worthwhile = [place for place in factors.order.tolist() if factors.worthwhile[place]]
    assert factors.leaders == worthwhile[:MOST_LEADERS]
    assert factors.all_lead == (len(worthwhile) < MOST_LEADERS)
