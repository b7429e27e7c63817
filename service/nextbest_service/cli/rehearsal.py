"""Decides for real households through a real service, and compares with what they redeemed afterwards."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from nextbest.v1 import decision_pb2, decision_pb2_grpc, proposition_pb2
from nextbest_models.complete_journey import CompleteJourney
from nextbest_models.progress import Progress
from nextbest_service.cli.asking import build_request
from nextbest_service.cli.own_service import Stubs
from nextbest_service.loading import NAMESPACE

PLACEMENT = "home"
LIMIT = 10


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


def decide_for_all(stubs: Stubs, journey: CompleteJourney, as_of_ms: int, progress: Progress) -> Rehearsal:
    """Decide for each household that was sent a live campaign; nothing is reserved or logged."""
    candidates = _candidates(journey, as_of_ms)
    later = journey.redeemed_from(as_of_ms)
    redeemed = {name: later.get(name, frozenset()) & offers for name, offers in candidates.items()}
    answers, milliseconds = _decide(stubs.decisions, list(candidates), progress)
    hits = {name: _hits(answers[name], redeemed[name]) for name in candidates}
    best = max(candidates, key=lambda name: (hits[name], name))
    example = Example(best, stubs.decisions.Decide(question(best, explain="exclusions")), redeemed[best])
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
        request = question(household)
        started = time.perf_counter()
        response = stub.Decide(request)
        milliseconds.append((time.perf_counter() - started) * 1000)
        answers[household] = response.placements[0].propositions
        progress("Deciding over gRPC", done, len(households))
    return answers, milliseconds


def question(household: str, *, explain: str = "none", dry_run: bool = True) -> decision_pb2.DecideRequest:
    """Return the question for a household's home page; by default one that leaves no trace."""
    request = build_request(
        identities=[(NAMESPACE, household)], placements=[PLACEMENT], limit=LIMIT, explain=explain
    )
    request.dry_run = dry_run
    return request


def _hits(propositions: Propositions, redeemed: frozenset[str]) -> int:
    return sum(proposition.action_id in redeemed for proposition in propositions)
