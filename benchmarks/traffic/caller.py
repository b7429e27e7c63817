"""What all callers have in common: the scene, a connection, a source of outcomes, and a pace."""

import random
import time
from collections.abc import Iterable, Sequence
from uuid import uuid4

from locust import User
from locust.env import Environment

from benchmarks.traffic.calls import Calls
from benchmarks.traffic.scene import Scene
from nextbest.v1 import decision_pb2, event_pb2, identity_pb2, outcome_pb2, proposition_pb2, value_pb2


class Caller(User):
    """A user of Locust that talks to nextbest. `source` is the system that it speaks for."""

    abstract = True
    source = "load-test"
    scene: Scene
    """What there is to ask; set once the options are read, see `options.py`."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        options = environment.parsed_options
        self.calls = Calls(environment, address_of(self.host or options.host), options.timeout)
        self._think_seconds = options.think
        self._service_ms, self._heard_at = 0, 0.0

    def wait_time(self) -> float:
        """Return a pause such as people make: mostly short, now and then long."""
        return random.expovariate(1 / self._think_seconds) if self._think_seconds else 0.0

    def decide(
        self, name: str, request: decision_pb2.DecideRequest, who: Iterable[identity_pb2.Identity]
    ) -> decision_pb2.DecideResponse | None:
        """Ask about somebody, and learn from the answer what time it is for the service."""
        request.identities.extend(who)
        answer = self.calls.decide(name, request)
        if answer is not None:
            self._service_ms, self._heard_at = answer.decided_at_unix_ms, time.monotonic()
        return answer

    def report(self, name: str, propositions: Sequence[proposition_pb2.Proposition], *types: int) -> bool:
        """Report what happened to propositions, with their tokens: all of the types, one after the other."""
        outcomes = [
            outcome_pb2.Outcome(id=uuid4().hex, source=self.source, type=type_, token=it.token)
            for type_ in types
            for it in propositions
            if it.token
        ]
        return not outcomes or self.calls.report(name, outcomes)

    def track(self, name: str, who: identity_pb2.Identity, type_: str, subject: str, **said: str) -> bool:
        """Tell of an event that happens now, by the clock of the service, which may live in another year."""
        event = event_pb2.Event(
            id=uuid4().hex,
            source=self.source,
            type=type_,
            subject=subject,
            time_unix_ms=self._service_ms + round((time.monotonic() - self._heard_at) * 1e3),
            identities=[who],
            properties={key: value_pb2.Value(string_value=text) for key, text in said.items()},
        )
        return self.calls.track(name, event)


def offered(answer: decision_pb2.DecideResponse) -> list[proposition_pb2.Proposition]:
    """Return all propositions of an answer."""
    return [it for placement in answer.placements for it in placement.propositions]


def address_of(host: str | None) -> str:
    """Return the address of the service, without the scheme that Locust's users are used to write."""
    return (host or "127.0.0.1:50051").rpartition("://")[-1].rstrip("/")
