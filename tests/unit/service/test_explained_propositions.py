"""Explanations: every factor of a proposition is accounted for, in figures and in words."""

import math
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from corner_shop import DIRECTORY, spec
from small_shop import NOW_MS, decided, limited

from nextbest_models.affinity import AffinityKeys
from nextbest_models.calibration import Calibration, Curve, Method, log_odds
from nextbest_models.evidence import Evidence, Experience, Graduation, Kind, Scope, Tally
from nextbest_models.population import Population
from nextbest_models.ranker import Ranker
from nextbest_rules import RuleSet, load_catalog
from nextbest_rules.assignment import CHAMPION
from nextbest_rules.records import Ticket
from nextbest_service.decisions import explaining
from nextbest_service.decisions.decision import Decision, Degradation, Proposition
from nextbest_service.decisions.explaining import MOST_FEATURES
from nextbest_service.decisions.explanation import Explanation, MultiplierSource
from nextbest_service.decisions.generation import Generation

MODEL = Path(__file__).parents[2] / "golden" / "decisions" / "corner_shop_model.txt"
FAULT = Ticket("t", "fault", "high", opened_at_ms=NOW_MS)
WINE = Kind("OFFER", "cross_sell", "wine")


def shop(experience: Experience | None = None, calibration: Calibration | None = None) -> Generation:
    """Return the corner shop with a real model."""
    booster = lightgbm.Booster(model_str=MODEL.read_text())
    ranker = Ranker(booster, spec().columns, "v", calibration or Calibration(), experience)
    rules = RuleSet.compile(load_catalog(DIRECTORY))
    rankers = {CHAMPION: ranker} if ranker else {}
    return Generation.build(rules, spec(), AffinityKeys({}), Population.unknown(), rankers)


def told(decision: Decision) -> dict[str, tuple[Proposition, Explanation]]:
    """Return all propositions with their explanations."""
    found = {}
    for placement in decision.placements:
        for it in placement.propositions:
            assert it.explanation is not None
            found[it.action.id] = it, it.explanation
    return found


@pytest.mark.parametrize("tickets", [(), (FAULT,)])
def test_multipliers_are_all_that_context_weight_and_lever_are_made_of(
    tmp_path: Path, tickets: tuple[Ticket, ...]
) -> None:
    found = told(decided(limited(tmp_path), tickets=tickets))
    assert len(found) == 3
    for it, explanation in found.values():
        parts = explanation.multipliers
        weights = [part.factor for part in parts if part.source is MultiplierSource.CONTEXT_WEIGHT]
        levers = [part.factor for part in parts if part.source is not MultiplierSource.CONTEXT_WEIGHT]
        assert math.prod(weights) == pytest.approx(it.context_weight, rel=1e-12)
        assert math.prod(levers) == pytest.approx(it.lever, rel=1e-12)
        assert 1 not in weights + levers
    ids = {(part.source.value, part.id, part.factor) for part in found["best"][1].multipliers}
    guard = {("GUARD", "fault", 2.0)} if tickets else set()
    assert ids == guard | {
        *(("CONTEXT_WEIGHT", "rainy", 1.5), ("CONTEXT_WEIGHT", "half", 0.5)),
        *(("BRAND", "grand", 2.0), ("GOAL", "sell", 3.0)),
    }


def test_every_factor_has_its_sentence(tmp_path: Path) -> None:
    more = (
        "- {id: dear, type: OFFER, issue: sales, group: offers, title: D, lever: 1.25, "
        'starting_propensity: 0.031, value: "2.0 * 4.0"}\n'
    )
    it = told(decided(limited(tmp_path, actions=more), tickets=(FAULT,)))["dear"][1]
    levers = "the action's own lever × 1.25, brand 'grand' × 2"
    assert it.summary == "Rank 4 by priority 2.79: expected to work 3.1 times in 100."
    assert it.sentences == (
        "Rank 4 by priority 2.79 = 0.031 × 0.75 × 8 × 15 (P × C × V × L).",
        "P: expected to work 3.1 times in 100, as the catalog declares.",
        "No model is in use.",
        "C: the context multiplies it by 0.75: rule 'rainy' × 1.5, rule 'half' × 0.5.",
        "V: worth 8 if it works, computed for this customer.",
        f"L: levers multiply it by 15: {levers}, goal 'sell' × 3, guard 'fault' × 2.",
    )


def test_what_is_pinned_says_by_which_guard(tmp_path: Path) -> None:
    it = told(decided(limited(tmp_path), tickets=(FAULT,)))["note"][1]
    assert it.sentences[0] == "Rank 1, because it is pinned by guard 'fault': that goes before any priority."
    assert it.sentences[-3:] == (
        "C: nothing in the context changes it.",
        "V: worth 1 if it works.",
        "L: levers multiply it by 5: brand 'grand' × 4, guard 'slow' × 1.25.",
    )
    assert it.summary == "Rank 1, pinned: expected to work 10 times in 100."


def test_a_fallback_says_so(tmp_path: Path) -> None:
    it = told(decided(limited(tmp_path, ", fallback: note"), only=("note",)))["note"][1]
    assert it.sentences[0] == "The placement's fallback: nothing else may be shown here."
    assert it.summary == "The placement's fallback: expected to work 10 times in 100."


def test_what_is_tried_says_so_with_its_probability(tmp_path: Path) -> None:
    generation = limited(tmp_path, ", explore: {method: epsilon_greedy, share: 0.3, regret: 1.0}")
    firsts = set()
    for number in range(60):
        found = told(decided(generation, limit=1, decision_id=f"{number:032x}"))
        ((name, (_, explanation)),) = found.items()
        firsts.add((name, explanation.sentences[0]))
    assert ("second", "Rank 1, to learn from it: others had a higher priority; probability 0.1.") in firsts
    best = [sentence for name, sentence in firsts if name == "best"]
    assert best[0].endswith("; the placement also tries others, so its probability was 0.8.")


