"""One reader for all requests to a catalog: what it keeps of one request never shows in another."""

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextbest.v1 import action_pb2, decision_pb2, identity_pb2, value_pb2
from nextbest_rules import RuleSet, load_catalog
from nextbest_service.api.request_reader import RequestReader
from nextbest_service.catalogs import find_catalog
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.errors import FieldViolation, InvalidRequestError, UnknownReferenceError


@cache
def rules() -> RuleSet:
    return RuleSet.compile(load_catalog(find_catalog("bank")))


@cache
def reader() -> RequestReader:
    return RequestReader(rules())


def outcome(
    reader: RequestReader, message: decision_pb2.DecideRequest
) -> DecisionRequest | list[FieldViolation]:
    """Return what a message is read as, or what is wrong with it."""
    try:
        return reader.read(message)
    except (InvalidRequestError, UnknownReferenceError) as error:
        return list(error.violations)


PLACES = st.sampled_from(["web_hero", "web_menu", "next_contact", "nowhere", ""])
ACTIONS = st.lists(st.sampled_from(["gold-card", "help-menu", "no-such-action"]), max_size=2)
TYPES = st.lists(st.sampled_from([1, 2, 3, 0, 99]), max_size=2)
PLACEMENTS = st.builds(
    lambda id_, limit, excluded, types: decision_pb2.PlacementRequest(
        id=id_, limit=limit, excluded_action_ids=excluded, action_types=types
    ),
    PLACES,
    st.integers(-1, 3) | st.just(10_000),
    ACTIONS,
    TYPES,
)


def asked(*placements: decision_pb2.PlacementRequest, **fields: Any) -> decision_pb2.DecideRequest:
    return decision_pb2.DecideRequest(
        identities=[identity_pb2.Identity(namespace="customer", id="anna")], placements=placements, **fields
    )


@given(st.lists(PLACEMENTS, max_size=3), ACTIONS, st.sampled_from(["", "web", "sms", "kiosk"]))
def test_a_request_is_read_as_if_it_were_the_first(
    placements: list[decision_pb2.PlacementRequest], candidates: list[str], channel: str
) -> None:
    message = asked(*placements, candidate_action_ids=candidates, channel=channel)
    found = outcome(reader(), message)
    assert found == outcome(RequestReader(rules()), message)
    assert found == outcome(reader(), message)


def test_a_limit_that_is_refused_is_refused_again() -> None:
    message = asked(decision_pb2.PlacementRequest(id="web_hero", limit=10_000))
    for _ in range(3):
        with pytest.raises(InvalidRequestError):
            reader().read(message)


def test_types_and_excluded_actions_stay_with_their_request() -> None:
    plain = decision_pb2.PlacementRequest(id="web_hero", limit=1)
    offers = decision_pb2.PlacementRequest(
        id="web_hero", limit=1, action_types=[action_pb2.ACTION_TYPE_OFFER], excluded_action_ids=["gold-card"]
    )
    first, limited, again = (reader().read(asked(it)).placements[0] for it in (plain, offers, plain))
    assert first == again
    assert first.excluded != limited.excluded
    assert limited.excluded >> rules().catalog.index["gold-card"] & 1


@pytest.mark.parametrize(
    ("identity", "field"),
    [
        (identity_pb2.Identity(namespace="customer", id="x" * 128), None),
        (identity_pb2.Identity(namespace="customer", id="ä" * 64), None),
        (identity_pb2.Identity(namespace="customer", id="ä" * 65), "identities[1].id"),
        (identity_pb2.Identity(namespace="customer", id="x" * 129), "identities[1].id"),
        (identity_pb2.Identity(namespace="customer", id=""), "identities[1].id"),
        (identity_pb2.Identity(namespace="1st", id="x"), "identities[1].namespace"),
        (identity_pb2.Identity(namespace="", id="x"), "identities[1].namespace"),
    ],
)
def test_a_name_at_the_edge_of_what_is_allowed(identity: identity_pb2.Identity, field: str | None) -> None:
    message = asked(decision_pb2.PlacementRequest(id="web_hero"))
    message.identities.append(identity)
    found = outcome(reader(), message)
    if field is None:
        assert isinstance(found, DecisionRequest)
        assert found.identities[1] == (identity.namespace, identity.id)
    else:
        assert isinstance(found, list)
        assert [violation.field for violation in found] == [field]


def test_types_alone_make_another_request() -> None:
    plain = decision_pb2.PlacementRequest(id="web_menu")
    offers = decision_pb2.PlacementRequest(id="web_menu", action_types=[action_pb2.ACTION_TYPE_OFFER])
    for _ in range(2):
        assert reader().read(asked(plain)).placements != reader().read(asked(offers)).placements


def test_a_key_in_two_maps_is_told_even_where_one_of_them_is_right() -> None:
    context = value_pb2.Context(strings={"temperature": "mild"}, numbers={"temperature": 20.0})
    found = outcome(reader(), asked(decision_pb2.PlacementRequest(id="web_hero"), context=context))
    assert isinstance(found, list)
    assert [violation.field for violation in found] == [
        'context.strings["temperature"]',
        'context.numbers["temperature"]',
    ]
