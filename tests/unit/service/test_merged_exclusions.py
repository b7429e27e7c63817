"""Reasons of several placements become one where they agree."""

from dataclasses import replace

import numpy as np
import pytest
from corner_shop import NOW_MS, catalog

from nextbest_rules import Direction, Situation, Stage
from nextbest_service.decisions.arbitration import Choice
from nextbest_service.decisions.decision import PlacedExclusion
from nextbest_service.decisions.exclusions import explain_exclusions
from nextbest_service.decisions.factors import Factors
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.offline import offline_generation
from nextbest_service.decisions.reach import find_reach
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel, PlacementRequest
from nextbest_service.decisions.slates import Slates

EVERYTHING = (1 << len(catalog().actions)) - 1


@pytest.fixture(scope="module")
def generation() -> Generation:
    """The corner shop with its letter as a second placement of the web: an answer has one channel."""
    placements = dict(catalog().placements)
    placements["letter"] = replace(placements["letter"], channels=("web",))
    return offline_generation(replace(catalog(), placements=placements))


def explained(
    generation: Generation,
    *placements: str,
    excluded: tuple[int, ...] = (0, 0),
    slates: tuple[list[int], ...],
    unshowable: int = 0,
    unvalued: int = 0,
) -> list[PlacedExclusion]:
    """Return the exclusions of an adult, with the priorities 1, 1/2, 1/3 ... in the order of the catalog."""
    asked = tuple(
        PlacementRequest(generation.catalog.placements[name], limit=2, excluded=mask)
        for name, mask in zip(placements, excluded, strict=False)
    )
    request = DecisionRequest(
        request_id="",
        identities=(),
        placements=asked,
        channel="web",
        brand="",
        goal="",
        locale="",
        context={},
        candidates=EVERYTHING,
        explain=ExplainLevel.EXCLUSIONS,
        include_content=False,
        allow_duplicates=False,
    )
    situation = Situation(
        now_ms=NOW_MS,
        known=True,
        channel="web",
        direction=Direction.INBOUND,
        facts={"campaigns": ["spring"], "age": 40},
        features={"trips_91d": 9.0},
    )
    reach = find_reach(generation.rules, request, situation)
    live = reach.approaches[0].screening.live
    rows = np.array([bit for bit in range(len(catalog().actions)) if live >> bit & 1])
    ones = np.ones(len(rows))
    factors = Factors.of(
        rows,
        1.0 / (1.0 + np.arange(len(rows))),
        ones,
        ones,
        ones,
        np.zeros(len(rows), np.bool_),
        np.ones(len(rows), np.int8),
        ones,
    )
    chosen = Slates([[Choice(it) for it in slate] for slate in slates], {}, unshowable)
    return list(explain_exclusions(generation, request, reach, factors, chosen, unvalued))


def of(action_id: str, exclusions: list[PlacedExclusion]) -> list[tuple[str, Stage]]:
    return [(it.placement_id, it.exclusion.stage) for it in exclusions if it.exclusion.action_id == action_id]


def bit_of(action_id: str) -> int:
    return 1 << catalog().index[action_id]


def test_a_reason_that_all_placements_share_is_given_once_and_names_none(generation: Generation) -> None:
    found = explained(generation, "home", "letter", slates=([0, 1], [2, 3]))
    assert of("autumn-wine", found) == [("", Stage.VALIDITY)]
    assert of("mystery-wine", found) == [("", Stage.ELIGIBILITY)]


def test_different_reasons_are_given_by_placement_in_the_order_of_the_request(generation: Generation) -> None:
    home_first = explained(generation, "home", "letter", slates=([0], [1]))
    assert of("delivery", home_first) == [("home", Stage.ARBITRATION), ("letter", Stage.PLACEMENT)]
    letter_first = explained(generation, "letter", "home", slates=([0], [1]))
    assert of("delivery", letter_first) == [("letter", Stage.PLACEMENT), ("home", Stage.ARBITRATION)]


def test_the_same_stage_with_other_figures_is_told_apart(generation: Generation) -> None:
    found = explained(generation, "home", "letter", slates=([0], [1]))
    texts = {
        it.placement_id: it.exclusion.required for it in found if it.exclusion.action_id == "strong-wine"
    }
    assert texts == {"home": "priority above 1", "letter": "priority above 0.5"}


def test_what_is_offered_anywhere_is_not_explained(generation: Generation) -> None:
    found = explained(generation, "home", "letter", excluded=(bit_of("spring-apples"), 0), slates=([1], [0]))
    assert of("spring-apples", found) == []


def test_exclusions_come_in_the_order_of_the_catalog(generation: Generation) -> None:
    found = explained(generation, "home", "letter", slates=([], []))
    order = [catalog().index[it.exclusion.action_id] for it in found]
    assert order == sorted(order)
    assert set(order) == set(range(len(catalog().actions)))


def test_an_empty_placement_names_no_priority_to_beat(generation: Generation) -> None:
    (lost,) = [
        it.exclusion
        for it in explained(generation, "home", excluded=(0,), slates=([],))
        if it.exclusion.action_id == "spring-apples"
    ]
    assert lost.required == "priority above any"


@pytest.mark.parametrize(("cause", "rule"), [("unshowable", "parameters"), ("unvalued", "value")])
def test_what_cannot_be_computed_is_said_to_be_the_reason(
    generation: Generation, cause: str, rule: str
) -> None:
    unknown = {cause: bit_of("strong-wine")}
    found = explained(generation, "home", slates=([0],), **unknown)  # type: ignore[arg-type]
    (lost,) = [it.exclusion for it in found if it.exclusion.action_id == "strong-wine"]
    assert (lost.stage, lost.rule_id) == (Stage.ARBITRATION, rule)
