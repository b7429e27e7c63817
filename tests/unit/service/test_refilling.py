"""Decisions filled again: what was drawn then is found with its probability, whatever limited it."""

import numpy as np
import pytest

from nextbest_rules.catalog import Exploration
from nextbest_rules.terms import ExplorationMethod
from nextbest_service.decisions.arbitration import Choice, Quota, Slot, fill_slots
from nextbest_service.decisions.exploration import Explorer
from nextbest_service.decisions.factors import Factors, Flags
from nextbest_service.judging.refilling import NotFoundAgainError, Place, Policy, check_logged, refill

SIZE = 9
LOGGED, OTHER = "logged", "other"


def factors(random: np.random.Generator, pinned: Flags) -> Factors:
    """Return factors whose priorities differ, under which all but the pinned compete."""
    ones = np.ones(SIZE)
    strength = random.uniform(5, 200, SIZE)
    return Factors.of(
        np.arange(SIZE),
        random.uniform(0.05, 0.9, SIZE),
        ones,
        ones,
        ones,
        pinned,
        ones.astype(np.int8),
        strength,
    )


class Case:
    """A question of several placements with everything that limits an answer, and what was answered."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.pinned = random.random(SIZE) < 0.1
        self.kinds = random.integers(0, 3, SIZE)
        self.exclusive = [random.random(SIZE) < 0.3 for _ in range(2)]
        self.accepts = [random.random(SIZE) < 0.8 for _ in range(2)]
        self.fallback = [int(random.integers(0, SIZE)) if random.random() < 0.5 else -1 for _ in range(2)]
        self.quota = bool(random.random() < 0.5)
        self.allow_duplicates = bool(random.random() < 0.3)
        method = [ExplorationMethod.EPSILON_GREEDY, ExplorationMethod.THOMPSON][seed % 2]
        self.declared = Exploration(method, 0.5, 0.8)
        self.seed = str(seed).encode()
        self.served, self.others = factors(random, self.pinned), factors(random, self.pinned)
        self.slates = fill_slots(
            self.served.order,
            self.slots(self.served),
            self.exclusive,
            allow_duplicates=self.allow_duplicates,
            pinned=self.pinned,
        )

    def slots(self, of: Factors) -> list[Slot]:
        """Return the slots as these factors fill them; the second one takes the best."""
        quotas = (Quota(self.kinds, 1),) if self.quota else ()
        return [
            Slot(
                accepts,
                3,
                fallback if fallback >= 0 and accepts[fallback] else -1,
                quotas,
                Explorer(self.declared, of.outlook, self.seed) if number == 0 else None,
            )
            for number, (accepts, fallback) in enumerate(zip(self.accepts, self.fallback, strict=True))
        ]

    def again(self, picks: list[list[int]] | None = None) -> tuple[Place, ...]:
        """Fill the slots again, below what was answered or below other picks."""
        policies = {
            LOGGED: Policy.of(self.served, self.slots(self.served)),
            OTHER: Policy.of(self.others, self.slots(self.others)),
        }
        return refill(
            policies,
            self.pinned,
            self.exclusive,
            [[it.candidate for it in slate] for slate in self.slates] if picks is None else picks,
            allow_duplicates=self.allow_duplicates,
        )

    @property
    def choices(self) -> list[Choice]:
        """All choices, place by place."""
        return [choice for slate in self.slates for choice in slate]


@pytest.mark.parametrize("seed", range(60))
def test_every_choice_is_found_again_with_its_probability(seed: int) -> None:
    case = Case(seed)
    places = case.again()
    assert [int(it.open[it.chosen]) for it in places] == [it.candidate for it in case.choices]
    found = [float(it.chances[LOGGED][it.chosen]) for it in places]
    assert found == [it.probability for it in case.choices]
    check_logged(places, LOGGED, found)


@pytest.mark.parametrize("seed", range(20))
def test_every_policy_picks_somebody_who_is_open(seed: int) -> None:
    for place in Case(seed).again():
        for chances in place.chances.values():
            assert chances.shape == place.open.shape
            assert chances.sum() == pytest.approx(1.0)
            assert chances.min() >= 0.0


def test_a_slot_that_tries_favours_who_is_best_for_each_model() -> None:
    differing = 0
    for case in map(Case, range(0, 40, 2)):  # those with epsilon
        first = case.again()[0]
        if case.pinned[first.open].any():
            continue
        best = {name: int(first.open[chances.argmax()]) for name, chances in first.chances.items()}
        for name, of in ((LOGGED, case.served), (OTHER, case.others)):
            assert best[name] == first.open[of.priority[first.open].argmax()]
        differing += best[LOGGED] != best[OTHER]
    assert differing > 3


def test_a_pick_that_was_not_open_is_not_found_again() -> None:
    case = Case(2)
    closed = int(np.flatnonzero(~case.accepts[0])[0])
    picks = [[it.candidate for it in slate] for slate in case.slates]
    with pytest.raises(NotFoundAgainError, match="not open"):
        case.again([[closed, *picks[0][1:]], picks[1]])


def test_a_place_that_stayed_empty_though_somebody_was_open_is_not_found_again() -> None:
    case = Case(2)
    picks = [[it.candidate for it in slate] for slate in case.slates]
    with pytest.raises(NotFoundAgainError, match="stayed empty"):
        case.again([picks[0][:-1], picks[1]])


def test_another_probability_is_noticed_and_the_rounding_of_the_log_is_not() -> None:
    case = Case(4)
    places, logged = case.again(), [it.probability for it in case.choices]
    check_logged(places, LOGGED, [float(np.float32(it)) for it in logged])
    with pytest.raises(NotFoundAgainError, match="probability"):
        check_logged(places, LOGGED, [logged[0] * 1.01, *logged[1:]])
