"""Every policy test of the bank once more, over gRPC: state in a real store, a service process per clock.

What a marketer sees in `nextbest rules test` is what a caller gets, to the last exclusion.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
import redis
from bank_over_grpc import answer_of, request_for, world_of
from running_service import Client, service

from nextbest_rules import Catalog, load_catalog
from nextbest_rules.trials import Trial, judge, read_suites
from nextbest_service.catalogs import find_catalog
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.offline import decide_offline, offline_generation

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


@pytest.fixture(scope="module")
def client(
    request: pytest.FixtureRequest, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """A client of a service whose clock stands still at the time of the tests that share it."""
    clock = datetime.fromtimestamp(request.param / 1000, tz=UTC).isoformat()
    options = ("--redis-url", valkey_url, "--clock", clock, "--freeze-clock", "--store-timeout-ms", "1000")
    with service(tmp_path_factory.mktemp("bank"), *options, catalog=BANK) as running:
        connected = Client(running.address)
        yield connected
        connected.close()
        assert running.stop() == 0, running.log()


@pytest.mark.parametrize(
    ("client", "trial"),
    [(trial.question.now_ms, trial) for trial in TRIALS],
    ids=[f"{Path(trial.file).stem}: {trial.name}" for trial in TRIALS],
    indirect=["client"],
    scope="module",
)
def test_a_service_answers_as_the_policy_test_expects(
    client: Client, trial: Trial, valkey: redis.Redis
) -> None:
    question = trial.question
    with world_of(question, bank(), valkey):
        answer = answer_of(client.decide(request_for(question, bank())))
    assert not judge(trial, answer)
    assert answer == decide_offline(generation(), question)


def test_every_story_that_rules_can_carry_is_told() -> None:
    rules_can_carry = {*range(1, 15), 16, 17, *range(19, 25), 27}
    assert {f"S{number}" for number in rules_can_carry} <= {story for trial in TRIALS for story in trial.stories}
