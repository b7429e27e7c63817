"""What a caller of Decide gets, over real gRPC from a real process."""

import time
from itertools import pairwise
from pathlib import Path

import pytest
from corner_shop import ANNA, BEN, CARL, NOW_MS, STRANGER, asked, catalog, question, spec
from running_service import Client, excluded, ids, service

from nextbest.v1 import action_pb2, decision_pb2, identity_pb2, value_pb2
from nextbest_models import artifact
from nextbest_rules import RuleSet

EXCLUSIONS = decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS
APRIL_1 = 1_711_929_600_000
SEPTEMBER_1 = 1_725_148_800_000
HOME_FOR_ANNA = {
    "spring-apples",
    "spring-wine",
    "strong-wine",
    "credit",
    "delivery",
    "tasting",
    "pie-recipe",
    "storage-tip",
}


def test_every_priority_is_the_product_of_its_factors_to_the_last_bit(client: Client) -> None:
    answer = client.decide(question(asked("home", limit=10)))
    for item in answer.placements[0].propositions:
        assert item.priority == item.propensity * item.context_weight * item.value * item.lever


def test_propositions_come_best_first_and_count_their_ranks_from_one(client: Client) -> None:
    propositions = client.decide(question(asked("home", limit=10))).placements[0].propositions
    assert {item.action_id for item in propositions} == HOME_FOR_ANNA
    assert [item.rank for item in propositions] == list(range(1, 9))
    assert all(better.priority >= worse.priority for better, worse in pairwise(propositions))
    assert len({item.priority for item in propositions}) > 3


def test_equal_priorities_keep_the_order_of_the_catalog(client: Client) -> None:
    offered = ids(client.decide(question(asked("home", limit=10))))
    assert offered.index("delivery") < offered.index("tasting")
    assert offered.index("pie-recipe") < offered.index("storage-tip")


def test_a_proposition_carries_the_catalogs_words_and_the_models_number(client: Client) -> None:
    (card,) = client.decide(question("card", candidate_action_ids=["app-bread"])).placements[0].propositions
    assert (card.action_type, card.issue, card.group) == (
        action_pb2.ACTION_TYPE_OFFER,
        "retention",
        "bread",
    )
    assert (card.value, card.lever, card.context_weight) == (0.8, 1.5, 1.0)
    assert 0 < card.propensity < 1
    assert (card.selection_type, card.maturity) == (
        action_pb2.SELECTION_TYPE_RANKED,
        action_pb2.MATURITY_MODEL,
    )
    assert (card.selection_probability, card.channel, card.content_json) == (1.0, "app", "")
    assert card.token


def test_the_context_moves_the_propensity(client: Client) -> None:
    empty, full = (
        client.decide(
            question("home", context=value_pb2.Context(numbers={"basket_value": amount}))
        ).placements[0]
        for amount in (0.0, 10.0)
    )
    assert full.propositions[0].propensity > empty.propositions[0].propensity


def test_the_counters_of_a_customer_move_the_propensity_of_the_pair(client: Client) -> None:
    propensity = {
        item.action_id: item.propensity
        for item in client.decide(question(asked("home", limit=10))).placements[0].propositions
    }
    assert propensity["spring-wine"] > propensity["strong-wine"]


@pytest.mark.parametrize(("limit", "shown"), [(0, 3), (1, 1), (5, 5), (10, 8)])
def test_the_limit_counts_and_zero_is_the_placements_default(client: Client, limit: int, shown: int) -> None:
    assert len(ids(client.decide(question(asked("home", limit=limit))))) == shown


def test_an_action_stands_in_one_placement_of_an_answer(client: Client, two_page_shop: Client) -> None:
    del client
    answer = two_page_shop.decide(question(asked("home", limit=2), asked("side", limit=10)))
    assert [placement.placement_id for placement in answer.placements] == ["home", "side"]
    assert len(ids(answer, 0)) == 2
    assert set(ids(answer, 0)) | set(ids(answer, 1)) == HOME_FOR_ANNA
    assert not set(ids(answer, 0)) & set(ids(answer, 1))


