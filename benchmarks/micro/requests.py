"""What it costs to read a question: from the bytes, by kind of question, beside a close look at each of them.

Run it with `python -m benchmarks.micro.requests`; add `--json` for a machine.
"""

from collections.abc import Callable, Iterator

import google.protobuf

from benchmarks.interleaved import Candidate, run
from nextbest.v1 import action_pb2, decision_pb2, identity_pb2, value_pb2
from nextbest_rules import RuleSet, load_catalog
from nextbest_service.api.read_request import CloseReader
from nextbest_service.api.request_reader import RequestReader
from nextbest_service.catalogs import find_catalog

Request = decision_pb2.DecideRequest
READING: dict[str, Callable[[RuleSet], Callable[[Request], object]]] = {
    "kinds known (ours)": lambda rules: RequestReader(rules).read,
    "a close look at each": lambda rules: CloseReader(rules).read,
    "protobuf alone": lambda _: lambda request: request,
}


def questions(rules: RuleSet) -> Iterator[tuple[str, Request]]:
    """Yield kinds of questions to the bank."""
    anna = [identity_pb2.Identity(namespace="customer", id="1234")]
    hero = [decision_pb2.PlacementRequest(id="web_hero", limit=3)]
    texts = {"page": "landing", "daypart": "morning", "city": "Hanoi"}
    some = [action.id for action in rules.catalog.actions[:20]]
    yield "who and where", Request(identities=anna, placements=hero)
    yield (
        "with three texts",
        Request(
            identities=anna, placements=hero, include_content=True, context=value_pb2.Context(strings=texts)
        ),
    )
    mixed = value_pb2.Context(strings=texts, numbers={"temperature": 21.5})
    yield "texts and a number", Request(identities=anna, placements=hero, context=mixed)
    yield "with a request id", Request(identities=anna, placements=hero, request_id="0" * 32)
    yield "20 candidates", Request(identities=anna, placements=hero, candidate_action_ids=some)
    offers = decision_pb2.PlacementRequest(
        id="web_hero", excluded_action_ids=some[:2], action_types=[action_pb2.ACTION_TYPE_OFFER]
    )
    yield "offers, two excluded", Request(identities=anna, placements=[offers])


def candidates() -> Iterator[Candidate]:
    """Yield everything that is compared."""
    rules = RuleSet.compile(load_catalog(find_catalog("bank")))
    for kind, question in questions(rules):
        raw = question.SerializeToString()
        for name, made in READING.items():
            read = made(rules)
            yield Candidate(kind, name, len(raw), lambda raw=raw, read=read: read(Request.FromString(raw)))


if __name__ == "__main__":
    run("Questions read", candidates, {"protobuf": google.protobuf.__version__}, rounds=101, calls=100)
