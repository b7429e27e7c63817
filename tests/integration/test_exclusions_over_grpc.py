"""Why the other actions were not offered, as a caller of Decide gets it."""

from corner_shop import BEN, asked, catalog, question
from running_service import Client, excluded, ids

from nextbest.v1 import action_pb2, decision_pb2, value_pb2

EXCLUSIONS = decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS
SEPTEMBER_1 = 1_725_148_800_000


def test_an_excluded_action_is_explained_as_the_callers_wish(client: Client) -> None:
    answer = client.decide(
        question(asked("home", limit=10, excluded_action_ids=["credit"]), explain_level=EXCLUSIONS)
    )
    assert excluded(answer)["credit", ""].stage == action_pb2.STAGE_REQUEST
    assert excluded(answer)["credit", ""].rule_id == "excluded"


def test_a_wanted_type_that_the_placement_does_not_accept_gives_nothing(client: Client) -> None:
    answer = client.decide(
        question(asked("letter", action_types=[action_pb2.ACTION_TYPE_SERVICE]), explain_level=EXCLUSIONS)
    )
    assert ids(answer) == []
    assert len(answer.exclusions) == len(catalog().actions)


def test_nothing_is_explained_unless_asked_for(client: Client) -> None:
    assert not client.decide(question()).exclusions
    assert not client.decide(question(explain_level=decision_pb2.EXPLAIN_LEVEL_NONE)).exclusions
    assert client.decide(question(explain_level=decision_pb2.EXPLAIN_LEVEL_FULL)).exclusions


def test_every_action_is_offered_or_explained_in_the_order_of_the_catalog(client: Client) -> None:
    answer = client.decide(question(explain_level=EXCLUSIONS))
    explained = [item.action_id for item in answer.exclusions]
    order = [action.id for action in catalog().actions]
    assert sorted(explained + ids(answer)) == sorted(order)
    assert explained == [action for action in order if action in explained]


def test_the_first_stage_that_stops_an_action_is_named(client: Client) -> None:
    """autumn-wine is out of season, too strong for Ben, and not sent to him: season comes first."""
    reasons = excluded(client.decide(question(of=BEN, explain_level=EXCLUSIONS)))
    assert reasons["autumn-wine", ""].stage == action_pb2.STAGE_VALIDITY
    assert reasons["spring-wine", ""].stage == action_pb2.STAGE_ELIGIBILITY
    assert reasons["spring-wine", ""].rule_id == "old_enough"
    assert reasons["app-bread", ""].stage == action_pb2.STAGE_PLACEMENT
    assert reasons["credit", ""].rule_id == "no_credit_in_debt"


def test_an_exclusion_shows_what_the_rule_saw_and_what_it_wants(client: Client) -> None:
    wine = excluded(client.decide(question(of=BEN, explain_level=EXCLUSIONS)))["spring-wine", ""]
    assert wine.reason == "Alcohol is for adults."
    assert wine.actual == "facts.age = 17; action.min_age = 18"
    assert wine.required == "facts.age >= action.min_age"


def test_what_time_alone_will_lift_is_dated(client: Client) -> None:
    reasons = excluded(client.decide(question(explain_level=EXCLUSIONS)))
    assert reasons["autumn-wine", ""].eligible_at_unix_ms == SEPTEMBER_1
    assert reasons["mystery-wine", ""].eligible_at_unix_ms == 0


def test_an_action_that_lost_is_told_against_the_last_that_won(client: Client) -> None:
    answer = client.decide(question(explain_level=EXCLUSIONS))
    lost = excluded(answer)["delivery", ""]
    assert lost.stage == action_pb2.STAGE_ARBITRATION
    assert lost.required == f"priority above {answer.placements[0].propositions[-1].priority:.6g}"


def test_one_reason_for_all_placements_is_given_once_and_others_by_placement(two_page_shop: Client) -> None:
    answer = two_page_shop.decide(
        question(
            asked("home", limit=1, excluded_action_ids=["tasting"]),
            asked("side", limit=1),
            explain_level=EXCLUSIONS,
        )
    )
    reasons = excluded(answer)
    assert reasons["mystery-wine", ""].rule_id == "old_enough"
    assert reasons["tasting", "home"].stage == action_pb2.STAGE_REQUEST
    assert reasons["tasting", "side"].stage == action_pb2.STAGE_ARBITRATION
    assert ("tasting", "") not in reasons


def test_the_context_reaches_the_rules(client: Client) -> None:
    context = value_pb2.Context(strings={"page": "checkout"})
    answer = client.decide(question(asked("home", limit=10), context=context, explain_level=EXCLUSIONS))
    assert excluded(answer)["pie-recipe", ""].actual == 'context.page = "checkout"'
