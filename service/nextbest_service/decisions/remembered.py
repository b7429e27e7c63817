"""Answers that are kept for a while, so that a question which comes again gets the same one."""

from dataclasses import dataclass

import grpc
import msgpack

from nextbest_service.decision_log.entries import Entry, Kind
from nextbest_service.errors import ServiceError


class ReusedRequestIdError(ServiceError):
    """The request id was used before, with another question."""

    status = grpc.StatusCode.ALREADY_EXISTS
    reason = "REUSED_REQUEST_ID"

    def __init__(self) -> None:
        super().__init__("this request id was used before, with another body")


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer, the digest of its question, and where it must not be given without, its record."""

    body: bytes
    answer: bytes
    record: Entry | None = None

    def to_bytes(self) -> bytes:
        """Return it as it is stored."""
        record = (self.record.id, self.record.customer, self.record.body) if self.record else ()
        packed: bytes = msgpack.packb([self.body, self.answer, *record])
        return packed

    @classmethod
    def from_bytes(cls, stored: bytes) -> "Remembered":
        """Return what was stored."""
        body, answer, *record = msgpack.unpackb(stored)
        return cls(body, answer, Entry(Kind.DECISION, *record) if record else None)

    def for_body(self, body: bytes) -> "Remembered":
        """Return it for the same question.

        Raises:
            ReusedRequestIdError: it is another question.
        """
        if body != self.body:
            raise ReusedRequestIdError
        return self
