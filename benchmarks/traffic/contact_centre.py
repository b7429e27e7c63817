"""Contact centres: one customer on the line, several decisions as the talk goes on, and an answer."""

import random
from uuid import uuid4

from locust import tag, task

from benchmarks.traffic.caller import Caller, offered
from nextbest.v1 import decision_pb2, identity_pb2, outcome_pb2

QUESTIONS = (2, 4)
"""Least and most decisions of one call."""
WHY, WHY_IN_FULL, OFFERED, YES = 0.2, 0.05, 0.6, 0.3
SEVERITIES = ("low", "medium", "high")


class ContactCentreUser(Caller):
    """An agent at a desk, who takes one call after the other."""

    weight = 2
    source = "desk"

    @tag("contact-centre")
    @task(3)
    def talk(self) -> None:
        """Ask a few times for the next best action, and tell what the customer said."""
        self._questions(self.scene.customer())

    @tag("contact-centre", "tickets")
    @task(1)
    def complaint(self) -> None:
        """Open a ticket first, which holds back what must not be said now, and close it in the end."""
        who, ticket = self.scene.customer(), f"T-{uuid4().hex[:12]}"
        # The first answer tells what time it is for the service, without which no event can be dated.
        if not self._ask("contact centre: next best action", who, decision_pb2.EXPLAIN_LEVEL_NONE):
            return
        severity = random.choice(SEVERITIES)
        if self.track("contact centre: ticket", who, "ticket.opened", ticket, severity=severity):
            self._questions(who)
            self.track("contact centre: ticket", who, "ticket.closed", ticket)

    def _questions(self, who: identity_pb2.Identity) -> None:
        answer = None
        for _ in range(random.randint(*QUESTIONS)):
            die = random.random()
            if die < WHY_IN_FULL:
                answer = self._ask("contact centre: why, in full", who, decision_pb2.EXPLAIN_LEVEL_FULL)
            elif die < WHY:
                answer = self._ask("contact centre: why not", who, decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS)
            else:
                answer = self._ask("contact centre: next best action", who, decision_pb2.EXPLAIN_LEVEL_NONE)
            if answer is None:
                return
        if answer is not None and random.random() < OFFERED:
            said = (
                outcome_pb2.OUTCOME_TYPE_ACCEPTED
                if random.random() < YES
                else outcome_pb2.OUTCOME_TYPE_REJECTED
            )
            self.report("contact centre: said", offered(answer)[:1], outcome_pb2.OUTCOME_TYPE_DISPLAYED, said)

    def _ask(
        self, name: str, who: identity_pb2.Identity, level: decision_pb2.ExplainLevel
    ) -> decision_pb2.DecideResponse | None:
        place, request = self.scene.contact_centre, self.scene.moment()
        request.explain_level, request.include_content = level, True
        request.placements.add(id=place.id, limit=min(3, place.max_limit))
        return self.decide(name, request, [who])
