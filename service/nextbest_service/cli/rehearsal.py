"""Decides for real households through a real service, and compares with what they redeemed afterwards."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc
import numpy as np

from nextbest.v1 import decision_pb2, decision_pb2_grpc, proposition_pb2
from nextbest_models.complete_journey import CompleteJourney
from nextbest_models.progress import Progress
from nextbest_service.cli.asking import build_request
from nextbest_service.errors import StartupError
from nextbest_service.home import Home
from nextbest_service.loading import NAMESPACE

PLACEMENT = "home"
LIMIT = 10
START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Example:
    """One household's decision, fully explained, and the offers it redeemed afterwards."""

    household: str
    response: decision_pb2.DecideResponse
    redeemed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of deciding for all households with a live campaign."""

    day: str
    live_offers: int
    decisions: int
    limit: int
    redeemed: int
    hits: int
    hits_by_chance: float
    p50_ms: float
    p99_ms: float
    example: Example

    def figures(self) -> dict[str, object]:
        """Return the figures fit for JSON."""
        return {
            "decisions": self.decisions,
            "decide_p50_ms": round(self.p50_ms, 3),
            "decide_p99_ms": round(self.p99_ms, 3),
            "redeemed_afterwards": self.redeemed,
            "redeemed_in_top_10": self.hits,
            "redeemed_in_top_10_by_chance": round(self.hits_by_chance, 1),
        }


def decide_for_all(home: Home, journey: CompleteJourney, as_of_ms: int, progress: Progress) -> Rehearsal:
    """Serve from `home`, decide for each household that was sent a live campaign, and stop the service."""
    candidates = _candidates(journey, as_of_ms)
    later = journey.redeemed_from(as_of_ms)
    redeemed = {name: later.get(name, frozenset()) & offers for name, offers in candidates.items()}
    with _service(home) as stub:
        answers, milliseconds = _decide(stub, list(candidates), progress)
        hits = {name: _hits(answers[name], redeemed[name]) for name in candidates}
        best = max(candidates, key=lambda name: (hits[name], name))
        example = Example(best, stub.Decide(_question(best, explain=True)), redeemed[best])
    return Rehearsal(
        day=datetime.fromtimestamp(as_of_ms / 1000, tz=UTC).strftime("%-d %B %Y"),
        live_offers=len(journey.live_offers(as_of_ms)),
        decisions=len(candidates),
        limit=LIMIT,
        redeemed=sum(map(len, redeemed.values())),
        hits=sum(hits.values()),
        hits_by_chance=sum(
            len(redeemed[name]) * min(1.0, LIMIT / len(offers)) for name, offers in candidates.items()
        ),
        p50_ms=float(np.percentile(milliseconds, 50)),
        p99_ms=float(np.percentile(milliseconds, 99)),
        example=example,
    )


def _candidates(journey: CompleteJourney, as_of_ms: int) -> dict[str, frozenset[str]]:
    """Return the live offers of each household that was sent at least one live campaign."""
    live = journey.live_offers(as_of_ms)
    sent = {
        household: frozenset(offer.id for offer in live if offer.campaign.id in facts["campaigns"])
        for household, facts in journey.facts(as_of_ms).items()
    }
    return {household: offers for household, offers in sent.items() if offers}


Propositions = Sequence[proposition_pb2.Proposition]


def _decide(
    stub: decision_pb2_grpc.DecisionServiceStub, households: Sequence[str], progress: Progress
) -> tuple[Mapping[str, Propositions], list[float]]:
    answers: dict[str, Propositions] = {}
    milliseconds = []
    for done, household in enumerate(households, start=1):
        request = _question(household, explain=False)
        started = time.perf_counter()
        response = stub.Decide(request)
        milliseconds.append((time.perf_counter() - started) * 1000)
        answers[household] = response.placements[0].propositions
        progress("Deciding over gRPC", done, len(households))
    return answers, milliseconds


def _question(household: str, *, explain: bool) -> decision_pb2.DecideRequest:
    return build_request(
        identities=[(NAMESPACE, household)], placements=[PLACEMENT], limit=LIMIT, explain=explain
    )


def _hits(propositions: Propositions, redeemed: frozenset[str]) -> int:
    return sum(proposition.action_id in redeemed for proposition in propositions)


@contextmanager
def _service(home: Home) -> Iterator[decision_pb2_grpc.DecisionServiceStub]:
    """Run `nextbest serve` on a free port and yield a stub once it is ready; stop it cleanly afterwards."""
    command = [sys.executable, "-m", "nextbest_service", "serve", "--home", str(home.root), "--port", "0"]
    service = subprocess.Popen([*command, "--log-level", "warning"])  # noqa: S603 - our own interpreter
    try:
        with grpc.insecure_channel(_address_when_ready(home, service)) as channel:
            yield decision_pb2_grpc.DecisionServiceStub(channel)  # type: ignore[no-untyped-call]
    finally:
        service.terminate()
        service.wait(STOP_TIMEOUT_SECONDS)


def _address_when_ready(home: Home, service: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and service.poll() is None:
        running = home.running_service()
        if running is not None and running.pid == service.pid:
            return running.address
        time.sleep(0.05)
    raise StartupError("the service did not become ready; see its messages above")
