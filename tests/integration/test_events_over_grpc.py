"""Events through the service: each counts once, has its own result, and is seen at once."""

import math
from collections.abc import Iterator

import grpc
import pytest
import redis
from market import ANNA, BERT, COOKIE, HOUR_MS, NOW_MS
from market_service import Market, event, market, name, order, statuses, value, wrong
from running_service import CANARY

from nextbest.v1 import customer_pb2, event_pb2
from nextbest_rules.durations import DAY_MS
from nextbest_service.store.connection import connect_for_bulk
from nextbest_service.store.keys import Identity
from nextbest_service.store.products import product_commands


@pytest.fixture
def shop(each_valkey_url: str, each_valkey: redis.Redis) -> Iterator[Market]:
    """The market's service over an empty store, of one node and then of three."""
    del each_valkey
    with market(each_valkey_url) as client:
        yield client


@pytest.fixture
def one_shop(valkey_url: str, valkey: redis.Redis) -> Iterator[Market]:
    """The market's service over an empty store of one node."""
    del valkey
    with market(valkey_url) as client:
        yield client


def test_what_happened_is_seen_at_once(shop: Market) -> None:
    assert (
        statuses(shop.track(order("o1", ANNA), order("o2", ANNA, at_ms=NOW_MS - DAY_MS))) == ["APPLIED"] * 2
    )
    known = shop.features(ANNA)
    assert (known["orders_ever"], known["orders_30d"], known["spend"]) == (2.0, 2.0, 18.0)
    assert known["days_since_order"] == pytest.approx(0.0, abs=1e-6)


def test_a_repeated_batch_changes_nothing(shop: Market) -> None:
    batch = [order(f"o{i}", ANNA if i % 2 else BERT) for i in range(10)]
    assert statuses(shop.track(*batch)) == ["APPLIED"] * 10
    before = shop.features(ANNA), shop.features(BERT)
    assert statuses(shop.track(*batch)) == ["DUPLICATE"] * 10
    assert (shop.features(ANNA), shop.features(BERT)) == before


def test_the_same_id_with_another_body_is_refused_alone(shop: Market) -> None:
    shop.track(order("o1", ANNA))
    results = shop.track(order("o1", ANNA, at_ms=NOW_MS - 1), order("o2", ANNA))
    assert statuses(results) == ["REUSED_EVENT_ID", "APPLIED"]
    assert results[0].error.code == grpc.StatusCode.ALREADY_EXISTS.value[0]


def test_an_event_that_comes_too_late_to_tell_is_a_success_that_counts_nothing(shop: Market) -> None:
    results = shop.track(order("o1", ANNA), order("o2", ANNA, at_ms=NOW_MS - 61 * DAY_MS))
    assert statuses(results) == ["APPLIED", "STALE"]
    assert shop.features(ANNA)["orders_ever"] == 1.0


def test_namespaces_do_not_tell_letter_case_apart_and_ids_do_unless_declared(shop: Market) -> None:
    shop.track(order("o1", Identity("CUSTOMER", "anna")), order("o2", Identity("Customer", "anna")))
    assert shop.features(ANNA)["orders_ever"] == 2.0
    assert not shop.customer(Identity("customer", "ANNA")).known
    shop.track(order("o3", Identity("mail", "X@example.org")), order("o4", Identity("MAIL", "x@EXAMPLE.org")))
    assert shop.features(Identity("mail", "x@example.org"))["orders_ever"] == 2.0


def test_products_touch_what_the_product_book_says_unless_the_sender_knows_better(shop: Market) -> None:
    book = {"brie": {"category": ("dairy", "soft")}, "merlot": {"category": ("wine",)}}
    with connect_for_bulk(shop.url) as store:
        for command in product_commands(book):
            store.execute_command(*command)
    told = event_pb2.EventItem(product_id="merlot", amount=5.0)
    told.affinities.add(family="category", keys=["gift"])
    brie = event_pb2.EventItem(product_id="brie", amount=9.0)
    shop.track(order("o1", ANNA, items=[brie, told, event_pb2.EventItem(product_id="unheard-of")]))
    counted = {(it.family, it.key): it.count for it in shop.customer(ANNA).customer.affinities}
    assert counted == {("category", "dairy"): 1, ("category", "soft"): 1, ("category", "gift"): 1}


