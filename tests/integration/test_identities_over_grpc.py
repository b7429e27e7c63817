"""Names through the service: linked at login, unlinked after a shared device, and nothing lost or doubled."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import grpc
import pytest
import redis
from market import ANNA, BERT, COOKIE, NOW_MS
from market_service import Market, market, name, order, outcome, profile, statuses

from nextbest.v1 import customer_pb2
from nextbest_service.store.keys import Identity

DEVICE = Identity("cookie", "c-2")


@pytest.fixture
def shop(each_valkey_url: str, each_valkey: redis.Redis) -> Iterator[Market]:
    """The market's service over an empty store, of one node and then of three."""
    del each_valkey
    with market(each_valkey_url) as client:
        yield client


def names(answer: customer_pb2.LinkIdentitiesResponse) -> set[tuple[str, str]]:
    """Return the names that an answer lists."""
    return {(it.namespace, it.id) for it in answer.identities}


def test_anonymous_history_survives_the_login(shop: Market) -> None:
    shop.track(order("o1", COOKIE), order("o2", ANNA))
    shop.report(outcome("REJECTED", "1", COOKIE, "wine"), outcome("DISPLAYED", "2", ANNA))
    answer = shop.link(COOKIE, ANNA)
    assert answer.merged
    assert names(answer) == {("customer", "anna"), ("cookie", "c-1")}
    for who in (ANNA, COOKIE):
        customer = shop.customer(who).customer
        assert {it.action_id for it in customer.contacts} == {"wine", "cheese"}
        assert shop.features(who)["orders_ever"] == 2.0


def test_what_both_had_counted_counts_once(shop: Market) -> None:
    shop.track(order("o1", COOKIE), order("o1", ANNA), order("o2", ANNA))
    shop.link(COOKIE, ANNA)
    assert shop.features(ANNA)["orders_ever"] == 2.0
    assert shop.features(ANNA)["spend"] == 18.0
    assert statuses(shop.track(order("o1", COOKIE))) == ["DUPLICATE"]


def test_repeating_a_link_changes_nothing(shop: Market) -> None:
    shop.track(order("o1", COOKIE), order("o2", ANNA))
    assert shop.link(ANNA, COOKIE).merged
    for order_of_names in ((ANNA, COOKIE), (COOKIE, ANNA)):
        assert not shop.link(*order_of_names).merged
    assert shop.features(COOKIE)["orders_ever"] == 2.0


def test_links_make_chains(shop: Market) -> None:
    for i, who in enumerate((DEVICE, COOKIE, ANNA)):
        shop.track(order(f"o{i}", who))
    shop.link(DEVICE, COOKIE)
    shop.link(COOKIE, ANNA)
    for who in (DEVICE, COOKIE, ANNA):
        assert shop.features(who)["orders_ever"] == 3.0


def test_names_that_nobody_used_can_be_linked(shop: Market) -> None:
    answer = shop.link(ANNA, COOKIE)
    assert not answer.merged
    shop.track(order("o1", COOKIE))
    assert shop.features(ANNA)["orders_ever"] == 1.0


def test_what_came_in_under_a_name_goes_with_it(shop: Market) -> None:
    shop.track(order("o1", COOKIE), order("o2", ANNA))
    shop.link(COOKIE, ANNA)
    shop.track(order("o3", COOKIE))
    answer = shop.unlink(COOKIE)
    assert [(it.namespace, it.id) for it in answer.unlinked] == [("cookie", "c-1")]
    assert shop.features(COOKIE)["orders_ever"] == 2.0
    assert shop.features(ANNA)["orders_ever"] == 1.0
    assert not shop.unlink(COOKIE).unlinked
    assert not shop.unlink(Identity("cookie", "nobody")).unlinked


def test_a_shared_device_goes_from_one_customer_to_the_other(shop: Market) -> None:
    shop.track(order("o1", ANNA), order("o2", BERT))
    shop.link(ANNA, COOKIE)
    request = customer_pb2.LinkIdentitiesRequest(identities=[name(BERT), name(COOKIE)], source="login")
    assert shop.refusal("LinkIdentities", request).fields == ["identities"]
    assert shop.features(BERT)["orders_ever"] == 1.0
    shop.unlink(COOKIE)
    assert shop.link(BERT, COOKIE).identities
    shop.track(order("o3", COOKIE))
    assert shop.features(BERT)["orders_ever"] == 2.0
    assert shop.features(ANNA)["orders_ever"] == 1.0


def test_facts_and_consents_of_both_are_known_the_newer_count(shop: Market) -> None:
    shop.upsert(profile(COOKIE, as_of_ms=NOW_MS - 1, attributes={"pet": "dog", "age": 30}))
    shop.upsert(profile(ANNA, as_of_ms=NOW_MS - 2, attributes={"pet": "cat", "loan": 1.0}))
    shop.link(ANNA, COOKIE)
    known = shop.customer(ANNA).customer.attributes
    assert (known["pet"].string_value, known["age"].int_value, known["loan"].double_value) == ("dog", 30, 1.0)


def test_links_at_the_same_time_as_events_lose_and_double_nothing(shop: Market) -> None:
    people = [ANNA, COOKIE, DEVICE, Identity("mail", "a@example.org")]
    with ThreadPoolExecutor(12) as pool:
        events = [pool.submit(shop.track, order(f"o{i}", people[i % 4])) for i in range(80)]
        links = [pool.submit(shop.link, *pair) for pair in pairwise(people) for _ in range(3)]
        repeats = [pool.submit(shop.track, order(f"o{i}", people[i % 4])) for i in range(80)]
        told = [[*statuses(it.result())] for it in (*events, *repeats)]
        for link in links:
            link.result()
    assert sum(one == ["APPLIED"] for one in told) == 80
    for who in people:
        assert shop.features(who)["orders_ever"] == 80.0


@pytest.mark.parametrize(
    ("identities", "source", "time_ms", "fields"),
    [
        ([ANNA], "login", 0, ["identities"]),
        ([Identity("cookie", str(i)) for i in range(9)], "login", 0, ["identities"]),
        ([ANNA, COOKIE], "", 0, ["source"]),
        ([ANNA, COOKIE], "s" * 65, 0, ["source"]),
        ([ANNA, COOKIE], "login", -1, ["time_unix_ms"]),
        ([ANNA, COOKIE], "login", NOW_MS + 5 * 60_000 + 1, ["time_unix_ms"]),
        ([ANNA, BERT], "login", 0, ["identities[1]"]),
        ([ANNA, Identity("cookie", "")], "login", 0, ["identities[1].id"]),
    ],
)
def test_a_link_that_cannot_be_is_refused(
    shop: Market, identities: list[Identity], source: str, time_ms: int, fields: list[str]
) -> None:
    request = customer_pb2.LinkIdentitiesRequest(
        identities=map(name, identities), source=source, time_unix_ms=time_ms
    )
    refusal = shop.refusal("LinkIdentities", request)
    assert (refusal.status, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, fields)


def test_an_unlink_names_one_to_eight_and_a_source(shop: Market) -> None:
    refusal = shop.refusal("UnlinkIdentities", customer_pb2.UnlinkIdentitiesRequest())
    assert set(refusal.fields) == {"identities", "source"}
