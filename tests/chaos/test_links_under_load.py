"""Identities are linked by everybody at once, in every order, while events come in under all of them."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from lossy_proxy import lossy_proxy
from patience import PatientClient, patient
from running_service import service
from service_calls import Calls, event, identity, item
from store_process import store_process

from nextbest.v1 import customer_pb2, event_pb2, identity_pb2

PEOPLE, NAMES, OWN_EVENTS, SHARED_EVENTS = 12, 6, 4, 2
LOSS = 0.1
NOW_MS = 1_772_000_000_000
CLOCK = ("--clock", "2026-02-25T07:13:20Z")  # an hour after NOW_MS
HASTY, PATIENT = ("--store-timeout-ms", "150"), ("--store-timeout-ms", "5000")


Work: TypeAlias = Coroutine[Any, Any, None]


def names_of(person: int) -> list[identity_pb2.Identity]:
    """Return a customer number and some devices."""
    devices = [identity("device", f"{person}-{number}") for number in range(1, NAMES)]
    return [identity("customer", str(person)), *devices]


async def live(addresses: list[str]) -> None:
    """Send events under every name and link the names pair by pair, all at once and some of it twice."""
    clients, dice = [patient(address) for address in addresses], random.Random(5)

    def anybody() -> PatientClient:
        return dice.choice(clients)

    work = [one for person in range(PEOPLE) for one in life_of(person, anybody, dice)]
    dice.shuffle(work)
    await asyncio.gather(*work)
    for client in clients:
        await client.channel.close()


def life_of(person: int, anybody: Callable[[], PatientClient], dice: random.Random) -> Iterator[Work]:
    """Yield all calls about one person: events of each name, events told under two names, and links."""
    names = names_of(person)
    for place, name in enumerate(names):
        for number in range(OWN_EVENTS):
            yield anybody().track(order(name, f"{person}-{place}-{number}"))
    for number in range(SHARED_EVENTS):
        for name in dice.sample(names, 2):
            yield anybody().track(order(name, f"{person}-shared-{number}"))
    chain = [names[place : place + 2] for place in range(NAMES - 1)]
    for pair in [*chain, *chain, *(dice.sample(names, 2) for _ in range(4))]:
        yield anybody().link(customer_pb2.LinkIdentitiesRequest(identities=pair, source="login"))


def order(name: identity_pb2.Identity, number: str) -> event_pb2.Event:
    return event(name, "order.placed", NOW_MS, id=number, items=[item("p", amount=2.5)])


def test_nothing_is_lost_and_nothing_is_doubled(three_each: Path, tmp_path: Path) -> None:
    with (
        store_process(tmp_path / "store") as store,
        lossy_proxy(store.url) as proxy,
        service(tmp_path / "1", "--redis-url", proxy.url, *CLOCK, *HASTY, catalog=three_each) as one,
        service(tmp_path / "2", "--redis-url", store.url, *CLOCK, *PATIENT, catalog=three_each) as other,
    ):
        proxy.set(loss=LOSS)
        asyncio.run(live([one.address, other.address]))
        proxy.set(loss=0.0)
        calls = Calls(other.address)
        for person in range(PEOPLE):
            check_merged(calls, person)
            check_taken_apart(calls, person)
        calls.close()


def check_merged(calls: Calls, person: int) -> None:
    """Every name leads to all names and to every event, once."""
    names = names_of(person)
    expected = NAMES * OWN_EVENTS + SHARED_EVENTS
    for name in names:
        customer = calls.get(name).customer
        assert {known.id for known in customer.identities} == {name.id for name in names}
        assert features(customer) == {"orders": expected, "spent": 2.5 * expected, "clicks": 0}


def check_taken_apart(calls: Calls, person: int) -> None:
    """What came in under a name goes with it; together it is still everything, once."""
    names = names_of(person)
    calls.unlink(*names[1:])
    orders = [features(calls.get(name).customer)["orders"] for name in names]
    assert all(OWN_EVENTS <= count <= OWN_EVENTS + SHARED_EVENTS for count in orders)
    assert sum(orders) == NAMES * OWN_EVENTS + SHARED_EVENTS


def features(customer: customer_pb2.Customer) -> dict[str, float]:
    return {state.name: state.value for state in customer.features}
