"""Callers hang up in the middle, at any moment: nobody else ever gets what was meant for them."""

import asyncio
import random
from pathlib import Path

import pytest
from lossy_proxy import lossy_proxy
from patience import patient
from running_service import service
from service_calls import Calls, identity, values
from store_process import store_process

from nextbest.v1 import customer_pb2, decision_pb2, profile_pb2

CUSTOMERS, QUESTIONS, HANG_UP_SHARE = 40, 1_500, 0.5
LONGEST_PATIENCE_SECONDS = 0.03


@pytest.mark.parametrize("ask", ["decide", "get"])
def test_nobody_gets_an_answer_that_was_meant_for_somebody_else(
    ask: str, three_each: Path, tmp_path: Path
) -> None:
    with (
        store_process(tmp_path / "store") as store,
        lossy_proxy(store.url) as proxy,
        service(
            tmp_path / "home", "--redis-url", proxy.url, "--store-timeout-ms", "5000", catalog=three_each
        ) as running,
    ):
        calls = Calls(running.address)
        calls.upsert(
            *(
                profile_pb2.Profile(
                    identities=[identity("customer", str(customer))],
                    attributes=values({"tag": f"<{customer}>"}),
                )
                for customer in range(CUSTOMERS)
            )
        )
        calls.close()
        proxy.set(delay_seconds=0.005)
        answered, hung_up = asyncio.run(hurry(running.address, ask))
    assert hung_up > 0.1 * QUESTIONS
    assert len(answered) > 0.3 * QUESTIONS
    assert [pair for pair in answered if pair[0] != pair[1]] == []


async def hurry(address: str, ask: str) -> tuple[list[tuple[str, str]], int]:
    """Ask about everybody and hang up on half of the calls; return who was meant and who was answered."""
    client, dice = patient(address), random.Random(3)
    answered, hung_up = [], 0

    async def one(customer: int, patience: float | None) -> None:
        nonlocal hung_up
        who = identity("customer", str(customer))
        if ask == "decide":
            call = client.decisions.Decide(
                decision_pb2.DecideRequest(
                    identities=[who],
                    placements=[decision_pb2.PlacementRequest(id="home")],
                    candidate_action_ids=["note"],
                    include_content=True,
                ),
                timeout=10,
            )
        else:
            call = client.customers.GetCustomer(customer_pb2.GetCustomerRequest(identity=who), timeout=10)
        if patience is not None:
            await asyncio.sleep(patience)
            if call.cancel():
                hung_up += 1
                return
        answered.append((f"<{customer}>", tag_of(await call)))

    for _ in range(QUESTIONS // 50):
        crowd = []
        for _ in range(50):
            patience = dice.uniform(0, LONGEST_PATIENCE_SECONDS) if dice.random() < HANG_UP_SHARE else None
            crowd.append(one(dice.randrange(CUSTOMERS), patience))
        await asyncio.gather(*crowd)
    await client.channel.close()
    return answered, hung_up


def tag_of(answer: decision_pb2.DecideResponse | customer_pb2.GetCustomerResponse) -> str:
    """Return the tag of the customer that an answer is about."""
    if isinstance(answer, decision_pb2.DecideResponse):
        return answer.placements[0].propositions[0].parameters["tag"].string_value
    return answer.customer.attributes["tag"].string_value
