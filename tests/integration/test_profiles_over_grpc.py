"""Profiles through the service: newer words replace older ones, whoever says them, and are seen at once."""

import math
from collections.abc import Iterator

import grpc
import pytest
import redis
from market import ANNA, BERT, COOKIE, NOW_MS
from market_service import Market, market, profile, statuses, wrong

from nextbest.v1 import customer_pb2, profile_pb2, value_pb2
from nextbest_rules.durations import DAY_MS

GRANTED, DENIED = profile_pb2.CONSENT_STATE_GRANTED, profile_pb2.CONSENT_STATE_DENIED


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


def consent(
    state: int, channel: str = "email", purpose: str = "marketing", **times: int
) -> profile_pb2.Consent:
    """Return a word on consent."""
    return profile_pb2.Consent(channel=channel, purpose=purpose, state=state, **times)


def test_a_profile_is_seen_at_once_and_leaves_the_rest_as_it_was(shop: Market) -> None:
    told = {"age": 40, "pet": "cat", "papers": ["id"], "loan": 3, "newsletter": True}
    shop.upsert(profile(ANNA, attributes=told, features={"score": 0.75}, consents=[consent(GRANTED)]))
    assert statuses(shop.upsert(profile(ANNA, attributes={"pet": "dog"}))) == ["APPLIED"]
    customer = shop.customer(ANNA).customer
    known = {name: it.WhichOneof("kind") for name, it in customer.attributes.items()}
    assert known == {
        "age": "int_value",
        "pet": "string_value",
        "papers": "string_list",
        "loan": "double_value",
        "newsletter": "bool_value",
    }
    assert customer.attributes["pet"].string_value == "dog"
    assert [(it.channel, it.purpose, it.state) for it in customer.consents] == [
        ("email", "marketing", GRANTED)
    ]
    (score,) = [it for it in customer.features if it.name == "score"]
    assert (score.value, score.as_of_unix_ms, score.stale) == (0.75, NOW_MS, False)


def test_older_profiles_change_nothing(shop: Market) -> None:
    shop.upsert(profile(ANNA, as_of_ms=NOW_MS - 1, attributes={"pet": "cat"}, features={"score": 0.9}))
    older = profile(ANNA, as_of_ms=NOW_MS - 2, attributes={"pet": "dog"}, features={"score": 0.1})
    assert statuses(shop.upsert(older)) == ["STALE"]
    assert shop.customer(ANNA).customer.attributes["pet"].string_value == "cat"
    assert shop.features(ANNA)["score"] == pytest.approx(0.9)


def test_a_removed_attribute_is_gone(shop: Market) -> None:
    shop.upsert(profile(ANNA, attributes={"pet": "cat", "age": 4}))
    shop.upsert(profile(ANNA, removed_attributes=["pet"]))
    assert [*shop.customer(ANNA).customer.attributes] == ["age"]


def test_consent_withdrawn_counts_on_the_next_look(shop: Market) -> None:
    shop.upsert(
        profile(ANNA, consents=[consent(GRANTED, time_unix_ms=NOW_MS - 5, expires_at_unix_ms=NOW_MS * 2)])
    )
    late_yes = consent(GRANTED, time_unix_ms=NOW_MS - 3)
    assert statuses(shop.upsert(profile(ANNA, consents=[consent(DENIED)]))) == ["APPLIED"]
    assert statuses(shop.upsert(profile(ANNA, consents=[late_yes]))) == ["STALE"]
    (word,) = shop.customer(ANNA).customer.consents
    assert (word.state, word.time_unix_ms) == (DENIED, NOW_MS)


def test_a_feature_says_when_it_is_older_than_declared(shop: Market) -> None:
    shop.upsert(profile(ANNA, as_of_ms=NOW_MS - 8 * DAY_MS, features={"score": 0.75}))
    (score,) = [it for it in shop.customer(ANNA).customer.features if it.name == "score"]
    assert (score.stale, score.as_of_unix_ms) == (True, NOW_MS - 8 * DAY_MS)


