"""Holdouts and experiments: from the catalog and the person to the answer."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar
from unittest.mock import create_autospec

import numpy as np
import pytest
from corner_shop import DIRECTORY, open_for_business, spec, train_model
from deciding import LIMITED, HandClock, ask, deciding, offers, question

from nextbest.v1 import action_pb2, decision_pb2, proposition_pb2
from nextbest_models.artifact import load
from nextbest_models.calibration import Calibration, Curve, Method
from nextbest_models.companions import Companions
from nextbest_models.ranker import CandidateRanker, Ranker
from nextbest_rules import CatalogError, load_catalog
from nextbest_rules.assignment import CHAMPION
from nextbest_rules.trials import read_suites, run
from nextbest_service.decision_log.entries import Kind
from nextbest_service.decision_log.export.tables import DECISIONS, decisions_table
from nextbest_service.decision_log.logged_decision import LoggedDecision
from nextbest_service.decision_log.plain import plain_decision
from nextbest_service.decision_log.source import LogSource
from nextbest_service.decisions.decider import Decider
from nextbest_service.decisions.offline import decide_offline, offline_generation
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.keys import Identity
from nextbest_service.store.links import Links
from nextbest_service.store.updates import Update

PEOPLE = 60
FULL = decision_pb2.EXPLAIN_LEVEL_FULL
OFFERS = "applies_to: {types: [OFFER]}"
T = TypeVar("T")
Catalog = Callable[[str], Path]
Visit = Callable[[Decider], Awaitable[T]]


@pytest.fixture
def catalog(tmp_path: Path, valkey: SyncClient) -> Catalog:
    """Return a function that makes the catalog with experiments, or with more ones."""
    del valkey

    def changed(experiments: str, of: Path = LIMITED) -> Path:
        directory = Path(shutil.copytree(of, tmp_path / "catalog", dirs_exist_ok=True))
        (directory / "experiments.yaml").write_text(experiments)
        return directory

    return changed


def visiting(
    url: str, catalog: Path, visit: Visit[T], ranker: Ranker | Mapping[str, Ranker] | None = None
) -> T:
    async def decide() -> T:
        async with deciding(url, HandClock(), catalog, ranker=ranker) as decider:
            return await visit(decider)

    return asyncio.run(decide())


async def everybody(
    decider: Decider, explain: decision_pb2.ExplainLevel = decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS
) -> list[decision_pb2.DecideResponse]:
    """Ask about strangers, with all reasons."""
    request = {"explain_level": explain}
    return [await ask(decider, question(of=stranger(number), **request)) for number in range(PEOPLE)]


def stranger(number: int, namespace: str = "customer") -> Identity:
    return Identity(namespace, str(number))


def arms_of(response: decision_pb2.DecideResponse) -> dict[str, str]:
    return {arm.experiment_id: arm.arm for arm in response.arms}


def test_who_is_in_a_holdout_does_without_what_it_is_about_and_hears_why(
    valkey_url: str, catalog: Catalog
) -> None:
    held_back = catalog(f"holdouts: [{{id: no_offers, share: 0.5, {OFFERS}, reason: For comparison.}}]")
    found = visiting(valkey_url, held_back, everybody)
    shown = {("no_offers" in arms_of(response), *offers(response)) for response in found}
    assert shown == {(True, "note"), (False, "best")}
    for response in found:
        reasons = {it.rule_id for it in response.exclusions if it.stage == action_pb2.STAGE_HOLDOUT}
        assert reasons == ({"no_offers"} if "no_offers" in arms_of(response) else set())


def test_nothing_gets_around_a_holdout_of_everything(valkey_url: str, catalog: Catalog) -> None:
    silence = catalog("holdouts: [{id: silence, share: 1, reason: Hears nothing.}]")
    placements = silence / "placements.yaml"
    placements.write_text(
        placements.read_text().replace("max_limit: 10}", "max_limit: 10, fallback: note}", 1)
    )
    guard = (
        "guards: [{id: g, when: 'true', promote: [{applies_to: {actions: [best]}, pin: true}], reason: G.}]"
    )
    policies = silence / "policies.yaml"
    policies.write_text(policies.read_text() + "\n" + guard)
    assert [offers(response) for response in visiting(valkey_url, silence, everybody)] == [[]] * PEOPLE


def test_levers_of_an_arm_change_the_order_for_its_people_only(valkey_url: str, catalog: Catalog) -> None:
    louder = catalog("""
experiments:
  - id: loud
    arms:
      - {id: as_ever, share: 0.4}
      - {id: notes, share: 0.4, levers: [{applies_to: {actions: [note]}, lever: 100}, {lever: 2}]}
