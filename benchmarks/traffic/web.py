"""Websites and apps: a page is shown, one to three places on it are filled, some visitors click."""

import random

from locust import tag, task

from benchmarks.traffic.caller import Caller, offered
from benchmarks.traffic.scene import limit_of
from nextbest.v1 import decision_pb2, identity_pb2, outcome_pb2

VISITORS = 100_000
SEEN, CLICKED = 0.7, 0.1
"""How many pages report what was displayed, and how many of these a click."""


class WebUser(Caller):
    """Somebody who looks at pages, known or not."""

    weight = 6
    source = "web"

    @tag("web", "known")
    @task(6)
    def page_of_a_customer(self) -> None:
        """Fill a page for somebody who has logged in."""
        self._page("web: page, known", [self.scene.customer()])

    @tag("web", "anonymous")
    @task(3)
    def page_of_a_visitor(self) -> None:
        """Fill a page for somebody of whom there is a cookie."""
        self._page("web: page, anonymous", [self.scene.visitor(random.randrange(VISITORS))])

    @tag("web", "known", "anonymous")
    @task(1)
    def page_after_login(self) -> None:
        """Fill a page for a customer who still carries a cookie: both names are asked for."""
        who = [self.scene.customer(), self.scene.visitor(random.randrange(VISITORS))]
        self._page("web: page, both names", who if who[0].namespace != who[1].namespace else who[:1])

    def _page(self, name: str, who: list[identity_pb2.Identity]) -> None:
        channel = random.choice([*self.scene.web])
        placements = self.scene.web[channel]
        asked = random.sample(placements, min(len(placements), random.choice((1, 1, 2, 3))))
        request = self.scene.moment()
        request.channel, request.include_content = channel, True
        request.placements.extend(decision_pb2.PlacementRequest(id=it.id, limit=limit_of(it)) for it in asked)
        answer = self.decide(name, request, who)
        if answer is None or random.random() >= SEEN:
            return
        shown = offered(answer)
        self.report("web: displayed", shown, outcome_pb2.OUTCOME_TYPE_DISPLAYED)
        if shown and random.random() < CLICKED:
            self.report("web: clicked", [random.choice(shown)], outcome_pb2.OUTCOME_TYPE_CLICKED)
