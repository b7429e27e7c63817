"""The cold-start ladder: what is expected of actions that the model does not know."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextbest_models.evidence import (
    Evidence,
    EvidenceError,
    Experience,
    Graduation,
    Kind,
    Scope,
    Tally,
    count_evidence,
    read_experience,
    write_experience,
)
from nextbest_models.ladder import Expectation, Maturity, Rung, expectation, graduated

NEUTRAL = 0.01
COFFEE, TEA = Kind("OFFER", "cross_sell", "coffee"), Kind("OFFER", "cross_sell", "tea")
HELP = Kind("SERVICE", "care", "help")


def group_evidence(
    kind: Kind, rate: float, members: int = 20, shown: int = 1_000, spread: float = 0.0
) -> dict[str, Tally]:
    """Return a group of actions whose rates lie evenly around one."""
    rates = rate * (1 + spread * np.linspace(-1, 1, members))
    return {
        f"{kind.group}-{number}": Tally(kind, shown, round(own * shown)) for number, own in enumerate(rates)
    }


def expect(evidence: dict[str, Tally], *rungs: Rung) -> Expectation:
    return expectation(rungs, Evidence(evidence), NEUTRAL)


def test_without_any_evidence_what_was_declared_counts() -> None:
    found = expect({}, Rung("a", COFFEE, 0.2), Rung("b", COFFEE, None))
    assert found.propensity.tolist() == [0.2, NEUTRAL]
    assert found.maturity.tolist() == [Maturity.PRIOR, Maturity.PRIOR]


def test_a_new_action_has_the_rate_of_its_group_and_not_0() -> None:
    found = expect(
        {**group_evidence(COFFEE, 0.10), **group_evidence(TEA, 0.01)},
        Rung("new-coffee", COFFEE, None),
        Rung("new-tea", TEA, None),
    )
    assert found.propensity.tolist() == pytest.approx([0.10, 0.01], rel=0.05)
    assert set(found.maturity.tolist()) == {Maturity.POOLED}


def test_a_new_group_has_the_rate_of_its_issue_and_a_new_issue_that_of_its_type() -> None:
    evidence = {
        **group_evidence(COFFEE, 0.10),
        **group_evidence(TEA, 0.10),
        **group_evidence(Kind("OFFER", "retention", "cards"), 0.02),
    }
    found = expect(
        evidence,
        Rung("juice", Kind("OFFER", "cross_sell", "juice"), None),
        Rung("loan", Kind("OFFER", "growth", "loans"), None),
        Rung("visit", HELP, None),
    )
    cross_sell, offers, services = found.propensity.tolist()
    assert cross_sell == pytest.approx(0.10, rel=0.05)
    assert offers == pytest.approx((0.10 + 0.10 + 0.02) / 3, rel=0.02)
    assert services == NEUTRAL  # offers say nothing about services
    assert found.maturity.tolist() == [Maturity.POOLED, Maturity.POOLED, Maturity.PRIOR]


def test_a_group_that_was_hardly_shown_leans_on_its_issue() -> None:
    evidence = {
        id_: tally
        for name in ("coffee", "tea", "juice", "milk")
        for id_, tally in group_evidence(Kind("OFFER", "cross_sell", name), 0.10).items()
    }
    evidence["cocoa-0"] = Tally(Kind("OFFER", "cross_sell", "cocoa"), 5, 0)
    found = expect(evidence, Rung("new-cocoa", Kind("OFFER", "cross_sell", "cocoa"), None))
    assert found.propensity[0] == pytest.approx(0.10, rel=0.05)


def test_an_actions_own_evidence_moves_it_away_from_its_group_step_by_step() -> None:
    group = group_evidence(COFFEE, 0.10, spread=0.5)
    rates = [
        expect({**group, "own": Tally(COFFEE, shown, 0)}, Rung("own", COFFEE, None)).propensity[0]
        for shown in (1, 10, 100, 1_000, 100_000)
    ]
    assert all(one > two for one, two in pairwise([0.11, *rates]))
    assert rates[0] == pytest.approx(0.10, rel=0.05)
    assert 0 < rates[-1] < 0.001


def test_the_more_alike_a_group_is_the_more_it_counts() -> None:
    alike, unlike = (
        expect(
            {**group_evidence(COFFEE, 0.10, spread=spread), "own": Tally(COFFEE, 50, 0)},
            Rung("own", COFFEE, None),
        )
        for spread in (0.0, 0.9)
    )
    assert alike.propensity[0] > 2 * unlike.propensity[0]
    assert alike.strength[0] > 2 * unlike.strength[0]
    assert alike.variance[0] < unlike.variance[0]


def test_the_strength_of_a_level_is_the_likeliest_one() -> None:
    generator = np.random.default_rng(1)
    for strength in (10.0, 100.0):
        rates = generator.beta(0.1 * strength, 0.9 * strength, 3_000)
        evidence = {
            f"a{number}": Tally(COFFEE, 200, int(generator.binomial(200, rate)))
            for number, rate in enumerate(rates)
        }
        assert expect(evidence, Rung("new", COFFEE, None)).strength[0] == pytest.approx(strength, rel=0.2)


def test_a_declaration_counts_as_much_as_declarations_have_proved_right() -> None:
    def after_ten_misses(others_rate: float) -> float:
        tried = group_evidence(COFFEE, others_rate)
        rungs = [Rung(id_, COFFEE, 0.30) for id_ in tried]
        found = expect({**tried, "own": Tally(COFFEE, 10, 0)}, Rung("own", COFFEE, 0.30), *rungs)
        assert found.maturity[0] == Maturity.POOLED
        return float(found.propensity[0])

    assert after_ten_misses(0.30) > 0.29
    assert after_ten_misses(0.02) < 0.15


def test_a_propensity_of_1_may_be_declared() -> None:
    found = expect(
        {"sure": Tally(COFFEE, 10, 9), "too": Tally(COFFEE, 10, 8)},
        Rung("sure", COFFEE, 1.0),
        Rung("too", COFFEE, 1.0),
    )
    assert np.all((found.propensity > 0.8) & (found.propensity < 1))


@given(
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.tuples(st.sampled_from([COFFEE, TEA, HELP]), st.integers(1, 500), st.integers(0, 500)),
    ),
    st.lists(st.tuples(st.sampled_from([COFFEE, TEA, HELP]), st.none() | st.floats(1e-6, 1.0)), min_size=1),
)
def test_every_expectation_is_a_probability_above_0(
    counted: dict[str, tuple[Kind, int, int]], declared: list[tuple[Kind, float | None]]
) -> None:
    evidence = {id_: Tally(kind, shown, min(hits, shown)) for id_, (kind, shown, hits) in counted.items()}
    rungs = [Rung("abcdefghij"[place % 10], *own) for place, own in enumerate(declared)]
    found = expect(evidence, *rungs)
    assert np.all((found.propensity > 0) & (found.propensity <= 1))
    assert np.all(np.isfinite(found.strength) & (found.strength >= 1))
    assert np.all(found.variance >= 0)


@pytest.mark.parametrize(
    ("scope", "mature"),
    [
        (Scope.ACTION, [True, False, False, False, False]),
        (Scope.GROUP, [True, True, False, False, False]),
        (Scope.ISSUE, [True, True, True, False, False]),
        (Scope.TYPE, [True, True, True, True, False]),
    ],
)
def test_an_action_graduates_once_the_model_saw_enough_of_its_scope(scope: Scope, mature: list[bool]) -> None:
    evidence = Evidence({"own": Tally(COFFEE, 100, 0), "few": Tally(HELP, 99, 50)})
    rungs = [
        Rung("own", COFFEE, None),
        Rung("same-group", COFFEE, 0.5),
        Rung("same-issue", TEA, None),
        Rung("same-type", Kind("OFFER", "growth", "loans"), None),
        Rung("few", HELP, None),
    ]
    assert graduated(rungs, Experience(evidence, Graduation(scope=scope, exposures=100))).tolist() == mature


def test_evidence_counts_rows_and_positives_by_action() -> None:
    found = count_evidence(
        ["a", "b", "c"], [COFFEE, TEA, HELP], np.array([0, 0, 2, 0]), np.array([True, False, True, True])
    )
    assert found.tallies == {"a": Tally(COFFEE, 3, 2), "c": Tally(HELP, 1, 1)}
    assert found.shown == 4


def test_an_experience_is_read_back_as_it_was_written() -> None:
    experience = Experience(Evidence({"a": Tally(COFFEE, 3, 2)}), Graduation(scope=Scope.GROUP, exposures=7))
    assert read_experience(write_experience(experience)) == experience


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "",
        '{"graduation": {}, "actions": {"a": {"type": "", "issue": "", "group": "", "shown": 1}}}',
        '{"graduation": {"exposures": 0}, "actions": {}}',
    ],
)
def test_damaged_evidence_is_refused(content: str) -> None:
    with pytest.raises(EvidenceError, match="cannot be read"):
        read_experience(content.encode())


@pytest.mark.parametrize("positive", [2, -1])
def test_evidence_of_more_outcomes_than_showings_is_refused(positive: int) -> None:
    tally = f'{{"type": "", "issue": "", "group": "", "shown": 1, "positive": {positive}}}'
    with pytest.raises(EvidenceError, match="more came of a than was shown"):
        read_experience(f'{{"graduation": {{}}, "actions": {{"a": {tally}}}}}'.encode())


def test_the_variance_is_that_of_a_beta_distribution() -> None:
    found = expect({}, Rung("a", COFFEE, 0.2))
    a, b = 0.2 * found.strength[0], 0.8 * found.strength[0]
    assert math.isclose(found.variance[0], a * b / ((a + b) ** 2 * (a + b + 1)))
