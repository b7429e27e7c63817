"""Who is in which holdout and arm: by chance, the same everywhere, and steadily so while shares grow."""

from collections import Counter
from dataclasses import replace

import pytest

from nextbest_rules.assignment import CHAMPION, HELD, assigned, ranker_of
from nextbest_rules.catalog import Arm, Experiment, Experimentation, Holdout, Window
from nextbest_rules.policies import Selector

PEOPLE = [number.to_bytes(12, "big") for number in range(20_000)]
ALWAYS = Window(None, None)
NOW_MS = 1_000


def holdout(share: float = 0.1, *, name: str = "quiet", valid: Window = ALWAYS, salt: str = "") -> Holdout:
    return Holdout(name, Selector(), share, "Left alone.", valid, salt)


def experiment(
    *shares: float, name: str = "ranker", ranker: str = "", valid: Window = ALWAYS, salt: str = ""
) -> Experiment:
    arms = tuple(Arm(f"arm{number}", share) for number, share in enumerate(shares))
    return Experiment(name, (replace(arms[0], ranker=ranker), *arms[1:]), valid, salt=salt)


def arms_of(*declared: Holdout | Experiment, now_ms: int = NOW_MS) -> list[dict[str, str]]:
    """Return the arms of all people."""
    holdouts = tuple(it for it in declared if isinstance(it, Holdout))
    experiments = tuple(it for it in declared if isinstance(it, Experiment))
    return [assigned(Experimentation(holdouts, experiments), person, now_ms) for person in PEOPLE]


def places(name: str, found: list[dict[str, str]], arm: str) -> set[int]:
    return {number for number, arms in enumerate(found) if arms.get(name) == arm}


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 1.0])
def test_a_holdout_has_its_share_of_the_people(share: float) -> None:
    held = len(places("quiet", arms_of(holdout(share)), HELD)) / len(PEOPLE)
    assert held == pytest.approx(share, abs=4 * (share * (1 - share) / len(PEOPLE)) ** 0.5)


def test_arms_have_their_shares_and_the_rest_of_the_people_is_in_none() -> None:
    counts = Counter(arms.get("ranker", "none") for arms in arms_of(experiment(0.5, 0.2, 0.1)))
    for arm, share in {"arm0": 0.5, "arm1": 0.2, "arm2": 0.1, "none": 0.2}.items():
        assert counts[arm] / len(PEOPLE) == pytest.approx(share, abs=0.015), arm


def test_arms_that_cover_everybody_leave_nobody_out() -> None:
    assert all("ranker" in arms for arms in arms_of(experiment(0.7, 0.2, 0.1)))


def test_the_same_person_gets_the_same_arms_in_every_process() -> None:
    declared = Experimentation((holdout(0.5),), (experiment(0.5, 0.5),))
    seen = [assigned(declared, bytes([number]) * 12, NOW_MS) for number in range(6)]
    assert [(arms.get("quiet"), arms["ranker"]) for arms in seen] == PINNED


PINNED = [(None, "arm0"), ("holdout", "arm1"), (None, "arm0"), (None, "arm1"), (None, "arm0"), (None, "arm1")]


def test_who_is_in_stays_in_when_a_holdout_grows() -> None:
    before, after = arms_of(holdout(0.1)), arms_of(holdout(0.2))
    assert places("quiet", before, HELD) < places("quiet", after, HELD)


def test_everybody_keeps_the_arm_when_all_arms_grow_alike() -> None:
    before, after = arms_of(experiment(0.05, 0.1)), arms_of(experiment(0.2, 0.4))
    assert all(now["ranker"] == then["ranker"] for then, now in zip(before, after, strict=True) if then)


def test_nobody_leaves_a_last_arm_that_grows_at_the_cost_of_the_first() -> None:
    before, after = arms_of(experiment(0.9, 0.1)), arms_of(experiment(0.7, 0.3))
    assert places("ranker", before, "arm1") < places("ranker", after, "arm1")


def test_holdouts_and_experiments_are_independent_of_each_other() -> None:
    found = arms_of(holdout(0.5), experiment(0.5, 0.5), experiment(0.5, 0.5, name="other"))
    pairs = Counter((arms.get("quiet"), arms["ranker"], arms["other"]) for arms in found)
    assert len(pairs) == 8
    for pair, count in pairs.items():
        assert count / len(PEOPLE) == pytest.approx(1 / 8, abs=0.01), pair


def test_another_salt_chooses_other_people() -> None:
    first, second = arms_of(holdout(0.5)), arms_of(holdout(0.5, salt="again"))
    both = places("quiet", first, HELD) & places("quiet", second, HELD)
    assert len(both) / len(PEOPLE) == pytest.approx(0.25, abs=0.02)


def test_what_is_over_or_has_not_begun_assigns_nobody() -> None:
    valid = Window(NOW_MS, NOW_MS + 1)
    declared = holdout(1.0, valid=valid), experiment(0.5, 0.5, valid=valid)
    assert all(len(arms) == 2 for arms in arms_of(*declared))
    assert not any(arms_of(*declared, now_ms=NOW_MS - 1))
    assert not any(arms_of(*declared, now_ms=NOW_MS + 1))


def test_an_arm_chooses_the_ranker_and_everybody_else_has_the_champion() -> None:
    choosing = experiment(0.5, 0.5, ranker="challenger")
    declared = Experimentation((), (experiment(0.5, 0.5, name="other"), choosing))
    assert ranker_of(declared, {"ranker": "arm0"}) == "challenger"
    assert ranker_of(declared, {"ranker": "arm1", "other": "arm0"}) == CHAMPION
    assert ranker_of(declared, {}) == CHAMPION
