"""Who uses a request id first: what comes under the same id later has to be the same question."""

from dataclasses import dataclass

from nextbest_service.store.keys import KeyRing
from nextbest_service.store.line import Command

_PERIODS = 2
"""Answers are remembered for up to twice the time that was asked for: see write_person.lua."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A question's claim to a request id. In the store it shows neither of them."""

    key: bytes
    question: bytes
    keep_ms: int

    @classmethod
    def of(cls, ring: KeyRing, request_id: str, body: bytes, remember_ms: int) -> "Claim":
        """Return the claim of a question whose answer is remembered that long; `body` is its digest."""
        key, question = ring.claim(request_id, body)
        return cls(key, question, _PERIODS * remember_ms)

    def command(self) -> Command:
        """Return the command that makes the claim, or tells whose the id is already."""
        return ("SET", self.key, self.question, "NX", "GET", "PX", self.keep_ms)

    def holds(self, reply: bytes | None) -> bool:
        """Tell whether the id is free for the question, by what the command replied."""
        return reply is None or reply == self.question