@pytest.mark.parametrize("shift", [0.0, -1.0])
def test_with_a_model_all_parts_add_up_to_the_propensity(shift: float) -> None:
    curve = Curve(Method.PLATT, np.array([-35.0, 35.0]), np.array([-35.0, 35.0]) + shift)
    generation = shop(calibration=Calibration({"OFFER": curve}) if shift else None)
    known = {"facts": {"campaigns": ["spring"], "age": 40}, "vector": (9.0, 210.5, np.nan)}
    found = told(decided(generation, context={"basket_value": 7.5}, **known))
    assert len(found) > 5
    for it, explanation in found.values():
        parts = [part.log_odds for part in explanation.contributions]
        total = explanation.base_log_odds + sum(parts) + explanation.others_log_odds
        total += explanation.calibration_log_odds
        assert total == pytest.approx(float(log_odds(np.array(it.propensity))), abs=1e-9)
        assert 0 < len(parts) <= MOST_FEATURES
        assert parts == sorted(parts, key=abs, reverse=True)
        curved = shift if it.action.type.value == "OFFER" else 0.0
        assert explanation.calibration_log_odds == pytest.approx(curved, abs=1e-9)
        assert [words for words in explanation.sentences if "Calibration" in words] == (
            ["Calibration for the type OFFER: lowers it a lot."] if curved else []
        )


def test_features_are_told_with_the_values_that_the_model_saw() -> None:
    known = {"facts": {"campaigns": ["spring"], "age": 40}, "vector": (9.0, 210.5, np.nan)}
    found = told(decided(shop(), context={"basket_value": 7.5}, **known))["spring-apples"][1]
    seen = {it.feature: (it.value, it.words.partition(", which")[0]) for it in found.contributions}
    assert seen["trips_91d"] == (9.0, "Shopping trips in the last 91 days: 9")
    assert seen["offer_discount"] == (0.2, "offer_discount: 0.2")
    assert seen["basket"] == (7.5, "basket: 7.5")
    assert seen["category_trips"] == (None, "category_trips: nothing on record")
    assert set(found.sentences) > {it.words for it in found.contributions}


def test_of_very_many_actions_the_first_have_contributions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "MOST_ROWS", 2)
    known = {"facts": {"campaigns": ["spring"], "age": 40}, "vector": (9.0, 210.5, 2.0)}
    found = list(told(decided(shop(), **known)).values())
    assert [bool(it.contributions) for _, it in found] == [True, True] + [False] * (len(found) - 2)
    assert "Features are told of the first 100 actions of an answer only." in found[2][1].sentences


def test_what_the_model_has_not_seen_enough_of_says_what_its_propensity_rests_on() -> None:
    evidence = Evidence(
        {
            "spring-wine": Tally(WINE, 500, 100),
            "delivery": Tally(Kind("SERVICE", "experience", "delivery"), 40, 4),
        }
    )
    generation = shop(Experience(evidence, Graduation(scope=Scope.ACTION, exposures=100)))
    known = {"facts": {"campaigns": ["spring"], "age": 40}, "vector": (9.0, 210.5, 2.0)}
    found = told(decided(generation, context={"page": "recipes"}, **known))
    assert {name for name, (_, it) in found.items() if it.contributions} == {"spring-wine"}
    words = {name: it.sentences[1].partition(", ")[2] for name, (_, it) in found.items()}
    pooled = "from what came of it and of what is alike: "
    assert words["spring-wine"] == "by the model."
    assert words["strong-wine"] == (
        f"{pooled}it was never shown, its group 'wine' was shown 500 times, 100 of them with success."
    )
    assert words["delivery"] == (
        f"{pooled}it was shown 40 times, 4 of them with success, "
        "its group 'delivery' was shown 40 times, 4 of them with success."
    )
    assert "its type OFFER was shown 500 times" in words["spring-apples"]
    assert words["credit"] == "as the catalog declares."
    assert words["pie-recipe"].startswith("which is assumed where nothing is declared")
    assert found["credit"][1].sentences[2] == "The model has not seen enough of it to rank it."


def test_a_model_that_failed_explains_nothing_and_says_so() -> None:
    text = MODEL.read_text()
    line = next(it for it in text.splitlines() if it.startswith("leaf_value="))
    damaged = "leaf_value=" + " ".join("nan" for _ in line[11:].split(" "))
    size = text.split("tree_sizes=")[1].split(" ")[0]
    text = text.replace(line, damaged, 1)
    text = text.replace(f"tree_sizes={size} ", f"tree_sizes={int(size) + len(damaged) - len(line)} ", 1)
    ranker = Ranker(lightgbm.Booster(model_str=text), spec().columns, "v")
    rules = RuleSet.compile(load_catalog(DIRECTORY))
    broken = Generation.build(rules, spec(), AffinityKeys({}), Population.unknown(), {CHAMPION: ranker})
    decision = decided(broken)
    assert decision.degraded == (Degradation.SCORE_NOT_FINITE,)
    for it, explanation in told(decision).values():
        assert 0 < it.propensity < 1
        assert not explanation.contributions
        assert "The model failed, so it ranked nothing." in explanation.sentences


def test_the_same_decision_is_explained_in_the_same_words(tmp_path: Path) -> None:
    one, other = (told(decided(shop(), facts={"age": 40})) for _ in range(2))
    assert one == other
    assert limited(tmp_path).versions.model == ""
