"""Exploration: what is logged as a probability is one, and never costs more than was allowed."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextbest_rules.catalog import Exploration
from nextbest_rules.terms import ExplorationMethod
from nextbest_service.decisions.arbitration import Choice, Quota, Slot, fill_slots
from nextbest_service.decisions.exploration import Explorer, Outlook, epsilon_greedy, thompson, within_regret

GREEDY = Exploration(ExplorationMethod.EPSILON_GREEDY, share=0.3, regret=1.0)
THOMPSON = Exploration(ExplorationMethod.THOMPSON, share=0.0, regret=1.0)
PRIORITY = np.array([0.50, 0.45, 0.30, 0.20, 0.05])
STRENGTH = np.array([200.0, 20.0, 5.0, 50.0, 2.0])
DECISIONS = 40_000

priorities = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30).map(lambda it: sorted(it, reverse=True))


def outlook(priority: Sequence[float] = PRIORITY, strength: Sequence[float] = STRENGTH) -> Outlook:
    """Return candidates whose value is one, best first."""
    return Outlook(np.array(priority), np.array(priority), np.array(strength))


def explorer(declared: Exploration, number: int, seen: Outlook) -> Explorer:
    return Explorer(declared, seen, f"{number:032x}/home".encode())


def slates(
    declared: Exploration, decisions: int, slot: Slot, pinned: Sequence[int] = ()
) -> list[list[Choice]]:
    """Fill one slot again and again, each time as another decision."""
    seen, order = outlook(), np.arange(len(PRIORITY))
    flags = np.isin(order, pinned)
    order = np.lexsort((-PRIORITY, ~flags))
    found = []
    for number in range(decisions):
        exploring = Slot(
            slot.accepts, slot.limit, slot.fallback, slot.quotas, explorer(declared, number, seen)
        )
        found.append(fill_slots(order, [exploring], allow_duplicates=False, pinned=flags)[0])
    return found


def every(limit: int, *quotas: Quota, fallback: int = -1) -> Slot:
    return Slot(np.ones(len(PRIORITY), dtype=np.bool_), limit, fallback, quotas)


@pytest.mark.parametrize(
    ("declared", "decisions", "least"), [(GREEDY, DECISIONS, 20), (THOMPSON, DECISIONS // 10, 5)]
)
def test_how_often_something_is_picked_is_how_probable_it_was_said_to_be(
    declared: Exploration, decisions: int, least: int
) -> None:
    """Of each way to begin, each next pick comes as often as logged: within five standard deviations."""
    ways: Counter[tuple[int, ...]] = Counter()
    logged: dict[tuple[int, ...], float] = {}
    for slate in slates(declared, decisions, every(2)):
        way: tuple[int, ...] = ()
        for choice in slate:
            ways[way] += choice is slate[0]
            way = (*way, choice.candidate)
            assert logged.setdefault(way, choice.probability) == choice.probability
            ways[way] += 1
    ways[()] = decisions
    picks = [way for way in logged if ways[way[:-1]] >= 200]
    assert len(picks) >= least
    for way in picks:
        before, chance = ways[way[:-1]], logged[way]
        deviation = 5 * np.sqrt(max(chance * (1 - chance), 1 / before) / before)
        assert ways[way] / before == pytest.approx(chance, abs=deviation), way


@given(priorities, st.sampled_from([GREEDY, THOMPSON]), st.floats(0.001, 1.0))
def test_chances_are_a_distribution_and_give_up_no_more_than_allowed(
    priority: list[float], declared: Exploration, regret: float
) -> None:
    bounded = Exploration(declared.method, declared.share, regret)
    seen = outlook(priority, [10.0] * len(priority))
    chances = explorer(bounded, 1, seen).chances(np.arange(len(priority)))
    assert chances.sum() == pytest.approx(1.0)
    assert chances.min() >= 0.0
    lost = float(chances @ (priority[0] - np.array(priority)))
    assert lost <= regret * priority[0] + 1e-12


def test_chances_within_the_allowed_regret_stay_as_they_are_and_others_shrink_just_enough() -> None:
    chances, priority = epsilon_greedy(4, 0.4), np.array([1.0, 0.9, 0.5, 0.1])
    assert within_regret(chances, priority, 0.16).tolist() == chances.tolist()
    shrunk = within_regret(chances, priority, 0.03)
    assert float(shrunk @ (1.0 - priority)) == pytest.approx(0.03)
    assert shrunk[1] == shrunk[2] == shrunk[3]


def test_thompson_picks_as_often_as_something_is_the_best_of_all_draws() -> None:
    priority, spread = np.array([0.5, 0.45, 0.3]), np.array([0.02, 0.1, 0.15])
    scale = spread * np.sqrt(3) / np.pi  # posteriors are logistic
    draws = np.random.default_rng(3).logistic(priority, scale, (400_000, 3)).argmax(axis=1)
    expected = np.bincount(draws, minlength=3) / len(draws)
    assert thompson(priority, spread) == pytest.approx(expected, abs=0.004)


def test_what_is_well_known_to_be_worse_is_hardly_tried_and_what_is_little_known_is() -> None:
    known, unknown = thompson(np.array([0.5, 0.3, 0.3]), np.array([0.01, 0.01, 0.2]))[1:]
    assert known < 1e-9
    assert unknown > 0.1


def test_a_share_is_a_floor_under_what_thompson_would_hardly_try() -> None:
    floored = Exploration(ExplorationMethod.THOMPSON, share=0.2, regret=1.0)
    bare, chances = (explorer(it, 1, outlook()).chances(np.arange(5)) for it in (THOMPSON, floored))
    assert chances == pytest.approx(0.8 * bare + 0.04)
    assert bare.min() < 0.01 < chances.min()


def test_among_equals_of_whom_nothing_more_is_known_each_has_the_same_chance() -> None:
    assert thompson(np.full(5, 0.2), np.full(5, 0.1)) == pytest.approx(np.full(5, 0.2))


def test_the_same_decision_picks_the_same_and_another_one_need_not() -> None:
    one, again = slates(GREEDY, 50, every(3)), slates(GREEDY, 50, every(3))
    assert one == again
    assert len({tuple(choice.candidate for choice in slate) for slate in one}) > 1


def test_only_picks_that_pass_over_a_better_one_count_as_explored() -> None:
    for slate in slates(GREEDY, 300, every(2)):
        first, second = slate
        assert first.explored == (first.candidate != 0)
        assert second.explored == (second.candidate != (1 if first.candidate == 0 else 0))


def test_pinned_candidates_come_first_for_certain_and_the_others_are_explored() -> None:
    found = slates(GREEDY, 300, every(2), pinned=[3])
    assert {slate[0] for slate in found} == {Choice(3, 1.0)}
    assert len({slate[1].candidate for slate in found}) == 4


def test_a_fallback_is_never_tried_and_stands_in_when_nothing_else_may() -> None:
    assert all(
        choice.candidate != 1 for slate in slates(GREEDY, 300, every(4, fallback=1)) for choice in slate
    )
    only = Slot(np.isin(np.arange(5), [1]), 2, 1)
    assert slates(GREEDY, 3, only) == [[Choice(1)]] * 3


def test_where_the_best_is_worth_nothing_nothing_is_tried() -> None:
    worthless = outlook([0.0, -0.5, -1.0], [1.0] * 3)
    for declared in (GREEDY, THOMPSON):
        assert explorer(declared, 1, worthless).chances(np.arange(3)).tolist() == [1.0, 0.0, 0.0]


def test_of_one_kind_no_more_are_shown_than_declared_also_while_exploring() -> None:
    kinds = np.array([7, 7, 8, 8, 7])
    plain = fill_slots(np.arange(5), [every(4, Quota(kinds, 1))], allow_duplicates=False)
    assert [choice.candidate for choice in plain[0]] == [0, 2]
    for slate in slates(GREEDY, 200, every(4, Quota(kinds, 1))):
        assert sorted(kinds[choice.candidate] for choice in slate) == [7, 8]


def test_kinds_are_counted_per_placement_and_several_limits_hold_at_once() -> None:
    issues, groups = np.array([1, 1, 1, 2, 2]), np.array([10, 10, 11, 20, 20])
    slot = every(5, Quota(issues, 2), Quota(groups, 1))
    one, other = fill_slots(np.arange(5), [slot, slot], allow_duplicates=False)
    assert [choice.candidate for choice in one] == [0, 2, 3]
    assert [choice.candidate for choice in other] == [1, 4]
