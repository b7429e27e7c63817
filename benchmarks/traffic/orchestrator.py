"""Orchestrators: campaigns that reach out by email, SMS or push, in bursts, each question safe to repeat."""

import random
from uuid import uuid4

from gevent.pool import Pool
from locust import tag, task

from benchmarks.traffic.caller import Caller, offered
from nextbest.v1 import decision_pb2, outcome_pb2
from nextbest_rules import Placement

BURST, AT_A_TIME = (10, 40), 8
REPEATED, DELIVERED, BOUNCED = 0.1, 0.9, 0.02


class OrchestratorUser(Caller):
    """A system that works through a list of customers."""

    weight = 1
    source = "orchestrator"

    @tag("orchestrator")
    @task(4)
    def send(self) -> None:
        """Decide for a batch of customers, several at a time, and report what was delivered."""
        place, pool = random.choice(self.scene.outbound), Pool(AT_A_TIME)
        for _ in range(random.randint(*BURST)):
            pool.spawn(self._message, place)
        pool.join()

    @tag("orchestrator", "dry-run")
    @task(1)
    def rehearse(self) -> None:
        """Ask what would be sent, without a trace."""
        place = random.choice(self.scene.outbound)
        for _ in range(random.randint(*BURST)):
            request = self._question(place)
            request.dry_run = True
            self.decide("orchestrator: dry run", request, [self.scene.customer()])

    def _question(self, place: Placement) -> decision_pb2.DecideRequest:
        """Return what is asked about everybody in a campaign, but for who it is."""
        request = decision_pb2.DecideRequest(include_content=True)
        request.placements.add(id=place.id, limit=min(3, place.max_limit))
        return request

    def _message(self, place: Placement) -> None:
        request = self._question(place)
        request.request_id = uuid4().hex
        answer = self.decide(f"orchestrator: {'/'.join(place.channels)}", request, [self.scene.customer()])
        if answer is None:
            return
        if random.random() < REPEATED:
            self._again(request, answer)
        delivered = random.random()
        if delivered < DELIVERED:
            self.report("orchestrator: delivered", offered(answer), outcome_pb2.OUTCOME_TYPE_DELIVERED)
        elif delivered < DELIVERED + BOUNCED:
            self.report("orchestrator: bounced", offered(answer), outcome_pb2.OUTCOME_TYPE_FAILED)

    def _again(self, request: decision_pb2.DecideRequest, first: decision_pb2.DecideResponse) -> None:
        """Repeat a question, as after a lost answer: it has to be the same one."""
        self.calls.decide("orchestrator: repeated", request, same_as=first)
