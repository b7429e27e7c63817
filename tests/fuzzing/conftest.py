"""The service that is fuzzed: a process that serves the bank, on a Valkey of its own, with people in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from fuzzed_service import PLACEMENT, PROBE, Target
from running_service import Client, service
from service_calls import Calls, identity, values
from vocabulary import PEOPLE, Vocabulary, vocabulary_of

from nextbest.v1 import decision_pb2, profile_pb2
from nextbest_rules import Catalog, load_catalog
from nextbest_service.store.embedded import embedded_valkey


@pytest.fixture(scope="session")
def target(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The service under fuzz. It must end cleanly."""
    directory = repository / "rules" / "catalogs" / "bank"
    with embedded_valkey(tmp_path_factory.mktemp("fuzz-valkey")) as url:
        options = ("--redis-url", url, "--freeze-clock", "--store-timeout-ms", "20000")
        operated = ("--admin-port", "0", "--no-watch")
        with service(tmp_path_factory.mktemp("fuzz"), *options, *operated, catalog=directory) as running:
            client, calls = Client(running.address), Calls(running.address)
            with grpc.insecure_channel(running.wait_for("admin_served")["address"]) as operators:
                yield Target(running, client, operators, words(load_catalog(directory), calls))
            calls.close()
            client.close()
            assert running.stop() == 0, running.log()


def words(catalog: Catalog, calls: Calls) -> Vocabulary:
    """Make people known and ask about them, and return the words of the catalog and of the answers."""
    consents = [profile_pb2.Consent(state=profile_pb2.CONSENT_STATE_GRANTED)]
    people = [PROBE, *(identity("customer", person) for person in PEOPLE)]
    attributes: dict[str, Any] = values({"age": 40})
    profiles = (
        profile_pb2.Profile(identities=[who], attributes=attributes, consents=consents) for who in people
    )
    calls.upsert(*profiles)
    asked = [decision_pb2.PlacementRequest(id=PLACEMENT)]
    answers = [
        calls.decide(decision_pb2.DecideRequest(identities=[who], placements=asked)) for who in people[1:]
    ]
    tokens = [it.token for answer in answers for it in answer.placements[0].propositions]
    assert tokens
    return vocabulary_of(catalog, tokens, [answer.decision_id for answer in answers])
