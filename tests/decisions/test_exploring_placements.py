"""Placements that explore or mix: from the catalog to the answer, its token and its record."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

import pytest
from deciding import LIMITED, HandClock, ask, deciding, question

from nextbest.v1 import action_pb2, decision_pb2, proposition_pb2
from nextbest_service.customers.tokens import TokenReader
from nextbest_service.decision_log.entries import Kind
from nextbest_service.decision_log.source import LogSource
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import Identity

DECISIONS = 400
EXPLORING = "explore: {method: epsilon_greedy, share: 0.4, regret: 1.0}"
Catalog = Callable[[str], Path]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """Return a function that makes the catalog with one more property of the home page."""

    def changed(home: str) -> Path:
        directory = Path(shutil.copytree(LIMITED, tmp_path / "catalog"))
        placements = directory / "placements.yaml"
        text = placements.read_text()
        placements.write_text(text.replace("max_limit: 10}", f"max_limit: 10, {home}}}", 1))
        return directory

    return changed


def answers(url: str, catalog: Path, count: int, **fields: object) -> list[decision_pb2.DecideResponse]:
    """Ask about strangers, one after the other; the tokens say the same as the answers."""

    async def decide() -> list[decision_pb2.DecideResponse]:
        found = []
        async with deciding(url, HandClock(), catalog) as decider:
            tokens = TokenReader.of(decider.people.naming.ring, decider.generation.catalog)
            for number in range(count):
                request = question("home", of=Identity("customer", str(number)), **fields)
                request.placements[0].limit = 2
                found.append(await ask(decider, request))
                for it in chain.from_iterable(places(found[-1])):
                    if it.token:
                        told = tokens.read(it.token).selection_probability
                        assert told == pytest.approx(it.selection_probability, rel=1e-6)
        return found

    return asyncio.run(decide())


def places(response: decision_pb2.DecideResponse) -> list[Sequence[proposition_pb2.Proposition]]:
    return [placement.propositions for placement in response.placements]


def test_what_is_tried_and_how_probable_that_was_stands_in_answer_token_and_record(
    valkey_url: str, valkey: SyncClient, catalog: Catalog
) -> None:
    found = answers(valkey_url, catalog(EXPLORING), DECISIONS)
    first = [places(response)[0][0] for response in found]
    tried = Counter(it.action_id for it in first)
    chances = {it.action_id: it.selection_probability for it in first}
    assert chances == {
        "best": pytest.approx(0.6 + 0.4 / 3),
        "second": pytest.approx(0.4 / 3),
        "note": pytest.approx(0.4 / 3),
    }
    for action, chance in chances.items():
        deviation = 5 * (DECISIONS * chance * (1 - chance)) ** 0.5
        assert abs(tried[action] - DECISIONS * chance) < deviation
    kinds = {it.action_id: it.selection_type for it in first}
    assert kinds == {
        "best": action_pb2.SELECTION_TYPE_STATIC,
        "second": action_pb2.SELECTION_TYPE_EXPLORED,
        "note": action_pb2.SELECTION_TYPE_EXPLORED,
    }
    source = LogSource(valkey)
    decisions = [source.decision(entry) for entry in source.newest(1000) if entry.kind is Kind.DECISION]
    logged = {
        decision.id: [(it.action, it.selection_probability) for it in decision.placements[0].offered]
        for decision in decisions
    }
    assert logged == {
        response.decision_id: [(it.action_id, it.selection_probability) for it in places(response)[0]]
        for response in found
    }


def test_a_dry_run_shows_the_best_for_nothing_could_be_learnt_from_it(
    valkey_url: str, valkey: SyncClient, catalog: Catalog
) -> None:
    del valkey
    for response in answers(valkey_url, catalog(EXPLORING), 30, dry_run=True):
        assert [(it.action_id, it.selection_probability) for it in places(response)[0]] == [
            ("best", 1.0),
            ("second", 1.0),
        ]


def test_who_is_passed_over_hears_that_something_was_tried(
    valkey_url: str, valkey: SyncClient, catalog: Catalog
) -> None:
    del valkey
    found = answers(valkey_url, catalog(EXPLORING), 100, explain_level=decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS)
    reasons = {
        exclusion.rule_id
        for response in found
        for exclusion in response.exclusions
        if exclusion.action_id == "best"
    }
    assert reasons == {"explore"}


def test_a_placement_shows_no_more_of_a_group_than_declared_and_says_so(
    valkey_url: str, valkey: SyncClient, catalog: Catalog
) -> None:
    del valkey
    (response,) = answers(
        valkey_url, catalog("at_most: {group: 1}"), 1, explain_level=decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS
    )
    assert [it.action_id for it in places(response)[0]] == ["best", "note"]
    (second,) = [it for it in response.exclusions if it.action_id == "second"]
    assert (second.stage, second.rule_id) == (action_pb2.STAGE_ARBITRATION, "at_most")
    assert (second.actual, second.required) == ("1 of the same group chosen", "below 1")
