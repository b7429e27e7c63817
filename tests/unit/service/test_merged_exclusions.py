"""Reasons of several placements become one where they agree."""

import numpy as np
import pytest
from corner_shop import NOW_MS, catalog

from nextbest_rules import RuleSet, Situation, Stage
from nextbest_service.decisions.arbitration import Factors
from nextbest_service.decisions.decision import PlacedExclusion
from nextbest_service.decisions.exclusions import explain_exclusions
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel, PlacementRequest

EVERYTHING = (1 << len(catalog().actions)) - 1


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return RuleSet.compile(catalog())


def explained(
    rules: RuleSet, *placements: str, excluded: tuple[int, ...] = (0, 0), slates: tuple[list[int], ...]
) -> list[PlacedExclusion]:
    """Return the exclusions of an adult, with the priorities 1, 1/2, 1/3 ... in the order of the catalog."""
    asked = tuple(
        PlacementRequest(catalog().placements[name], limit=2, excluded=mask, wanted=EVERYTHING)
        for name, mask in zip(placements, excluded, strict=False)
    )
    situation = Situation(
        now_ms=NOW_MS,
        known=True,
        channel="web",
        facts={"campaigns": ["spring"], "age": 40},
        features={"trips_91d": 9.0},
    )
    live = rules.screen(situation).live
    rows = np.array([bit for bit in range(len(catalog().actions)) if live >> bit & 1])
    ones = np.ones(len(rows))
    factors = Factors(rows, 1.0 / (1.0 + np.arange(len(rows))), ones, ones, ones)
    request = DecisionRequest("", (), asked, "web", {}, EVERYTHING, ExplainLevel.EXCLUSIONS, False, False)
    chosen = [np.array(slate, dtype=np.intp) for slate in slates]
    return list(explain_exclusions(rules, situation, request, factors, chosen))


def of(action_id: str, exclusions: list[PlacedExclusion]) -> list[tuple[str, Stage]]:
    return [(it.placement_id, it.exclusion.stage) for it in exclusions if it.exclusion.action_id == action_id]


def test_a_reason_that_all_placements_share_is_given_once_and_names_none(rules: RuleSet) -> None:
    found = explained(rules, "home", "letter", slates=([0, 1], [2, 3]))
    assert of("autumn-wine", found) == [("", Stage.VALIDITY)]
    assert of("mystery-wine", found) == [("", Stage.ELIGIBILITY)]


def test_different_reasons_are_given_by_placement_in_the_order_of_the_request(rules: RuleSet) -> None:
    home_first = explained(rules, "home", "letter", slates=([0], [1]))
    assert of("delivery", home_first) == [("home", Stage.ARBITRATION), ("letter", Stage.PLACEMENT)]
    letter_first = explained(rules, "letter", "home", slates=([0], [1]))
    assert of("delivery", letter_first) == [("letter", Stage.PLACEMENT), ("home", Stage.ARBITRATION)]


def test_the_same_stage_with_other_figures_is_told_apart(rules: RuleSet) -> None:
    found = explained(rules, "home", "letter", slates=([0], [1]))
    texts = {
        it.placement_id: it.exclusion.required for it in found if it.exclusion.action_id == "strong-wine"
    }
    assert texts == {"home": "priority above 1", "letter": "priority above 0.5"}


def test_what_is_offered_anywhere_is_not_explained(rules: RuleSet) -> None:
    apples = 1 << catalog().index["spring-apples"]
    found = explained(rules, "home", "letter", excluded=(apples, 0), slates=([1], [0]))
    assert of("spring-apples", found) == []


def test_exclusions_come_in_the_order_of_the_catalog(rules: RuleSet) -> None:
    found = explained(rules, "home", "letter", slates=([], []))
    order = [catalog().index[it.exclusion.action_id] for it in found]
    assert order == sorted(order)
    assert set(order) == set(range(len(catalog().actions)))


def test_an_empty_placement_names_no_priority_to_beat(rules: RuleSet) -> None:
    (lost,) = [
        it.exclusion
        for it in explained(rules, "home", excluded=(0,), slates=([],))
        if it.exclusion.action_id == "spring-apples"
    ]
    assert lost.required == "priority above any"