def test_the_placement_named_first_gets_the_best(two_page_shop: Client) -> None:
    home_first = two_page_shop.decide(question(asked("home", limit=1), asked("side", limit=1)))
    side_first = two_page_shop.decide(question(asked("side", limit=1), asked("home", limit=1)))
    assert ids(home_first, 0) == ids(side_first, 0)
    assert ids(home_first, 1) == ids(side_first, 1) != ids(home_first, 0)


def test_duplicates_are_shown_where_they_are_allowed(two_page_shop: Client) -> None:
    answer = two_page_shop.decide(
        question(asked("home", limit=2), asked("side", limit=2), allow_duplicates=True)
    )
    assert ids(answer, 0) == ids(answer, 1)


def test_only_candidates_compete(client: Client) -> None:
    answer = client.decide(
        question(
            asked("home", limit=10),
            candidate_action_ids=["delivery", "app-bread", "storage-tip", "delivery"],
            explain_level=EXCLUSIONS,
        )
    )
    assert sorted(ids(answer)) == ["delivery", "storage-tip"]
    reasons = excluded(answer)
    assert reasons["credit", ""].stage == action_pb2.STAGE_REQUEST
    assert reasons["credit", ""].rule_id == "candidates"
    assert reasons["app-bread", ""].stage == action_pb2.STAGE_PLACEMENT


def test_excluded_actions_are_left_out_of_their_placement_only(two_page_shop: Client) -> None:
    answer = two_page_shop.decide(
        question(
            asked("home", limit=10, excluded_action_ids=["credit"]),
            asked("side", limit=1),
            explain_level=EXCLUSIONS,
        )
    )
    assert set(ids(answer, 0)) == HOME_FOR_ANNA - {"credit"}
    assert ids(answer, 1) == ["credit"]
    assert "credit" not in {item.action_id for item in answer.exclusions}


def test_only_the_wanted_types_are_offered(client: Client) -> None:
    wanted = asked(
        "home",
        limit=10,
        action_types=[action_pb2.ACTION_TYPE_SERVICE, action_pb2.ACTION_TYPE_INFORMATION],
    )
    assert sorted(ids(client.decide(question(wanted)))) == [
        "delivery",
        "pie-recipe",
        "storage-tip",
        "tasting",
    ]


def test_content_is_sent_on_request_only(client: Client) -> None:
    apples = question(candidate_action_ids=["spring-apples"])
    assert client.decide(apples).placements[0].propositions[0].content_json == ""
    apples.include_content = True
    content = client.decide(apples).placements[0].propositions[0].content_json
    assert content == '{"title":"Apples 20 % off","headline":"Crisp!","images":["a.png","b.png"]}'


def test_a_proposition_expires_with_its_action(client: Client) -> None:
    expiry = {
        item.action_id: item.expires_at_unix_ms
        for item in client.decide(question(asked("home", limit=10))).placements[0].propositions
    }
    assert expiry["spring-wine"] == APRIL_1
    assert expiry["credit"] == 0


def test_an_answer_says_what_it_ran_on(client: Client, shop_model: Path) -> None:
    versions = client.decide(question()).versions
    assert versions.catalog == catalog().version
    assert versions.ruleset == RuleSet.compile(catalog()).version
    assert versions.model == artifact.load(shop_model, spec()).version
    assert versions.feature_spec == spec().digest[:12]


def test_the_steps_of_the_timing_fit_into_its_total(client: Client) -> None:
    timing = client.decide(question(explain_level=EXCLUSIONS)).timing
    steps = (
        timing.queue_us,
        timing.read_us,
        timing.screen_us,
        timing.score_us,
        timing.arbitrate_us,
        timing.reserve_us,
        timing.render_us,
        timing.explain_us,
    )
    assert timing.read_us > 0
    assert timing.explain_us > 0
    assert sum(steps) <= timing.total_us


