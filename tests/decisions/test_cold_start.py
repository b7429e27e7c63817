"""Which propensity an action has in an answer, and what the answer says it rests on."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import create_autospec

import numpy as np
import pytest
from corner_shop import DIRECTORY, catalog, open_for_business, spec, train_model
from deciding import HandClock, ask, deciding, question

from nextbest.v1 import action_pb2, decision_pb2, proposition_pb2
from nextbest_models.artifact import load
from nextbest_models.calibration import Calibration, Curve, Method, log_odds
from nextbest_models.companions import ALONE, Companions
from nextbest_models.evidence import Evidence, Experience, Graduation, Kind, Scope, Tally
from nextbest_models.ranker import CandidateRanker, ModelError, Ranker
from nextbest_service.decisions.generation import action_profiles
from nextbest_service.store.connection import SyncClient

PRIOR, POOLED, MODEL = (
    action_pb2.MATURITY_PRIOR,
    action_pb2.MATURITY_POOLED,
    action_pb2.MATURITY_MODEL,
)
WINE = Kind("OFFER", "cross_sell", "wine")
EVIDENCE = Evidence(
    {
        "spring-wine": Tally(WINE, 500, 100),
        "forgotten-wine": Tally(WINE, 500, 100),
        "delivery": Tally(Kind("SERVICE", "experience", "delivery"), 40, 4),
    }
)
TWICE = Curve(Method.PLATT, np.array([-35.0, 35.0]), np.array([-70.0, 70.0]))
Propositions = Mapping[str, proposition_pb2.Proposition]


@dataclass
class Shop:
    """Asks the corner shop for everything that Anna may be offered at home."""

    root: Path
    url: str

    def offers(self, companions: Companions | None) -> Propositions:
        """Return the propositions by action, ranked by a model with these companions or (None) by none."""
        ranker = None if companions is None else load(train_model(self.root, companions), spec())
        return {it.action_id: it for it in self.answer(ranker).placements[0].propositions}

    def answer(self, ranker: Ranker | None) -> decision_pb2.DecideResponse:
        """Return the answer with a model or none."""
        request = question("home", candidate_action_ids=[])
        request.placements[0].limit = 10

        async def decide() -> decision_pb2.DecideResponse:
            async with deciding(self.url, HandClock(), DIRECTORY, ranker=ranker) as decider:
                return await ask(decider, request)

        return asyncio.run(decide())


@pytest.fixture
def shop(valkey: SyncClient, valkey_url: str, tmp_path: Path) -> Shop:
    open_for_business(valkey)
    return Shop(tmp_path, valkey_url)


def experience(scope: Scope) -> Companions:
    return Companions(experience=Experience(EVIDENCE, Graduation(scope=scope, exposures=100)))


def test_training_knows_actions_by_the_kinds_that_serving_has() -> None:
    kinds = {profile.id: profile.kind for profile in action_profiles(catalog())}
    assert kinds["strong-wine"] == WINE
    assert kinds["delivery"] == Kind("SERVICE", "experience", "delivery")


def test_without_a_model_the_declared_propensity_counts_and_the_answer_says_so(shop: Shop) -> None:
    found = shop.offers(None)
    assert {it.maturity for it in found.values()} == {PRIOR}
    assert {it.propensity for it in found.values()} == {0.01}


def test_a_model_that_does_not_tell_what_it_saw_ranks_everything(shop: Shop) -> None:
    assert {it.maturity for it in shop.offers(ALONE).values()} == {MODEL}


def test_each_action_stands_on_the_rung_that_its_evidence_has_reached(shop: Shop) -> None:
    found, ranked = shop.offers(experience(Scope.ACTION)), shop.offers(ALONE)
    rungs = {name: it.maturity for name, it in found.items()}
    assert rungs["spring-wine"] == MODEL
    assert rungs["strong-wine"] == rungs["delivery"] == POOLED
    assert rungs["credit"] == rungs["pie-recipe"] == PRIOR  # declared, and nothing like it ever shown
    assert found["spring-wine"].propensity == ranked["spring-wine"].propensity
    # A new wine has the rate of wines, 200 of 1,000, and not the 0 of its own clicks.
    assert found["strong-wine"].propensity == pytest.approx(0.2, rel=0.05)
    assert found["credit"].propensity == 0.01
    assert all(it.selection_type == action_pb2.SELECTION_TYPE_RANKED for it in found.values())


def test_what_the_model_saw_enough_of_in_a_group_lets_the_whole_group_graduate(shop: Shop) -> None:
    rungs = {name: it.maturity for name, it in shop.offers(experience(Scope.GROUP)).items()}
    assert rungs["spring-wine"] == rungs["strong-wine"] == MODEL
    assert rungs["spring-apples"] == POOLED  # an offer, but of fruit
    rungs = {name: it.maturity for name, it in shop.offers(experience(Scope.TYPE)).items()}
    assert rungs["spring-apples"] == rungs["credit"] == MODEL
    assert rungs["delivery"] == POOLED  # shown 40 times, 100 are needed


def test_with_different_rungs_priorities_are_still_products_and_in_order(shop: Shop) -> None:
    found = list(shop.offers(experience(Scope.ACTION)).values())
    assert len(found) == 8
    assert all(it.priority == it.propensity * it.context_weight * it.value * it.lever for it in found)
    assert sorted(found, key=lambda it: -it.priority) == found


class BrokenRanker(Ranker):
    """A model that always fails."""

    def over(self, *_: object) -> CandidateRanker:
        """Return what fails."""
        failing: CandidateRanker = create_autospec(CandidateRanker)
        failing.propensities.side_effect = ModelError("broken on purpose")  # type: ignore[attr-defined]
        return failing


def test_if_the_model_fails_everybody_goes_down_to_the_ladder(shop: Shop) -> None:
    directory = train_model(shop.root, experience(Scope.TYPE))
    sound = load(directory, spec())
    broken = BrokenRanker(sound.booster, sound.columns, "v", sound.calibration, sound.experience)
    answer = shop.answer(broken)
    assert [it.reason for it in answer.degraded] == ["SCORE_NOT_FINITE"]
    found = {it.action_id: it for it in answer.placements[0].propositions}
    assert found["strong-wine"].maturity == POOLED
    assert found["credit"].maturity == PRIOR
    assert found["strong-wine"].propensity == pytest.approx(0.2, rel=0.05)


def test_propensities_are_calibrated_by_the_type_of_each_action(shop: Shop) -> None:
    raw = shop.offers(ALONE)
    found = shop.offers(Companions(Calibration({"OFFER": TWICE})))
    for name, it in found.items():
        times = 2.0 if it.action_type == action_pb2.ACTION_TYPE_OFFER else 1.0
        assert log_odds(np.array(it.propensity)) == pytest.approx(
            times * log_odds(np.array(raw[name].propensity))
        )
    assert {it.action_type for it in found.values()} == {1, 2, 3}
