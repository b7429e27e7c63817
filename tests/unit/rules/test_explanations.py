from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_situations import ADULT, APRIL_1, MARCH_15, mask_of

from nextbest_rules import Exclusion, RuleSet, Situation, Stage, Surface, UnknownPlacementError

HOME = Surface("home", "web", "")


def explain(
    rules: RuleSet, situation: Situation, surface: Surface | None = None, *wishes: int
) -> tuple[Exclusion, ...]:
    return rules.explain(rules.look(situation), surface, *wishes)


def of(action_id: str, exclusions: tuple[Exclusion, ...]) -> Exclusion:
    return next(exclusion for exclusion in exclusions if exclusion.action_id == action_id)


def test_the_stages_are_in_the_order_in_which_they_stop() -> None:
    assert list(Stage) == [
        "validity",
        "consent",
        "guard",
        "eligibility",
        "applicability",
        "suitability",
        "contact_policy",
        "placement",
        "request",
        "holdout",
        "arbitration",
    ]


def test_an_action_that_is_not_valid_yet_says_when_it_will_be(rules: RuleSet) -> None:
    assert of("autumn-wine", explain(rules, ADULT)) == Exclusion(
        action_id="autumn-wine",
        stage=Stage.VALIDITY,
        rule_id="not_yet_valid",
        reason="The action is not valid yet.",
        actual="2024-03-15T10:00:00Z",
        required="from 2024-09-01T00:00:00Z",
        eligible_at_ms=1_725_148_800_000,
    )


def test_an_expired_action_will_not_come_back(rules: RuleSet) -> None:
    assert of("spring-apples", explain(rules, ADULT._replace(now_ms=APRIL_1))) == Exclusion(
        action_id="spring-apples",
        stage=Stage.VALIDITY,
        rule_id="expired",
        reason="The action has expired.",
        actual="2024-04-01T00:00:00Z",
        required="before 2024-04-01T00:00:00Z",
    )


def test_a_failed_condition_shows_what_it_saw_and_what_it_needs(rules: RuleSet) -> None:
    assert of("strong-wine", explain(rules, ADULT._replace(facts={"age": 20}))) == Exclusion(
        action_id="strong-wine",
        stage=Stage.ELIGIBILITY,
        rule_id="old_enough",
        reason="Alcohol is for adults.",
        actual="facts.age = 20; action.min_age = 21",
        required="facts.age >= action.min_age",
    )


def test_a_folded_condition_is_shown_on_one_line(rules: RuleSet) -> None:
    exclusion = of("credit", explain(rules, ADULT._replace(facts={"debt": 100})))
    assert exclusion.required == "!has(facts.debt) || facts.debt < 100"
    assert exclusion.actual == "facts.debt = 100.0"


def test_a_missing_value_is_called_unknown(rules: RuleSet) -> None:
    exclusions = explain(rules, Situation(now_ms=MARCH_15))
    assert of("strong-wine", exclusions).actual == "facts.age is unknown; action.min_age = 21"
    assert of("spring-apples", exclusions).actual == 'action.campaign = "spring"; facts.campaigns = []'


def test_only_the_first_stage_and_the_first_rule_are_named(rules: RuleSet) -> None:
    """The wine of spring fails two rules and the placement, and the caller does not want it either."""
    situation, wine = Situation(now_ms=MARCH_15), mask_of(rules, "spring-wine")
    found = of("spring-wine", explain(rules, situation, HOME, wine, mask_of(rules, "credit")))
    assert (found.stage, found.rule_id) == (Stage.ELIGIBILITY, "campaign_was_sent")
    late = of("spring-wine", explain(rules, situation._replace(now_ms=APRIL_1), HOME, wine))
    assert late.stage is Stage.VALIDITY
    bread = of("app-bread", explain(rules, situation, HOME, mask_of(rules, "app-bread")))
    assert (bread.stage, bread.rule_id) == (Stage.PLACEMENT, "channel")


