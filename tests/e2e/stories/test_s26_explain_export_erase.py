"""S26: why did I get this, what do you hold on me, forget me."""

import json
import math
from collections import Counter

import pytest
from bank_days import Day, Someone, somebody
from service_calls import event, fresh, identity, item

from nextbest.v1 import action_pb2, decision_pb2


def regular(today: Day) -> Someone:
    """Return somebody of whom something of every kind is held."""
    lan = Someone([*somebody().names, identity("cookie", fresh("cookie"))])
    today.calls.link(*lan.names)
    today.agrees(lan, "marketing", "service")
    today.knows(lan, age=40, interests=["coffee"])
    today.buys(lan, ("kettle", "kettles", 400_000.0), ago="20d")
    today.happens(lan, "ticket.opened", "3d", subject=fresh("T"), kind="question", severity="low")
    today.happens(lan, "cart.abandoned", "1h", items=[item("laptop", "laptops")])
    (shown,) = today.offers(lan, "web_hero", 1)
    today.comes(shown, "DISPLAYED", "CLICKED")
    return lan


def test_a_decision_is_explained_down_to_every_action_that_was_not_offered(today: Day) -> None:
    lan = regular(today)
    answer = today.asks(lan, "web_hero", 1, explain_level=decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS)
    (shown,) = answer.placements[0].propositions
    assert shown.priority == shown.propensity * shown.context_weight * shown.value * shown.lever
    others = {exclusion.action_id: exclusion for exclusion in answer.exclusions}
    assert shown.action_id not in others
    assert others["milk-jug"].reason == "A milk jug needs an espresso machine."
    assert {exclusion.stage for exclusion in answer.exclusions} > {
        action_pb2.STAGE_APPLICABILITY,
        action_pb2.STAGE_ARBITRATION,
    }
    assert all(exclusion.stage for exclusion in answer.exclusions)


def test_what_is_offered_is_explained_in_words(today: Day) -> None:
    lan = regular(today)
    answer = today.asks(lan, "web_hero", 1, explain_level=decision_pb2.EXPLAIN_LEVEL_FULL)
    (shown,) = answer.placements[0].propositions
    why = shown.explanation
    factors = math.prod(part.factor for part in why.multipliers)
    assert factors == pytest.approx(shown.context_weight * shown.lever)
    assert why.sentences[0].startswith(f"Rank 1 by priority {shown.priority:.3g} = ")
    assert f"V: worth {shown.value:g} if it works." in why.sentences
    assert "No model is in use." in why.sentences
    assert answer.exclusions


def test_a_person_is_given_everything_that_is_held(today: Day) -> None:
    lan = regular(today)
    records = [(record.kind, json.loads(record.record_json)) for record in today.calls.export(lan.first)]
    kinds = Counter(kind for kind, _ in records)
    assert kinds["identity"] == 2
    assert {"attribute", "consent", "feature", "ticket", "contact", "event"} <= set(kinds)
    text = json.dumps([record for _, record in records])
    for held in ("kettle", "coffee", lan.first.id, "cart.abandoned"):
        assert held in text


def test_a_decision_and_its_outcomes_are_in_the_export_once_they_are_logged(today: Day) -> None:
    lan = regular(today)
    answer = today.asks(lan, "web_hero", 1, audit_mode=decision_pb2.AUDIT_MODE_REQUIRED)
    records = today.calls.export(lan.first)
    logged = [record.record_json for record in records if record.kind == "decision"]
    assert [text for text in logged if answer.decision_id in text]
    assert len([record for record in records if record.kind == "outcome"]) == 2


def test_somebody_who_is_forgotten_is_unknown_by_every_name_from_then_on(today: Day) -> None:
    lan = regular(today)
    erasure = today.calls.erase(lan.names[1])
    assert erasure.found
    assert erasure.erased["identity"] == 2
    assert erasure.erased["contact"] >= 2
    for name in lan.names:
        assert not today.calls.get(name).known
        assert today.calls.export(name) == []
        assert not today.asks(Someone([name]), "web_hero", dry_run=True).customer_known
    again = today.calls.erase(lan.first)
    assert not again.found


def test_somebody_forgotten_may_come_back_as_a_stranger(today: Day) -> None:
    lan = regular(today)
    today.calls.erase(lan.first)
    today.calls.track(event(lan.first, "cart.abandoned", today.moment(), items=[item("laptop", "laptops")]))
    customer = today.calls.get(lan.first).customer
    assert [name.id for name in customer.identities] == [lan.first.id]
    assert not customer.contacts
    assert not customer.consents