""")
    found = visiting(valkey_url, louder, everybody)
    shown = {(arms_of(it).get("loud", "none"), *offers(it)) for it in found}
    assert shown == {("as_ever", "best"), ("notes", "note"), ("none", "best")}
    levers = {it.placements[0].propositions[0].lever for it in found if arms_of(it) == {"loud": "notes"}}
    assert levers == {200.0}
    explained = {
        (arms_of(response)["loud"], it.id, it.source, it.factor)
        for response in visiting(valkey_url, louder, partial(everybody, explain=FULL))
        for offer in response.placements[0].propositions
        for it in offer.explanation.multipliers
    }
    assert explained == {("notes", "loud", proposition_pb2.MULTIPLIER_SOURCE_EXPERIMENT, 200.0)}


def test_an_arm_may_do_without_actions(valkey_url: str, catalog: Catalog) -> None:
    without = catalog("""
experiments:
  - id: gone
    arms: [{id: control, share: 0.5}, {id: without, share: 0.5, withhold: {actions: [best]}}]
""")
    found = visiting(valkey_url, without, everybody)
    assert {(arms_of(it)["gone"], *offers(it)) for it in found} == {
        ("control", "best"),
        ("without", "second"),
    }
    reasons = {it.reason for response in found for it in response.exclusions if it.rule_id == "gone"}
    assert reasons == {"This arm of the experiment does without it: without."}


def test_a_dry_run_is_of_the_same_arms(valkey_url: str, catalog: Catalog) -> None:
    halves = catalog("experiments: [{id: halves, arms: [{id: a, share: 0.5}, {id: b, share: 0.5}]}]")

    async def twice(decider: Decider) -> list[tuple[dict[str, str], ...]]:
        asked = [(question(of=stranger(n), dry_run=True), question(of=stranger(n))) for n in range(PEOPLE)]
        return [(arms_of(await ask(decider, dry)), arms_of(await ask(decider, it))) for dry, it in asked]

    found = visiting(valkey_url, halves, twice)
    assert all(dry == wet for dry, wet in found)
    assert len({wet["halves"] for _, wet in found}) == 2


# --- policy tests

SUITE = """
suite: Comparisons
now: 2024-03-15T10:00:00Z
request: {placement: home}
tests:
  - {name: in none by default, expect: {offered: [best]}}
  - name: held back
    arms: {no_offers: holdout}
    expect: {offered: [note], excluded: {best: {stage: holdout, rule: no_offers, reason: For comparison.}}}
  - name: louder
    arms: {loud: notes}
    expect: {offered: [note], propositions: {note: {lever: 100}}}
"""
BOTH = f"""
holdouts: [{{id: no_offers, share: 1, {OFFERS}, reason: For comparison.}}]
experiments:
  - id: loud
    arms:
      - {{id: as_ever, share: 0.5}}
      - {{id: notes, share: 0.5, levers: [{{applies_to: {{actions: [note]}}, lever: 100}}]}}
"""


def suite(directory: Path, text: str) -> Path:
    (directory / "tests").mkdir()
    (directory / "tests" / "comparisons.yaml").write_text(text)
    return directory


def test_policy_tests_put_their_customer_into_arms(catalog: Catalog) -> None:
    directory = suite(catalog(BOTH), SUITE)
    loaded = load_catalog(directory)
    generation = offline_generation(loaded)
    report = run(read_suites(directory, loaded), loaded, partial(decide_offline, generation))
    assert [result.failures for result in report.results] == [(), (), ()]


def test_policy_tests_with_unknown_arms_are_refused(catalog: Catalog) -> None:
    wrong = SUITE.replace("no_offers: holdout", "no_ofers: holdout").replace("loud: notes", "loud: note")
    directory = suite(catalog(BOTH), wrong)
    with pytest.raises(CatalogError) as raised:
        read_suites(directory, load_catalog(directory))
    assert [fault.message for fault in raised.value.diagnostics] == [
        "unknown holdout or experiment 'no_ofers'; did you mean 'no_offers'?",
        "unknown arm 'note'; did you mean 'notes'?",
    ]


# --- rankers

CHALLENGE = """
experiments:
  - id: challenge
    arms:
      - {id: control, share: 0.25}
      - {id: challenger, share: 0.25, ranker: challenger}
      - {id: no_model, share: 0.25, ranker: static}