def test_tickets_mentions_and_answers_reach_the_view(shop: Market) -> None:
    shop.track(
        event("ticket.closed", "t2", ANNA, subject="T-1", at_ms=NOW_MS - HOUR_MS),
        event("ticket.opened", "t1", ANNA, subject="T-1", at_ms=NOW_MS - DAY_MS),
        event("ticket.opened", "t3", ANNA, subject="T-2", properties={"severity": value("high")}),
        event("question.answered", "q1", ANNA, subject="pet", properties={"answer": value("cat")}),
    )
    customer = shop.customer(ANNA).customer
    assert [(it.id, it.open, it.severity) for it in customer.tickets] == [
        ("T-2", True, "high"),
        ("T-1", False, ""),
    ]
    assert customer.attributes["pet"].string_value == "cat"


def test_segments_are_entered_as_events_come_in(shop: Market) -> None:
    shop.track(*(order(f"o{i}", ANNA) for i in range(3)))
    assert list(shop.customer(ANNA).customer.segments) == ["regular"]


def test_an_event_under_two_names_makes_them_one_customer(shop: Market) -> None:
    shop.track(order("o1", ANNA), order("o2", ANNA, COOKIE))
    assert shop.features(COOKIE)["orders_ever"] == 2.0
    assert len(shop.customer(COOKIE).customer.identities) == 2


def test_any_number_of_events_goes_over_one_call(shop: Market) -> None:
    batches = [[order(f"o{i}-{j}", Identity("customer", f"c{j % 50}")) for j in range(100)] for i in range(3)]
    bad = [event("no.such", "b1", ANNA), order("o0-0", Identity("customer", "c0"))]
    answer = shop.stream([*batches, bad])
    assert (answer.applied, answer.duplicates, answer.rejected) == (300, 1, 1)
    (rejection,) = answer.rejections
    assert (rejection.id, rejection.error.reason) == ("b1", "UNKNOWN_REFERENCE")
    assert shop.features(Identity("customer", "c0"))["orders_ever"] == 6.0


def test_a_stream_that_holds_too_much_in_one_message_ends_with_the_reason(shop: Market) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        shop.stream([[order(f"o{i}", ANNA) for i in range(1001)]])
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("number", [0, 1001, 10_000])
def test_a_batch_has_one_to_a_thousand_events(shop: Market, number: int) -> None:
    request = customer_pb2.TrackEventsRequest(events=[order(f"o{i}", ANNA) for i in range(number)])
    refusal = shop.refusal("TrackEvents", request)
    assert (refusal.status, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["events"])
    assert not shop.customer(ANNA).known


