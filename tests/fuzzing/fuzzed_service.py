"""The service that is fuzzed, as the tests see it."""

from dataclasses import dataclass, field

import grpc
import psutil
from every_rpc import Asked
from google.protobuf.message import Message
from running_service import Client, Refusal, Service
from service_calls import identity
from vocabulary import Vocabulary

from nextbest.v1 import admin_pb2, admin_pb2_grpc, decision_pb2
from nextbest_service.serving.services import ADMIN_SERVICE

PROBE = identity("customer", "probe")
"""A customer about whom no fuzzed call speaks."""
PLACEMENT = "web_hero"
MEGABYTE = 1 << 20


@dataclass
class Target:
    """A running service, what is known of it, and what it was sent so far."""

    service: Service
    client: Client
    operators: grpc.Channel
    words: Vocabulary
    sent: list[Asked] = field(default_factory=list)

    def call(self, asked: Asked) -> Refusal | list[Message]:
        """Return the answers to a call, or its refusal."""
        inside = asked.rpc.containing_service is ADMIN_SERVICE
        return asked.call(self.operators if inside else self.client.channel)

    def probe(self) -> list[str]:
        """Return what the probe would be offered; that leaves no trace."""
        request = decision_pb2.DecideRequest(
            identities=[PROBE], placements=[decision_pb2.PlacementRequest(id=PLACEMENT)], dry_run=True
        )
        answer = self.client.decide(request)
        return [proposition.action_id for proposition in answer.placements[0].propositions]

    def revive(self) -> None:
        """Let all actions be offered again that fuzzed calls have stopped."""
        admin = admin_pb2_grpc.AdminServiceStub(self.operators)
        for action in admin.ListActions(admin_pb2.ListActionsRequest(), timeout=20).actions:
            if action.HasField("kill"):
                admin.ReviveAction(admin_pb2.ReviveActionRequest(action_id=action.id), timeout=20)

    def memory(self) -> float:
        """Return how much memory the process holds, in MiB."""
        return psutil.Process(self.service.process.pid).memory_info().rss / MEGABYTE