"""
TWICE = Curve(Method.PLATT, np.array([-35.0, 35.0]), np.array([-70.0, 70.0]))


@pytest.fixture
def rankers(tmp_path: Path, valkey: SyncClient) -> Mapping[str, Ranker]:
    """Return a champion and a challenger that are not the same."""
    open_for_business(valkey)
    other = Companions(Calibration({"OFFER": TWICE}))
    found = {
        CHAMPION: load(train_model(tmp_path), spec()),
        "challenger": load(train_model(tmp_path, other), spec()),
    }
    assert found[CHAMPION].version != found["challenger"].version
    return found


def test_each_arm_is_ranked_by_its_own_model_or_by_none(
    valkey_url: str, catalog: Catalog, rankers: Mapping[str, Ranker]
) -> None:
    found = visiting(valkey_url, catalog(CHALLENGE, DIRECTORY), everybody, rankers)
    versions = {(arms_of(it).get("challenge", "none"), it.versions.model) for it in found}
    champion, challenger = rankers[CHAMPION].version, rankers["challenger"].version
    assert versions == {
        ("control", champion),
        ("none", champion),
        ("challenger", challenger),
        ("no_model", ""),
    }
    assert not any(response.degraded for response in found)
    kinds = {
        (it.versions.model != "", offer.selection_type)
        for it in found
        for placement in it.placements
        for offer in placement.propositions
    }
    assert kinds == {
        (True, action_pb2.SELECTION_TYPE_RANKED),
        (False, action_pb2.SELECTION_TYPE_STATIC),
    }


def test_where_an_arms_ranker_is_not_in_use_the_champion_ranks_and_the_answer_says_so(
    valkey_url: str, catalog: Catalog, rankers: Mapping[str, Ranker]
) -> None:
    only = {CHAMPION: rankers[CHAMPION]}
    found = visiting(valkey_url, catalog(CHALLENGE, DIRECTORY), everybody, only)
    told = {
        (arms_of(it).get("challenge"), it.versions.model, *(part.reason for part in it.degraded))
        for it in found
        if arms_of(it).get("challenge") != "no_model"
    }
    champion = rankers[CHAMPION].version
    assert told == {
        ("control", champion),
        (None, champion),
        ("challenger", champion, "RANKER_UNAVAILABLE"),
    }


def test_without_any_model_only_the_arm_that_wants_none_is_as_it_should_be(
    valkey_url: str, catalog: Catalog, rankers: Mapping[str, Ranker]
) -> None:
    del rankers
    found = visiting(valkey_url, catalog(CHALLENGE, DIRECTORY), everybody)
    told = {(arms_of(it).get("challenge"), *(part.reason for part in it.degraded)) for it in found}
    assert told == {
        ("control", "MODEL_UNAVAILABLE"),
        (None, "MODEL_UNAVAILABLE"),
        ("challenger", "RANKER_UNAVAILABLE", "MODEL_UNAVAILABLE"),
        ("no_model",),
    }


# --- the same person under other names

HALVES = "experiments: [{id: halves, arms: [{id: a, share: 0.5}, {id: b, share: 0.5}]}]"


async def arm_of(decider: Decider, *names: Identity, dry_run: bool = False) -> str:
    request = question(of=names[0], dry_run=dry_run)
    for name in names[1:]:
        request.identities.add(namespace=name.namespace, id=name.id)
    return arms_of(await ask(decider, request))["halves"]


async def becomes_known(decider: Decider, name: Identity) -> None:
    """Store something about somebody."""
    who = decider.people.naming.who([name])
    await decider.people.update([Update(who.refs, who.names, lambda person, _: (person, None))])


@pytest.mark.parametrize("known", [True, False], ids=["a known visitor", "a visitor never heard of"])
def test_a_visitor_keeps_the_arm_after_the_login(valkey_url: str, catalog: Catalog, known: bool) -> None:
    async def visit(decider: Decider) -> list[set[str]]:
        found = []
        for number in range(PEOPLE):
            cookie, customer = stranger(number, "cookie"), stranger(number)
            if known:
                await becomes_known(decider, cookie)
            arms = {await arm_of(decider, cookie, dry_run=not known)}  # which leaves nothing behind
            await Links(decider.people).link([customer, cookie], "login", None)
            arms |= {await arm_of(decider, cookie), await arm_of(decider, customer)}
            await Links(decider.people).link([cookie, customer], "again", None)
            arms |= {await arm_of(decider, customer, cookie), await arm_of(decider, cookie, customer)}
            found.append(arms)
        return found

    found = visiting(valkey_url, catalog(HALVES), visit)
    assert Counter(map(len, found)) == {1: PEOPLE}
    assert set.union(*found) == {"a", "b"}


def test_a_customer_keeps_the_arm_when_a_device_is_linked_that_was_known_before(
    valkey_url: str, catalog: Catalog
) -> None:
    async def visit(decider: Decider) -> list[tuple[str, str]]:
        found = []
        for number in range(PEOPLE):
            cookie, customer = stranger(number, "cookie"), stranger(number)
            await becomes_known(decider, cookie)
            await becomes_known(decider, customer)
            before = await arm_of(decider, customer)
            await Links(decider.people).link([cookie, customer], "login", None)
            found.append((before, await arm_of(decider, cookie)))
        return found

    found = visiting(valkey_url, catalog(HALVES), visit)
    assert all(before == after for before, after in found)
    assert {after for _, after in found} == {"a", "b"}


def test_after_an_unlink_each_is_in_the_arm_of_its_own(valkey_url: str, catalog: Catalog) -> None:
    async def visit(decider: Decider) -> list[tuple[str, ...]]:
        found = []
        for number in range(PEOPLE):
            cookie, customer = stranger(number, "cookie"), stranger(number)
            await becomes_known(decider, customer)
            await becomes_known(decider, cookie)
            before = await arm_of(decider, cookie), await arm_of(decider, customer)
            await Links(decider.people).link([cookie, customer], "login", None)
            await Links(decider.people).unlink([cookie])
            found.append((*before, await arm_of(decider, cookie), await arm_of(decider, customer)))
        return found

    for cookie_before, customer_before, cookie, customer in visiting(valkey_url, catalog(HALVES), visit):
        assert (cookie, customer) == (cookie_before, customer_before)


# --- the decision log

SHADOWS = f"{CHALLENGE}\nshadows: [{{ranker: challenger, share: 0.5}}, {{ranker: nobody}}]"


def logged(valkey: SyncClient) -> dict[str, LoggedDecision]:
    source = LogSource(valkey)
    entries = source.newest(10_000)
    return {it.id: it for it in (source.decision(entry) for entry in entries if entry.kind is Kind.DECISION)}


def test_the_log_has_the_arms_and_the_model_that_ranked(
    valkey_url: str, valkey: SyncClient, catalog: Catalog, rankers: Mapping[str, Ranker]
) -> None:
    found = visiting(valkey_url, catalog(CHALLENGE, DIRECTORY), everybody, rankers)
    records = logged(valkey)
    for response in found:
        record = records[response.decision_id]
        assert record.arms == arms_of(response)
        assert record.model_version == response.versions.model
        names = {"challenger": "challenger", "no_model": "static"}
        assert record.ranker == names.get(record.arms.get("challenge", ""), CHAMPION)
        assert plain_decision(record)["versions"]["model"] == response.versions.model  # type: ignore[index]


def test_a_ranker_that_looks_on_scores_its_share_of_the_decisions_for_the_log_only(
    valkey_url: str, valkey: SyncClient, catalog: Catalog, rankers: Mapping[str, Ranker]
) -> None:
    found = visiting(valkey_url, catalog(SHADOWS, DIRECTORY), everybody, rankers)
    records = logged(valkey)
    looked_on = [response for response in found if records[response.decision_id].shadows]
    assert PEOPLE * 0.25 < len(looked_on) < PEOPLE * 0.75
    same = 0
    for response in looked_on:
        record = records[response.decision_id]
        (shadow,) = record.shadows
        assert (shadow.ranker, shadow.model_version) == ("challenger", rankers["challenger"].version)
        assert len(shadow.propensity) == len(record.competition.rows)
        if record.ranker == "challenger":  # then both have to think the same
            np.testing.assert_array_equal(shadow.propensity, record.competition.propensity)
            same += 1
        elif record.ranker == CHAMPION:
            assert not np.array_equal(shadow.propensity, record.competition.propensity)
    assert same


def test_a_ranker_that_looks_on_and_fails_costs_no_record(
    valkey_url: str, valkey: SyncClient, catalog: Catalog, rankers: Mapping[str, Ranker]
) -> None:
    class Broken(Ranker):
        """Fails in a way that nobody thought of, whenever it is asked."""

        __slots__ = ()

        def over(self, *_: object) -> CandidateRanker:
            failing: CandidateRanker = create_autospec(CandidateRanker, exact=None)
            failing.propensities.side_effect = ZeroDivisionError  # type: ignore[attr-defined]
            return failing

    sound = rankers["challenger"]
    broken = Broken(sound.booster, sound.columns, "broken")
    looking_on = catalog("shadows: [{ranker: challenger}]", DIRECTORY)
    found = visiting(valkey_url, looking_on, everybody, {CHAMPION: rankers[CHAMPION], "challenger": broken})
    records = logged(valkey)
    assert {response.decision_id for response in found} == records.keys()
    assert not any(record.shadows for record in records.values())


def test_the_export_has_arms_ranker_and_shadows_as_columns(
    valkey_url: str, valkey: SyncClient, catalog: Catalog, rankers: Mapping[str, Ranker]
) -> None:
    visiting(valkey_url, catalog(SHADOWS, DIRECTORY), everybody, rankers)
    records = logged(valkey)
    table = decisions_table([*records.values()])
    assert table.schema.equals(DECISIONS)
    for row in table.to_pylist():
        record = records[row["decision_id"]]
        assert dict(row["arms"]) == record.arms
        assert (row["ranker"], row["model_version"]) == (record.ranker, record.model_version)
        shadows = [(it["ranker"], it["propensity"]) for it in row["shadows"]]
        assert shadows == [(it.ranker, it.propensity.tolist()) for it in record.shadows]
