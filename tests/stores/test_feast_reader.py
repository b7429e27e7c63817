"""The adapter against what the real Feast wrote, in a real Valkey."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from nextbest_service.feast.layout import KeyType, feature_field, time_field
from nextbest_service.feast.mapping import FeastMapping, FeastView
from nextbest_service.feast.reader import PAUSE_SECONDS, FeastReader
from nextbest_service.store.connection import connect
from nextbest_service.store.given import GivenFeatures
from nextbest_service.store.keys import Identity

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "feast" / "online_store.json").read_text(encoding="utf-8")
)
CUSTOMERS = FeastView(
    "customer_no_stats", "customer", "customer_no", KeyType.STRING, {"orders": "trips", "worth": "spend"}
)
HOUSEHOLDS = FeastView("household_id_stats", "household", "household_id", KeyType.INT64, {"size": "visits"})
AS_OF_MS = 1_772_346_600_250
CUSTOMER = Identity("customer", "4711")
HOUSEHOLD = Identity("household", "1")


@pytest.fixture
def feast(valkey: redis.Redis) -> redis.Redis:
    """A Valkey with everything that Feast wrote."""
    for key, fields in GOLDEN["hashes"].items():
        valkey.hset(
            bytes.fromhex(key),
            mapping={bytes.fromhex(name): bytes.fromhex(value) for name, value in fields.items()},
        )
    return valkey


def read(
    url: str, *views: FeastView, who: Sequence[Identity] = (CUSTOMER,), project: str = GOLDEN["project"]
) -> tuple[GivenFeatures, ...]:
    """Read once through a reader of its own."""

    async def once() -> tuple[GivenFeatures, ...]:
        store = connect(url, 1000)
        try:
            return await FeastReader(store, FeastMapping(project, views)).read(who)
        finally:
            await store.aclose()

    return asyncio.run(once())


def key_of(feast: redis.Redis, join_key: str, part: bytes) -> bytes:
    """Return the key of a captured entity."""
    return next(key for key in feast.keys() if join_key.encode() in key and part in key)  # noqa: SIM118


@pytest.mark.usefixtures("feast")
def test_mapped_features_come_with_the_time_of_their_view(valkey_url: str) -> None:
    assert read(valkey_url, CUSTOMERS) == (GivenFeatures({"orders": 7.0, "worth": 123.45}, AS_OF_MS),)


@pytest.mark.usefixtures("feast")
def test_every_view_is_asked_for_the_ids_of_its_own_namespace(valkey_url: str) -> None:
    found = read(valkey_url, CUSTOMERS, HOUSEHOLDS, who=[Identity("cookie", "4711"), HOUSEHOLD, CUSTOMER])
    assert [given.values for given in found] == [{"orders": 7.0, "worth": 123.45}, {"size": 2.0}]


@pytest.mark.usefixtures("feast")
@pytest.mark.parametrize("who", [Identity("customer", "nobody"), Identity("household", "4711")])
def test_who_is_not_there_has_no_features(valkey_url: str, who: Identity) -> None:
    assert read(valkey_url, CUSTOMERS, HOUSEHOLDS, who=[who]) == ()


@pytest.mark.usefixtures("feast")
def test_an_id_that_cannot_be_an_entity_is_not_looked_for(valkey_url: str) -> None:
    assert read(valkey_url, HOUSEHOLDS, who=[Identity("household", "A17")]) == ()


@pytest.mark.usefixtures("feast")
def test_another_project_has_other_keys(valkey_url: str) -> None:
    assert read(valkey_url, CUSTOMERS, project="other") == ()


@pytest.mark.usefixtures("feast")
def test_what_is_no_number_is_missing_and_the_others_are_there(valkey_url: str) -> None:
    view = replace(
        CUSTOMERS, features={"orders": "trips", "tier": "tier", "unheard": "unheard", "new": "new"}
    )
    assert [given.values for given in read(valkey_url, view)] == [{"orders": 7.0}]


@pytest.mark.parametrize(
    ("field", "blob", "left"),
    [
        (time_field("customer_no_stats"), b"\x08", []),
        (feature_field("customer_no_stats", "spend"), b"\x29\x00", [{"orders": 7.0}]),
    ],
)
def test_damage_costs_no_more_than_what_is_damaged(
    feast: redis.Redis, valkey_url: str, field: bytes, blob: bytes, left: list[dict[str, float]]
) -> None:
    feast.hset(key_of(feast, "customer_no", b"4711"), field, blob)
    assert [given.values for given in read(valkey_url, CUSTOMERS)] == left


def test_a_key_of_another_kind_costs_only_its_view(feast: redis.Redis, valkey_url: str) -> None:
    key = key_of(feast, "customer_no", b"4711")
    feast.delete(key)
    feast.set(key, b"not a hash")
    assert read(valkey_url, CUSTOMERS, HOUSEHOLDS, who=[CUSTOMER, HOUSEHOLD]) == (
        GivenFeatures({"size": 2.0}, AS_OF_MS),
    )


@pytest.mark.usefixtures("feast")
def test_a_store_that_fails_is_left_alone_for_a_while(valkey_url: str, tmp_path: Path) -> None:
    times = iter((0.0, 0.0, PAUSE_SECONDS / 2, PAUSE_SECONDS))

    async def ask() -> list[tuple[GivenFeatures, ...]]:
        nobody, somebody = connect(f"unix://{tmp_path}/nobody.sock", 100), connect(valkey_url, 1000)
        reader = FeastReader(nobody, FeastMapping(GOLDEN["project"], (CUSTOMERS,)), lambda: next(times))
        first = await reader.read([CUSTOMER])
        reader._store = somebody  # it is up again
        answers = [first, await reader.read([CUSTOMER]), await reader.read([CUSTOMER])]
        await nobody.aclose()
        await somebody.aclose()
        return answers

    failed, spared, again = asyncio.run(ask())
    assert (failed, spared) == ((), ())
    assert again