def bad_events() -> Iterator[tuple[str, event_pb2.Event, list[str], str]]:
    """Yield events that are wrong: what is wrong, the fields, the reason."""
    invalid, unknown = "INVALID_REQUEST", "UNKNOWN_REFERENCE"

    def line(**fields: object) -> event_pb2.Event:
        return order("x", ANNA, items=[event_pb2.EventItem(**{"product_id": "brie", **fields})])

    yield "ahead", order("x", ANNA, at_ms=NOW_MS + 5 * 60_000 + 1), ["time_unix_ms"], invalid
    yield "before 1970", order("x", ANNA, at_ms=-1), ["time_unix_ms"], invalid
    yield "no time", order("x", ANNA, at_ms=0), ["time_unix_ms"], invalid
    yield "no id", order("", ANNA), ["id"], invalid
    yield "long id", order("x" * 65, ANNA), ["id"], invalid
    yield "no source", order("x", ANNA, source=""), ["source"], invalid
    yield "no customer", order("x"), ["identities"], invalid
    yield (
        "too many names",
        order("x", *[Identity("cookie", str(i)) for i in range(9)]),
        ["identities"],
        invalid,
    )
    yield "empty name", order("x", Identity("customer", "")), ["identities[0].id"], invalid
    yield "bad namespace", order("x", Identity("9", "a")), ["identities[0].namespace"], invalid
    yield "long name", order("x", Identity("customer", "a" * 129)), ["identities[0].id"], invalid
    yield "type", event("no.such", "x", ANNA), ["type"], unknown
    yield "made by us", event("segment.entered", "x", ANNA, subject="regular"), ["type"], unknown
    yield "brand", order("x", ANNA, brand="west"), ["brand"], unknown
    yield "subject", event("page.viewed", "x", ANNA, subject="s" * 129), ["subject"], invalid
    yield "ticket without id", event("ticket.opened", "x", ANNA), ["subject"], invalid
    yield "question", event("question.answered", "x", ANNA, subject="shoe"), ["subject"], unknown
    yield "negative", line(amount=-0.01), ["items[0].amount"], invalid
    yield "nan", line(amount=math.nan), ["items[0].amount"], invalid
    yield "infinite", line(amount=math.inf), ["items[0].amount"], invalid
    yield "beyond measure", line(amount=1e16), ["items[0].amount"], invalid
    yield "quantity", line(quantity=-1.0), ["items[0].quantity"], invalid
    yield "no product", line(product_id=""), ["items[0].product_id"], invalid
    yield "long product", line(product_id="p" * 65), ["items[0].product_id"], invalid
    yield "items", order("x", ANNA, items=[event_pb2.EventItem(product_id="p")] * 1001), ["items"], invalid
    keys = event_pb2.AffinityKeys
    yield (
        "family",
        line(affinities=[keys(family="no", keys=["a"])]),
        ["items[0].affinities[0].family"],
        invalid,
    )
    yield "no key", line(affinities=[keys(family="category")]), ["items[0].affinities[0].keys"], invalid
    odd = {"shoe": value("x")}
    yield "property", order("x", ANNA, properties=odd), ['properties["shoe"]'], invalid
    yield "kind", order("x", ANNA, properties={"tax": value("x")}), ['properties["tax"]'], invalid
    yield "nan tax", order("x", ANNA, properties={"tax": value(math.nan)}), ['properties["tax"]'], invalid
    long = {"till": value("x" * 1025)}
    yield "long text", order("x", ANNA, properties=long), ['properties["till"]'], invalid
    many = {f"p{i}": value(i) for i in range(65)}
    yield "properties", order("x", ANNA, properties=many), ["properties"], invalid
    answer = event("question.answered", "x", ANNA, subject="age", properties={"answer": value("old")})
    yield "answer", answer, ['properties["answer"]'], invalid


BAD = [*bad_events()]


@pytest.mark.parametrize(("bad", "fields", "reason"), [it[1:] for it in BAD], ids=[it[0] for it in BAD])
def test_a_bad_event_is_refused_alone_with_every_field_that_is_wrong(
    one_shop: Market, bad: event_pb2.Event, fields: list[str], reason: str
) -> None:
    results = one_shop.track(order("o1", BERT), bad, order("o2", BERT))
    assert statuses(results) == ["APPLIED", reason, "APPLIED"]
    assert wrong(results[1]) == [f"events[1].{field}" for field in fields]
    assert one_shop.features(BERT)["orders_ever"] == 2.0
    assert not one_shop.customer(ANNA).known


def test_all_that_is_wrong_with_an_event_is_said_at_once_and_nothing_sent_is_repeated(shop: Market) -> None:
    bad = order(CANARY * 3, Identity(CANARY, CANARY), source="", at_ms=-5, brand=CANARY, subject=CANARY * 9)
    (result,) = shop.track(bad)
    assert set(wrong(result)) == {
        f"events[0].{field}"
        for field in ("id", "source", "time_unix_ms", "identities[0].namespace", "brand", "subject")
    }
    assert CANARY not in str(result)
    assert result.id == ""


def test_a_batch_over_the_limit_of_the_wire_is_refused(shop: Market) -> None:
    heavy = order("o1", ANNA, properties={"till": value("x" * 5_000_000)})
    refusal = shop.refusal("TrackEvents", customer_pb2.TrackEventsRequest(events=[heavy]))
    assert refusal.status == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_thousand_large_events_fit_into_one_call(shop: Market) -> None:
    items = [event_pb2.EventItem(product_id=f"p{i}", amount=1.0) for i in range(25)]
    batch = [order(f"o{i}", Identity("customer", f"c{i % 200}"), items=items) for i in range(1000)]
    assert customer_pb2.TrackEventsRequest(events=batch).ByteSize() > 256 * 1024
    assert statuses(shop.track(*batch)) == ["APPLIED"] * 1000


def test_an_identity_as_the_sender_wrote_it_is_not_a_key_of_the_store(shop: Market) -> None:
    shop.track(order("o1", Identity("customer", CANARY)))
    assert name(ANNA).id == "anna"
    with connect_for_bulk(shop.url) as store:
        assert not [key for key in store.scan_iter() if b"canary" in key]
