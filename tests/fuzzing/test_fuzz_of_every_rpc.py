"""Whatever is sent to whatever RPC, it is answered or refused with a reason; nothing breaks, leaks or grows.

`make fuzz MINUTES=10` looks for longer, with other dice each time.
"""

import math
import os
import random
import time

import grpc
import pytest
from any_message import raw_messages
from every_rpc import Asked, errors_within, every_rpc, numbers_within
from fuzzed_service import Target
from google.protobuf.descriptor import MethodDescriptor
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from running_service import CANARY, Refusal

from nextbest_service.api.edge import MAX_WIRE_BYTES

MINUTES = float(os.environ.get("FUZZ_MINUTES", "0"))
"""How long to look in all; 0: as shortly as with every change."""
SECONDS = 30 * MINUTES / len(every_rpc()) or 3.0
"""How long to look at one RPC."""
EXAMPLES = 150
KEPT = 50 if MINUTES else 20
"""Calls per RPC that are made again, to see whether memory grows."""
ROUNDS = 10 if MINUTES else 5
"""How often each is made again, to find how low memory gets."""
REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
CODES = {status.value[0] for status in REFUSALS}
SLOW_RPCS = {"Reload", "PromoteModel", "RollbackModel"}
"""They start a process each time: too slow to be made again and again."""
GROWTH_MB = 4.0


@pytest.mark.parametrize("rpc", every_rpc(), ids=lambda rpc: rpc.name)
def test_whatever_is_sent_is_answered_or_refused_with_a_reason(target: Target, rpc: MethodDescriptor) -> None:
    offered = target.probe()
    assert offered
    until = time.monotonic() + SECONDS
    number = random.SystemRandom().getrandbits(32) if MINUTES else 0
    while number == 0 or time.monotonic() < until:
        look(target, rpc, number, until)
        number += 1
        if not MINUTES:
            break
    target.revive()
    assert target.client.health() == "SERVING"
    assert target.probe() == offered
    assert target.service.events("handler_failed") == []
    assert CANARY not in target.service.log()


def look(target: Target, rpc: MethodDescriptor, number: int, until: float) -> None:
    """Send what one throw of the dice gives, as long as there is time."""
    several = 3 if rpc.client_streaming else 1
    raws = st.lists(raw_messages(rpc.input_type, target.words), min_size=1, max_size=several)

    @seed(number)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(raws)
    def holds(raws: list[bytes]) -> None:
        if time.monotonic() > until:
            return
        asked = Asked(rpc, tuple(raws))
        if rpc.name not in SLOW_RPCS and sum(it.rpc is rpc for it in target.sent) < KEPT:
            target.sent.append(asked)
        check(asked, target.call(asked))

    holds()


def check(asked: Asked, outcome: object) -> None:
    """See that an outcome is an answer, or a refusal with a reason; nothing was taken that is no number."""
    if isinstance(outcome, Refusal):
        assert outcome.status in REFUSALS, outcome
        by_grpc = max(map(len, asked.raws)) > MAX_WIRE_BYTES
        assert outcome.domain == "nextbest" or by_grpc, outcome
        assert CANARY not in outcome.message, outcome
        return
    assert isinstance(outcome, list)
    for answer in outcome:
        for error in errors_within(answer):
            assert error.code in CODES, error
            assert error.reason, error
        for item in asked.taken(answer):
            assert all(map(math.isfinite, numbers_within(item))), item


def test_memory_does_not_grow_with_calls_that_come_again(target: Target) -> None:
    """All that was sent above, to warm up and then over and over.

    Memory goes up and down by some MiB, as what waits for the log and for the search for garbage does: the
    lowest points are compared.
    """

    def lowest() -> float:
        found = []
        for _ in range(ROUNDS):
            for asked in target.sent:
                check(asked, target.call(asked))
            found.append(target.memory())
        return min(found)

    assert len(target.sent) > KEPT
    lowest()
    before = lowest()
    assert lowest() - before < GROWTH_MB
    assert target.client.health() == "SERVING"