@pytest.mark.parametrize("excluded", [0, -1])
@pytest.mark.parametrize(
    "situation",
    [ADULT, Situation(now_ms=MARCH_15), ADULT._replace(now_ms=APRIL_1), ADULT._replace(facts={"debt": 100})],
)
def test_counts_of_what_stops_are_those_of_the_explanations(
    rules: RuleSet, situation: Situation, excluded: int
) -> None:
    counted = rules.count_stopped(rules.look(situation), HOME, excluded)
    told = explain(rules, situation, HOME, excluded)
    stages, named = Counter[Stage](), Counter[tuple[Stage, str]]()
    for stage, rule_id, actions in counted:
        stages[stage] += actions
        named[stage, rule_id] += actions
    assert stages == Counter(it.stage for it in told)
    # A placement has three words for what it does not take; all of them count under the first.
    exact = Counter((it.stage, it.rule_id) for it in told if it.stage is not Stage.PLACEMENT)
    assert {key: named[key] for key in exact} == exact


def test_a_placement_names_what_it_accepts(rules: RuleSet) -> None:
    exclusions = explain(rules, ADULT, Surface("letter", "email", ""))
    assert of("delivery", exclusions) == Exclusion(
        action_id="delivery",
        stage=Stage.PLACEMENT,
        rule_id="type",
        reason="The placement does not accept actions of this type.",
        actual="SERVICE",
        required="OFFER",
    )
    assert of("app-bread", exclusions).required == "email"


def test_the_callers_own_wishes_come_last(rules: RuleSet) -> None:
    exclusions = explain(rules, ADULT, None, mask_of(rules, "credit"), mask_of(rules, "credit", "delivery"))
    assert (of("credit", exclusions).stage, of("credit", exclusions).rule_id) == (Stage.REQUEST, "excluded")
    assert of("tasting", exclusions).rule_id == "candidates"
    assert "delivery" not in {exclusion.action_id for exclusion in exclusions}


def test_an_empty_list_of_candidates_wants_nothing(rules: RuleSet) -> None:
    assert len(explain(rules, ADULT, None, 0, 0)) == 12


def test_an_unknown_placement_is_an_error(rules: RuleSet) -> None:
    with pytest.raises(UnknownPlacementError):
        explain(rules, ADULT, Surface("nowhere", "web", ""))


FACTS = st.fixed_dictionaries(
    {},
    optional={
        "campaigns": st.lists(st.sampled_from(["spring", "autumn", "x"])) | st.integers(),
        "age": st.integers(15, 25) | st.sampled_from(["18", None]),
        "debt": st.floats(0, 200) | st.none(),
    },
)
SURFACES = {"home": HOME, "card": Surface("card", "app", ""), "letter": Surface("letter", "email", "")}


@given(
    now_ms=st.integers(1_709_000_000_000, 1_728_000_000_000),
    facts=FACTS,
    trips=st.none() | st.floats(0, 5) | st.just(float("nan")),
    page=st.none() | st.sampled_from(["recipes", "home"]),
    surface=st.none() | st.sampled_from(list(SURFACES.values())),
    excluded=st.sets(st.sampled_from(["credit", "delivery", "pie-recipe"])),
)
def test_exactly_the_actions_that_are_not_live_are_explained(
    rules: RuleSet,
    now_ms: int,
    facts: dict[str, object],
    trips: float | None,
    page: str | None,
    surface: Surface | None,
    excluded: set[str],
) -> None:
    features = {} if trips is None else {"trips_91d": trips}
    situation = Situation(now_ms, facts=facts, features=features, context={"page": page})
    offered = rules.screen(rules.look(situation)).live & ~mask_of(rules, *excluded)
    if surface is not None:
        offered &= rules.fit(surface).mask
    exclusions = explain(rules, situation, surface, mask_of(rules, *excluded))
    explained = {exclusion.action_id for exclusion in exclusions}
    assert explained == {
        action.id for bit, action in enumerate(rules.catalog.actions) if not offered >> bit & 1
    }
