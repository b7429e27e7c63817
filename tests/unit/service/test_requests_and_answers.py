"""Between the wire and the decider: what a request means, and how an answer looks, without a network."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from plain_answers import plain_answer

from nextbest.v1 import action_pb2, decision_pb2, identity_pb2, proposition_pb2, value_pb2
from nextbest_models.state import CustomerFeatures
from nextbest_rules import ParameterValue, load_catalog
from nextbest_rules.records import Consent, Ticket
from nextbest_service.api.read_request import read_request
from nextbest_service.api.render_answer import AnswerRenderer, render_timing
from nextbest_service.api.write_value import write_value
from nextbest_service.catalogs import find_catalog
from nextbest_service.customers.tokens import TokenReader
from nextbest_service.decisions.deliberation import Stopwatch, deliberate
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.offline import offline_generation
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.errors import InvalidRequestError, UnknownReferenceError
from nextbest_service.store.customers import Customer, Reading
from nextbest_service.store.found import Found
from nextbest_service.store.keys import KeyRing

NOW_MS = 1_772_420_400_000
DECISION_ID = "01" * 16


@cache
def bank() -> Generation:
    return offline_generation(load_catalog(find_catalog("bank")))


def question(*placements: str, **fields: Any) -> decision_pb2.DecideRequest:
    return decision_pb2.DecideRequest(
        identities=[identity_pb2.Identity(namespace="customer", id="anna")],
        placements=[decision_pb2.PlacementRequest(id=placement) for placement in placements],
        **fields,
    )


def read(*placements: str, **fields: Any) -> DecisionRequest:
    return read_request(question(*placements, **fields), bank().rules)


def best(
    *placements: str, customer: dict[str, Any], ring: KeyRing | None = None, **fields: Any
) -> proposition_pb2.Proposition:
    features = CustomerFeatures.unknown(bank().spec, NOW_MS)
    known = Customer(known=True, features=features, features_as_of=None, **{"facts": {}, **customer})
    reading = Reading(known, {}, {}, Found(()), NOW_MS)
    watch = Stopwatch()
    watch.lap()
    decision = deliberate(bank(), read(*placements, **fields), reading, {}, DECISION_ID, watch)
    answer = AnswerRenderer(bank()).render(decision, ring) + render_timing(decision.timing, 0, 0)
    read_again = decision_pb2.DecideResponse.FromString(answer)
    assert read_again == plain_answer(decision, ring)
    return read_again.placements[0].propositions[0]


@pytest.mark.parametrize(
    ("placements", "asked", "channel"),
    [
        (("web_hero",), "", "web"),
        (("web_hero", "web_menu"), "", "web"),
        (("web_hero",), "web", "web"),
        (("next_contact",), "", ""),
        (("next_contact",), "sms", "sms"),
        (("next_contact", "sms_message"), "sms", "sms"),
    ],
)
def test_the_channel_is_that_of_the_placements_or_left_open(
    placements: tuple[str, ...], asked: str, channel: str
) -> None:
    assert read(*placements, channel=asked).channel == channel


@pytest.mark.parametrize(
    ("placements", "asked", "field"),
    [
        (("email_block", "sms_message"), "", "placements"),
        (("next_contact", "sms_message"), "", "placements"),
        (("next_contact",), "web", "channel"),
        (("next_contact", "web_hero"), "sms", "channel"),
    ],
)
def test_placements_without_a_channel_in_common_are_refused(
    placements: tuple[str, ...], asked: str, field: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(*placements, channel=asked)
    assert [violation.field for violation in caught.value.violations] == [field]


def test_an_undeclared_channel_is_only_that() -> None:
    with pytest.raises(UnknownReferenceError) as caught:
        read("next_contact", "web_hero", channel="kiosk")
    assert [violation.field for violation in caught.value.violations] == ["channel"]


def test_the_catalogs_defaults_stand_in_for_what_the_request_leaves_out() -> None:
    request, catalog = read("web_hero"), bank().catalog
    assert (request.brand, request.goal) == (catalog.default_brand, catalog.default_goal)
    assert request.locale == catalog.locales[0]


def test_brand_and_goal_are_those_asked_for() -> None:
    brand, goal = list(bank().catalog.brands)[-1], list(bank().catalog.goals)[-1]
    request = read("web_hero", brand=brand, goal=goal)
    assert (request.brand, request.goal) == (brand, goal)


@pytest.mark.parametrize(("wanted", "locale"), [("vi", "vi"), ("vi-VN", "vi"), ("EN-gb", "en"), ("de", "en")])
def test_a_locale_falls_back_to_its_language_and_then_to_the_default(wanted: str, locale: str) -> None:
    assert read("web_hero", locale=wanted).locale == locale


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, value_pb2.Value(bool_value=True)),
        (1, value_pb2.Value(int_value=1)),
        (-(2**63), value_pb2.Value(int_value=-(2**63))),
        (1.0, value_pb2.Value(double_value=1.0)),
        ("", value_pb2.Value(string_value="")),
        (datetime(1969, 12, 31, 23, 59, 59, 999000, UTC), value_pb2.Value(timestamp_unix_ms=-1)),
        (["a", "b"], value_pb2.Value(string_list=value_pb2.StringList(values=["a", "b"]))),
        ([], value_pb2.Value(string_list=value_pb2.StringList())),
    ],
)
def test_a_computed_value_keeps_its_type(value: ParameterValue, message: value_pb2.Value) -> None:
    written = value_pb2.Value()
    write_value(value, written)
    assert written == message
    assert written.WhichOneof("kind") == message.WhichOneof("kind")


def test_parameters_and_content_are_sent_on_request_only() -> None:
    facts = {"age": 45, "income": 10_000_000, "in_default": False, "pre_approved": True}
    customer = {"facts": facts, "facts_as_of": NOW_MS}
    wanted: dict[str, Any] = {"candidate_action_ids": ["gold-card"]}
    bare = best("web_hero", customer=customer, **wanted)
    assert (bare.content_json, dict(bare.parameters)) == ("", {})
    full = best("web_hero", customer=customer, include_content=True, **wanted)
    assert bare.treatment_id == full.treatment_id == "gold-card-screen-en"
    assert full.content_json.startswith('{"title":')
    assert full.parameters["credit_limit"] == value_pb2.Value(int_value=20_000_000)
    assert (full.selection_type, full.maturity) == (
        action_pb2.SELECTION_TYPE_STATIC,
        action_pb2.MATURITY_PRIOR,
    )


def test_a_fallback_is_named_as_such_and_rests_on_no_propensity() -> None:
    offered = best("chatbot_turn", customer={}, candidate_action_ids=["help-menu"])
    assert offered.action_id == "help-menu"
    assert offered.selection_type == action_pb2.SELECTION_TYPE_FALLBACK
    assert offered.maturity == action_pb2.MATURITY_UNSPECIFIED


def test_a_pinned_action_is_named_as_such_and_rests_on_no_propensity() -> None:
    ticket = Ticket("T1", "complaint", "high", opened_at_ms=NOW_MS - 1)
    offered = best("agent_desktop", customer={"tickets": (ticket,)})
    assert offered.action_id == "complaint-status"
    assert offered.selection_type == action_pb2.SELECTION_TYPE_PINNED
    assert offered.maturity == action_pb2.MATURITY_UNSPECIFIED


def test_channel_and_time_are_told_where_they_were_chosen() -> None:
    offered = best("next_contact", customer={"consents": (Consent(True, NOW_MS),), "facts": {"best_hour": 9}})
    assert offered.channel in {"email", "sms", "push"}
    assert offered.send_at_unix_ms > NOW_MS


def test_a_token_says_what_was_proposed_and_an_answer_without_a_ring_has_none() -> None:
    facts = {"age": 45, "income": 10_000_000, "in_default": False, "pre_approved": True}
    customer = {"facts": facts, "facts_as_of": NOW_MS}
    ring = KeyRing(b"secret")
    assert not best("web_hero", customer=customer).token
    offered = best("web_hero", customer=customer, ring=ring)
    told = TokenReader.of(ring, bank().catalog).read(offered.token)
    assert (told.decision, told.action, told.placement) == (DECISION_ID, offered.action_id, "web_hero")
    assert (told.channel, told.treatment, told.rank) == ("web", offered.treatment_id, 1)
    assert told.brand == bank().catalog.default_brand
    assert told.propensity == pytest.approx(offered.propensity)
    assert told.decided_at_ms == NOW_MS
    assert told.expires_ms - NOW_MS == bank().catalog.memory.late_outcomes_ms


@pytest.mark.parametrize(
    ("mode", "default", "audited"),
    [
        (decision_pb2.AUDIT_MODE_UNSPECIFIED, False, False),
        (decision_pb2.AUDIT_MODE_UNSPECIFIED, True, True),
        (decision_pb2.AUDIT_MODE_BEST_EFFORT, True, False),
        (decision_pb2.AUDIT_MODE_REQUIRED, False, True),
    ],
)
def test_the_request_decides_about_the_audit_and_else_the_server(
    mode: decision_pb2.AuditMode, default: bool, audited: bool
) -> None:
    request = read_request(question("web_hero", audit_mode=mode), bank().rules, audited=default)
    assert request.audited is audited


def test_a_body_has_one_digest_however_it_is_put_together() -> None:
    def body(**fields: Any) -> bytes:
        return read("web_hero", request_id="q1", **fields).body

    assert body() == body()
    assert body() != body(include_content=True)
    assert not read("web_hero").body
    assert len(body()) == 16
