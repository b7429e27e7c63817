"""Whatever may be repeated has a bound, told like any other wrong field; no answer is too large to take."""

from typing import Any

import grpc
import pytest
from corner_shop import asked, question
from running_service import Client, read_refusal
from service_calls import identity

from nextbest.v1 import customer_pb2, customer_pb2_grpc, error_pb2, event_pb2, profile_pb2, value_pb2

pytestmark = pytest.mark.usefixtures("still_serving")
NOW_MS = 1_710_496_800_000
MEGABYTE = 1 << 20
TEXT = value_pb2.Value(string_value="a")
KEYS = event_pb2.AffinityKeys(family="category", keys=[str(number) for number in range(64)])


def profile(**fields: Any) -> profile_pb2.Profile:
    return profile_pb2.Profile(identities=[identity("customer", "bounds")], **fields)


def event(*items: event_pb2.EventItem, **fields: Any) -> event_pb2.Event:
    fields = {"id": "1", "source": "till", "type": "order.placed", "time_unix_ms": NOW_MS, **fields}
    return event_pb2.Event(identities=[identity("customer", "bounds")], items=items, **fields)


def item(*affinities: event_pb2.AffinityKeys) -> event_pb2.EventItem:
    return event_pb2.EventItem(product_id="p", affinities=affinities)


PROFILES = {
    "attributes": profile(attributes={str(number): TEXT for number in range(1001)}),
    "removed_attributes": profile(removed_attributes=["age"] * 1001),
    "consents": profile(consents=[profile_pb2.Consent(state=profile_pb2.CONSENT_STATE_GRANTED)] * 1001),
    "features": profile(features={str(number): 1.0 for number in range(1001)}),
    "identities": profile_pb2.Profile(identities=[identity("cookie", str(number)) for number in range(9)]),
}
EVENTS = {
    "items": event(*[item()] * 1001),
    "items[0].affinities": event(item(*[KEYS] * 17)),
    "items[0].affinities[0].keys": event(
        item(event_pb2.AffinityKeys(family="category", keys=[*KEYS.keys, "one more"]))
    ),
    "properties": event(properties={str(number): TEXT for number in range(65)}),
}


def customers(client: Client) -> Any:
    return customer_pb2_grpc.CustomerServiceStub(client.channel)


def violations(results: Any) -> list[str]:
    (result,) = results
    assert result.error.reason == "INVALID_REQUEST"
    return [violation.field for violation in result.error.field_violations]


@pytest.mark.parametrize("field", sorted(PROFILES))
def test_a_profile_with_too_many_entries_is_refused(client: Client, field: str) -> None:
    request = customer_pb2.UpsertProfilesRequest(profiles=[PROFILES[field]])
    assert violations(customers(client).UpsertProfiles(request, timeout=10).results) == [
        f"profiles[0].{field}"
    ]


@pytest.mark.parametrize("field", sorted(EVENTS))
def test_an_event_with_too_many_entries_is_refused(client: Client, field: str) -> None:
    request = customer_pb2.TrackEventsRequest(events=[EVENTS[field]])
    assert violations(customers(client).TrackEvents(request, timeout=10).results) == [f"events[0].{field}"]


def test_an_event_has_a_bound_for_the_keys_of_all_its_items(client: Client) -> None:
    few = event_pb2.AffinityKeys(family="category", keys=["a"] * 10)
    request = customer_pb2.TrackEventsRequest(events=[event(*[item(few, few)] * 501)])
    assert violations(customers(client).TrackEvents(request, timeout=10).results) == ["events[0].items"]


def test_a_question_has_a_bound_for_action_types(client: Client) -> None:
    assert client.refusal(question(asked(action_types=[1] * 17))).fields == ["placements[0].action_types"]
    client.decide(question(asked(action_types=[1] * 16), dry_run=True))


@pytest.mark.parametrize("count", [0, 1001])
def test_a_batch_has_one_to_a_thousand_items(client: Client, count: int) -> None:
    request = customer_pb2.TrackEventsRequest(events=[event()] * count)
    with pytest.raises(grpc.RpcError) as caught:
        customers(client).TrackEvents(request, timeout=20)
    refusal = read_refusal(caught.value)
    assert (refusal.reason, refusal.fields) == ("INVALID_REQUEST", ["events"])


def test_the_answer_to_a_batch_of_mistakes_is_one_that_a_client_takes(client: Client) -> None:
    """Or else the sender would not learn what was stored of the rest."""
    wrong = event(*[event_pb2.EventItem()] * 300)
    sound = event(id="sound", source="bounds")
    request = customer_pb2.TrackEventsRequest(events=[*[wrong] * 999, sound])
    answer = customers(client).TrackEvents(request, timeout=60)
    assert answer.ByteSize() < 2 * MEGABYTE
    *refused, taken = answer.results
    assert taken.status == error_pb2.ITEM_STATUS_APPLIED
    assert all(it.error.reason == "INVALID_REQUEST" and it.error.message for it in refused)
    assert len(refused[0].error.field_violations) > 10