def test_an_unknown_customer_gets_the_declared_defaults_and_no_error(client: Client) -> None:
    answer = client.decide(question(asked("home", limit=10), of=STRANGER, explain_level=EXCLUSIONS))
    assert not answer.customer_known
    assert set(ids(answer)) == {"credit", "pie-recipe", "storage-tip"}
    assert not answer.degraded
    assert not answer.stale_features
    assert excluded(answer)["spring-apples", ""].actual.endswith("facts.campaigns = []")


def test_the_first_identity_that_is_known_counts(client: Client) -> None:
    def named(*people: str) -> list[identity_pb2.Identity]:
        return [identity_pb2.Identity(namespace="customer", id=person) for person in people]

    alone = client.decide(question(of=ANNA, dry_run=True))
    second = client.decide(question(identities=named("nobody", "anna", "ben"), dry_run=True))
    ben_first = client.decide(question(identities=named("nobody", "ben", "anna"), dry_run=True))
    assert second.customer_known
    assert second.placements == alone.placements
    assert (
        ben_first.placements == client.decide(question(of=BEN, dry_run=True)).placements != alone.placements
    )


def test_a_customer_of_whom_only_facts_are_known_is_known_and_ranked_on_defaults(client: Client) -> None:
    answer = client.decide(question(of=CARL))
    assert answer.customer_known
    assert "spring-wine" in ids(answer)
    assert list(answer.stale_features) == []
    assert not answer.degraded


def test_the_case_of_a_namespace_does_not_matter_and_that_of_an_id_does(client: Client) -> None:
    def known(namespace: str, name: str) -> bool:
        identity = identity_pb2.Identity(namespace=namespace, id=name)
        return bool(client.decide(question(identities=[identity])).customer_known)

    assert known("CuStOmEr", "anna")
    assert not known("customer", "Anna")


def test_the_same_question_gets_the_same_answer_under_another_id(client: Client) -> None:
    wanted = question(asked("home", limit=10), explain_level=EXCLUSIONS, of=BEN, dry_run=True)
    first, second = (client.decide(wanted) for _ in range(2))
    assert first.placements == second.placements
    assert [item.action_id for item in first.exclusions] == [item.action_id for item in second.exclusions]
    assert first.decision_id != second.decision_id


def test_decision_ids_are_short_and_sort_by_time(client: Client) -> None:
    answers = []
    for _ in range(3):
        answers.append(client.decide(question(dry_run=True)))
        time.sleep(0.002)
    decision_ids = [answer.decision_id for answer in answers]
    assert decision_ids == sorted(decision_ids)
    assert {len(decision_id) for decision_id in decision_ids} == {32}


def test_the_decision_is_made_on_the_catalogs_clock(client: Client) -> None:
    decided_at = client.decide(question()).decided_at_unix_ms
    assert NOW_MS <= decided_at < NOW_MS + 600_000


def test_channel_and_direction_may_be_repeated_by_the_caller(client: Client) -> None:
    answer = client.decide(
        question("letter", channel="email", direction=action_pb2.DIRECTION_OUTBOUND, locale="de-CH")
    )
    assert {item.channel for item in answer.placements[0].propositions} == {"email"}


def test_without_a_model_the_static_priority_ranks_and_the_answer_says_so(
    shop_store_url: str, tmp_path: Path, client: Client
) -> None:
    del client  # its store is filled
    with service(tmp_path, "--redis-url", shop_store_url) as running:
        modelless = Client(running.address)
        answer = modelless.decide(question(asked("home", limit=10)))
        modelless.close()
        assert running.stop() == 0
    (degraded,) = answer.degraded
    assert degraded.rung == decision_pb2.DEGRADATION_RUNG_STATIC_PRIORITY
    assert (degraded.reason, degraded.placement_id) == ("MODEL_UNAVAILABLE", "")
    assert answer.versions.model == ""
    propositions = answer.placements[0].propositions
    assert {item.selection_type for item in propositions} == {action_pb2.SELECTION_TYPE_STATIC}
    assert {item.maturity for item in propositions} == {action_pb2.MATURITY_PRIOR}
    assert [item.action_id for item in propositions][:3] == ["credit", "strong-wine", "spring-wine"]
    assert all(item.propensity == 0.01 for item in propositions)
    assert len(running.events("no_model")) == 1
