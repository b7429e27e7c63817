"""Explanations on their way through the decider: only where asked for, and never in the way of others."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from corner_shop import DIRECTORY, open_for_business, spec, train_model
from deciding import HandClock, ask, deciding, question

from nextbest.v1 import decision_pb2
from nextbest_models.artifact import load
from nextbest_models.calibration import log_odds
from nextbest_models.contributions import Explainer
from nextbest_models.ranker import Ranker
from nextbest_service.decisions.decider import Decider
from nextbest_service.store.connection import SyncClient

LEVELS = decision_pb2.ExplainLevel
FULL = decision_pb2.EXPLAIN_LEVEL_FULL
Ask = Callable[[decision_pb2.DecideRequest], decision_pb2.DecideResponse]


@pytest.fixture
def ranker(tmp_path: Path) -> Ranker:
    return load(train_model(tmp_path), spec())


@pytest.fixture
def asked(valkey: SyncClient, valkey_url: str, ranker: Ranker) -> Ask:
    """Return a function that asks the corner shop, with a model."""
    open_for_business(valkey)

    def answer(request: decision_pb2.DecideRequest) -> decision_pb2.DecideResponse:
        async def decide() -> decision_pb2.DecideResponse:
            async with deciding(valkey_url, HandClock(), DIRECTORY, ranker=ranker) as decider:
                return await ask(decider, request)

        return asyncio.run(decide())

    return answer


@pytest.mark.parametrize("level", [it for it in LEVELS.values() if it != FULL])
def test_nothing_is_computed_for_those_who_did_not_ask(
    asked: Ask, monkeypatch: pytest.MonkeyPatch, level: decision_pb2.ExplainLevel
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("Shapley values that nobody asked for")

    monkeypatch.setattr(Explainer, "contributions", refuse)
    answer = asked(question("home", explain_level=level))
    assert answer.placements[0].propositions
    assert not any(it.HasField("explanation") for it in answer.placements[0].propositions)


@pytest.mark.parametrize("more", [{}, {"dry_run": True}, {"request_id": "r"}])
def test_each_proposition_is_explained_beside_the_exclusions(asked: Ask, more: dict[str, object]) -> None:
    answer = asked(question("home", explain_level=FULL, **more))
    assert len(answer.placements[0].propositions) == 3
    assert answer.exclusions
    for it in answer.placements[0].propositions:
        explanation = it.explanation
        total = explanation.base_log_odds + explanation.others_log_odds + explanation.calibration_log_odds
        total += sum(part.log_odds for part in explanation.contributions)
        assert total == pytest.approx(float(log_odds(np.array(it.propensity))), abs=1e-9)
        assert explanation.summary.startswith(f"Rank {it.rank} ")


def test_an_answer_that_is_repeated_is_explained_in_the_same_words(asked: Ask) -> None:
    once, again = (asked(question("home", explain_level=FULL, request_id="r")) for _ in range(2))
    assert once.placements == again.placements
    assert once.placements[0].propositions[0].explanation.contributions


def test_an_explanation_takes_nothing_from_the_rest_of_the_answer(asked: Ask) -> None:
    plain = asked(question("home", explain_level=decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS, dry_run=True))
    full = asked(question("home", explain_level=FULL, dry_run=True))
    for it in full.placements[0].propositions:
        it.ClearField("explanation")
    assert (full.placements, full.exclusions) == (plain.placements, plain.exclusions)


def test_others_are_answered_while_something_is_explained(
    valkey: SyncClient, valkey_url: str, ranker: Ranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The explanation waits until somebody else has been answered: on the event loop nobody would be."""
    open_for_business(valkey)
    answered, real = threading.Event(), Explainer.contributions

    def waiting(explainer: Explainer, matrix: np.ndarray) -> object:
        assert answered.wait(10), "nobody was answered meanwhile"
        return real(explainer, matrix)

    monkeypatch.setattr(Explainer, "contributions", waiting)

    async def both(decider: Decider) -> decision_pb2.DecideResponse:
        explained = asyncio.create_task(ask(decider, question("home", explain_level=FULL)))
        await asyncio.sleep(0)
        await ask(decider, question("home"))
        answered.set()
        return await explained

    async def decide() -> decision_pb2.DecideResponse:
        async with deciding(valkey_url, HandClock(), DIRECTORY, ranker=ranker) as decider:
            return await both(decider)

    answer = asyncio.run(decide())
    assert answer.placements[0].propositions[0].explanation.contributions


def test_the_time_that_explaining_takes_is_told_as_such(asked: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Explainer.contributions

    def slow(explainer: Explainer, matrix: np.ndarray) -> object:
        threading.Event().wait(0.2)
        return real(explainer, matrix)

    monkeypatch.setattr(Explainer, "contributions", slow)
    timing = asked(question("home", explain_level=FULL)).timing
    assert timing.explain_us > 200_000
    others = (timing.read_us, timing.screen_us, timing.score_us, timing.arbitrate_us, timing.reserve_us)
    assert sum(others) < timing.total_us - 200_000
