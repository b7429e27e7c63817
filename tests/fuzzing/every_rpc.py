"""Every RPC of the contract, found in its descriptors, called with any bytes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from running_service import Refusal, read_refusal

from nextbest.v1 import error_pb2
from nextbest_service.serving.services import SERVICES

TIMEOUT_SECONDS = 60.0
"""Nobody waits for so long: who does has found something."""


def every_rpc() -> list[MethodDescriptor]:
    """Return all RPCs, in the order of the contract."""
    return [rpc for service in SERVICES for rpc in service.methods]


def path(rpc: MethodDescriptor) -> str:
    """Return the path of an RPC in HTTP/2."""
    return f"/{rpc.containing_service.full_name}/{rpc.name}"


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: the bytes of its messages, one unless the RPC takes a stream."""

    rpc: MethodDescriptor
    raws: tuple[bytes, ...]

    def call(self, channel: grpc.Channel) -> "Refusal | list[Message]":
        """Return the answers, or the refusal that came instead or after them."""
        answer = GetMessageClass(self.rpc.output_type)
        try:
            return [answer.FromString(raw) for raw in _sent(channel, self.rpc, self.raws)]
        except grpc.RpcError as error:
            return read_refusal(error)

    def taken(self, answer: Any) -> list[Message]:
        """Return the items of a batch that were not refused; none where the RPC takes no batch."""
        if "results" not in self.rpc.output_type.fields_by_name:
            return []
        (items,) = (
            found for _, found in GetMessageClass(self.rpc.input_type).FromString(self.raws[0]).ListFields()
        )
        refused = error_pb2.ITEM_STATUS_REJECTED
        pairs = zip(items, answer.results, strict=True)
        return [item for item, result in pairs if result.status != refused]


def _sent(channel: grpc.Channel, rpc: MethodDescriptor, raws: Sequence[bytes]) -> Iterator[bytes]:
    where: Any = path(rpc)
    match rpc.client_streaming, rpc.server_streaming:
        case False, False:
            yield channel.unary_unary(where)(raws[0], timeout=TIMEOUT_SECONDS)
        case False, True:
            yield from channel.unary_stream(where)(raws[0], timeout=TIMEOUT_SECONDS)
        case True, False:
            yield channel.stream_unary(where)(iter(raws), timeout=TIMEOUT_SECONDS)
        case _:
            yield from channel.stream_stream(where)(iter(raws), timeout=TIMEOUT_SECONDS)


def errors_within(message: Message) -> Iterator[error_pb2.Error]:
    """Yield the errors of items, however deep in an answer."""
    if isinstance(message, error_pb2.Error):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None or _is_map(field):
            continue
        for part in value if field.is_repeated else [value]:
            yield from errors_within(part)


def numbers_within(message: Message) -> Iterator[float]:
    """Yield all floating-point numbers of a message."""
    for field, value in message.ListFields():
        parts = value.values() if _is_map(field) else value if field.is_repeated else [value]
        for part in parts:
            if isinstance(part, Message):
                yield from numbers_within(part)
            elif isinstance(part, float):
                yield part


def _is_map(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and kind.GetOptions().map_entry
