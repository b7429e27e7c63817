"""Batches of items: each is read by itself and has a result of its own, in the order of the request."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

from nextbest.v1 import error_pb2
from nextbest_service.api.read_item import MAX_ID_BYTES
from nextbest_service.api.refusals import MAX_VIOLATIONS_BYTES
from nextbest_service.api.render_result import render_error, render_refusal, render_result
from nextbest_service.customers.incoming import Status
from nextbest_service.errors import FieldViolation, InvalidRequestError, ServiceError

M = TypeVar("M", bound=Message)
T = TypeVar("T")

MAX_ITEMS = 1000
TURN_SECONDS = 0.002
"""For so long a batch is read before others have their turn: items differ a thousandfold in size."""
MAX_TOLD_BYTES = 1 << 20
"""Of all violations of a batch. Most clients take 4 MiB, and would not learn what was stored beyond that."""


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """The items of a request: those that could be read, in their order, and why the others could not.

    `ids` are the items' own, in the order of the request, empty where there is none to repeat.
    """

    ids: Sequence[str]
    sound: Sequence[T]
    refused: Mapping[int, error_pb2.Error]


def check_batch(messages: Sequence[object], field: str) -> None:
    """Refuse a batch without items, or with too many.

    Raises:
        InvalidRequestError: there are none, or more than 1,000.
    """
    if not 1 <= len(messages) <= MAX_ITEMS:
        raise InvalidRequestError([FieldViolation(field, f"1 to {MAX_ITEMS:,} are needed")])


async def read_batch(messages: Sequence[M], field: str, read: Callable[[M, str], T]) -> Batch[T]:
    """Return the items of a request; `read` gets a message and the path of its fields.

    Others have their turn now and then: a large batch must not hold up decisions.
    """
    sound: list[T] = []
    refused: dict[int, error_pb2.Error] = {}
    room, turn_ends = MAX_TOLD_BYTES, time.monotonic() + TURN_SECONDS
    for place, message in enumerate(messages):
        if time.monotonic() > turn_ends:
            await asyncio.sleep(0)
            turn_ends = time.monotonic() + TURN_SECONDS
        try:
            sound.append(read(message, f"{field}[{place}]."))
        except ServiceError as error:
            refused[place] = render_error(error, min(room, MAX_VIOLATIONS_BYTES))
            room -= refused[place].ByteSize()
    return Batch([_own_id(message) for message in messages], sound, refused)


def render_batch(batch: Batch[T], results: Sequence[Status | ServiceError]) -> list[error_pb2.ItemResult]:
    """Return what became of all items, given the results of the sound ones."""
    waiting = iter(results)
    return [
        render_refusal(item_id, batch.refused[place])
        if place in batch.refused
        else render_result(item_id, next(waiting))
        for place, item_id in enumerate(batch.ids)
    ]


def _own_id(message: Message) -> str:
    item_id = getattr(message, "id", "")
    return item_id if len(item_id.encode()) <= MAX_ID_BYTES else ""
