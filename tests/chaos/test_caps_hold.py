"""Caps under everything at once: parallel deciders, lost replies, retries, two services."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from lossy_proxy import LossyProxy, lossy_proxy
from patience import patient
from running_service import service
from service_calls import Calls, identity
from store_process import store_process

from nextbest.v1 import decision_pb2, outcome_pb2

DECIDERS, CAP, LOSS = 40, 3, 0.3
IMPATIENT = 5  # every so many deciders ask the same question on all lines at once
AT_ONCE = 2 * DECIDERS
STORE_TIMEOUT = ("--store-timeout-ms", "150")
CAPPED = ("best", "second", "third")


def question(customer: int, decider: int) -> decision_pb2.DecideRequest:
    return decision_pb2.DecideRequest(
        request_id=f"{customer}-{decider}",
        identities=[identity("customer", str(customer))],
        placements=[decision_pb2.PlacementRequest(id="home", limit=1)],
    )


async def race(
    addresses: Sequence[str], customers: int
) -> dict[tuple[int, int], decision_pb2.DecideResponse]:
    """Let every decider ask for every customer; a customer's deciders ask at the same time."""
    clients = [patient(address) for address in [*addresses, addresses[0]]]
    gate = asyncio.Semaphore(AT_ONCE)
    answers = {}

    async def ask(customer: int, decider: int) -> None:
        async with gate:
            asked = clients if decider % IMPATIENT == 0 else [clients[decider % len(clients)]]
            first, *others = await asyncio.gather(
                *(client.decide(question(customer, decider)) for client in asked)
            )
            assert all(other == first for other in others)
            answers[customer, decider] = first

    pairs = [(customer, decider) for customer in range(customers) for decider in range(DECIDERS)]
    await asyncio.gather(*(ask(*pair) for pair in pairs))
    for client in clients:
        await client.channel.close()
    return answers


@pytest.mark.parametrize(("services", "customers"), [(1, 10), (2, 25)])
def test_under_parallel_deciders_and_lost_replies_none_is_over_and_none_under(
    services: int, customers: int, three_each: Path, tmp_path: Path
) -> None:
    with ExitStack() as running:
        store = running.enter_context(store_process(tmp_path / "store"))
        proxies = [running.enter_context(lossy_proxy(store.url)) for _ in range(services)]
        addresses = [
            running.enter_context(
                service(tmp_path / str(number), "--redis-url", proxy.url, *STORE_TIMEOUT, catalog=three_each)
            ).address
            for number, proxy in enumerate(proxies)
        ]
        answers = race_with_losses(proxies, addresses, customers)
        reserved = [reservations(addresses[0], customer) for customer in range(customers)]
    expected = Counter({**dict.fromkeys(CAPPED, CAP), "note": DECIDERS - CAP * len(CAPPED)})
    for customer in range(customers):
        own = [answers[customer, decider] for decider in range(DECIDERS)]
        assert len({answer.decision_id for answer in own}) == DECIDERS
        offered = Counter(answer.placements[0].propositions[0].action_id for answer in own)
        assert offered == expected, customer
        assert reserved[customer] == Counter(dict.fromkeys(CAPPED, CAP)), customer


def race_with_losses(
    proxies: Sequence[LossyProxy], addresses: Sequence[str], customers: int
) -> dict[tuple[int, int], decision_pb2.DecideResponse]:
    """Run the race while the store's replies are lost, and make sure that they were."""
    for proxy in proxies:
        proxy.set(loss=LOSS)
    answers = asyncio.run(race(addresses, customers))
    for proxy in proxies:
        proxy.set(loss=0.0)
        assert proxy.share_lost() > LOSS / 2
    return answers


def reservations(address: str, customer: int) -> Counter[str]:
    """Return how often each action is reserved for a customer."""
    calls = Calls(address)
    contacts = calls.get(identity("customer", str(customer))).customer.contacts
    calls.close()
    assert all(contact.outcome == outcome_pb2.OUTCOME_TYPE_UNSPECIFIED for contact in contacts)
    return Counter(contact.action_id for contact in contacts if contact.reserved)