def bad_profiles() -> Iterator[tuple[str, profile_pb2.Profile, list[str], str]]:
    """Yield profiles that are wrong: what is wrong, the fields, the reason."""
    invalid, unknown = "INVALID_REQUEST", "UNKNOWN_REFERENCE"
    ahead = NOW_MS + 5 * 60_000 + 1
    yield "nobody", profile(), ["identities"], invalid
    yield "ahead", profile(ANNA, as_of_ms=ahead), ["as_of_unix_ms"], invalid
    yield "before 1970", profile(ANNA, as_of_ms=-1), ["as_of_unix_ms"], invalid
    yield "undeclared", profile(ANNA, attributes={"shoe": 4}), ['attributes["shoe"]'], invalid
    yield "wrong type", profile(ANNA, attributes={"age": "x"}), ['attributes["age"]'], invalid
    yield (
        "no kind",
        profile_pb2.Profile(identities=profile(ANNA).identities, attributes={"age": value_pb2.Value()}),
        ['attributes["age"]'],
        invalid,
    )
    yield "long list", profile(ANNA, attributes={"papers": ["p"] * 257}), ['attributes["papers"]'], invalid
    yield (
        "long text in a list",
        profile(ANNA, attributes={"papers": ["p" * 1025]}),
        ['attributes["papers"]'],
        invalid,
    )
    both = profile(ANNA, attributes={"age": 4}, removed_attributes=["age"])
    yield "set and removed", both, ["removed_attributes[0]"], invalid
    yield "removed", profile(ANNA, removed_attributes=["shoe"]), ["removed_attributes[0]"], invalid
    yield "feature", profile(ANNA, features={"shoes": 1.0}), ['features["shoes"]'], invalid
    yield "nan", profile(ANNA, features={"score": math.nan}), ['features["score"]'], invalid
    yield "infinite", profile(ANNA, features={"score": -math.inf}), ['features["score"]'], invalid
    yield "beyond float32", profile(ANNA, features={"score": 1e39}), ['features["score"]'], invalid
    yield "no state", profile(ANNA, consents=[consent(0)]), ["consents[0].state"], invalid
    yield "channel", profile(ANNA, consents=[consent(GRANTED, "fax")]), ["consents[0].channel"], unknown
    yield (
        "purpose",
        profile(ANNA, consents=[consent(GRANTED, "sms", "fun")]),
        ["consents[0].purpose"],
        unknown,
    )
    late = profile(ANNA, consents=[consent(GRANTED), consent(GRANTED, time_unix_ms=ahead)])
    yield "consent ahead", late, ["consents[1].time_unix_ms"], invalid


BAD = [*bad_profiles()]


@pytest.mark.parametrize(("bad", "fields", "reason"), [it[1:] for it in BAD], ids=[it[0] for it in BAD])
def test_a_bad_profile_is_refused_alone(
    one_shop: Market, bad: profile_pb2.Profile, fields: list[str], reason: str
) -> None:
    good = profile(BERT, attributes={"age": 30})
    results = one_shop.upsert(good, bad, good)
    assert statuses(results) == ["APPLIED", reason, "APPLIED"]
    assert wrong(results[1]) == [f"profiles[1].{field}" for field in fields]
    assert not one_shop.customer(ANNA).known


@pytest.mark.parametrize("number", [0, 1001])
def test_a_batch_has_one_to_a_thousand_profiles(shop: Market, number: int) -> None:
    request = customer_pb2.UpsertProfilesRequest(profiles=[profile(ANNA)] * number)
    refusal = shop.refusal("UpsertProfiles", request)
    assert (refusal.status, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["profiles"])


def test_a_profile_under_two_names_makes_them_one_customer(shop: Market) -> None:
    shop.upsert(profile(ANNA, COOKIE, attributes={"pet": "cat"}))
    assert shop.customer(COOKIE).customer.attributes["pet"].string_value == "cat"
