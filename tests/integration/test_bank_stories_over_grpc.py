"""Every policy test of the bank once more, over gRPC: state in a real store, a service at the test's time.

What a marketer sees in `nextbest rules test` is what a caller gets, to the last exclusion.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
import redis
from bank_over_grpc import answer_of, request_for, world_of
from running_service import Client, service
from service_in_process import HandClock, service_in_process

from nextbest_rules import Catalog, load_catalog
from nextbest_rules.trials import Trial, judge, read_suites
from nextbest_service.catalogs import find_catalog
from nextbest_service.composition import LoadedParts
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.offline import decide_offline, offline_generation
from nextbest_service.store.connection import connect_for_bulk

BANK = find_catalog("bank")


@cache
def bank() -> Catalog:
    """Return the catalog."""
    return load_catalog(BANK)


@cache
def generation() -> Generation:
    """Return what decides without a service."""
    return offline_generation(bank())


TRIALS = [trial for suite in read_suites(BANK, bank()) for trial in suite.trials]
CLOCKS = Counter(trial.question.now_ms for trial in TRIALS)
WORTH_A_PROCESS = 100  # that is one of them, at the clock of most tests


@pytest.fixture(scope="module")
def store(valkey_url: str) -> Iterator[redis.Redis]:
    """A client of the store of all services, empty at first."""
    with connect_for_bulk(valkey_url) as client:
        client.flushall()
        yield client


@pytest.fixture(scope="module")
def moving_service(store: redis.Redis, valkey_url: str) -> Iterator[tuple[str, HandClock]]:
    """The address of a service in this process, and its clock."""
    del store
    clock, parts = HandClock(), LoadedParts(generation().rules, generation().spec, {})
    with service_in_process(parts, valkey_url, clock) as address:
        yield address, clock


@pytest.fixture(scope="module")
def client(
    request: pytest.FixtureRequest,
    moving_service: tuple[str, HandClock],
    valkey_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Client]:
    """A client of a service whose clock stands still at the time of the tests that share it.

    That is a process of its own where there are many of them.
    """
    now_ms: int = request.param
    if CLOCKS[now_ms] < WORTH_A_PROCESS:
        address, clock = moving_service
        clock.time_ms = now_ms
        yield from connected(address)
        return
    moment = datetime.fromtimestamp(now_ms / 1000, tz=UTC).isoformat()
    options = ("--redis-url", valkey_url, "--clock", moment, "--freeze-clock", "--store-timeout-ms", "1000")
    with service(tmp_path_factory.mktemp("bank"), *options, catalog=BANK) as running:
        yield from connected(running.address)
        assert running.stop() == 0, running.log()


def connected(address: str) -> Iterator[Client]:
    client = Client(address)
    yield client
    client.close()


@pytest.mark.parametrize(
    ("client", "trial"),
    [(trial.question.now_ms, trial) for trial in TRIALS],
    ids=[f"{Path(trial.file).stem}: {trial.name}" for trial in TRIALS],
    indirect=["client"],
    scope="module",
)
def test_a_service_answers_as_the_policy_test_expects(
    client: Client, trial: Trial, store: redis.Redis
) -> None:
    question = trial.question
    with world_of(question, bank(), store):
        answer = answer_of(client.decide(request_for(question, bank())))
    assert not judge(trial, answer)
    assert answer == decide_offline(generation(), question)


def test_every_story_that_rules_can_carry_is_told() -> None:
    rules_can_carry = {*range(1, 18), *range(19, 25), 27}
    told = {story for trial in TRIALS for story in trial.stories}
    assert {f"S{number}" for number in rules_can_carry} <= told
