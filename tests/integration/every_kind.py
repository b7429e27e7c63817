"""One RPC of each of gRPC's four kinds, and how it is called with an empty message."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor

from nextbest_service.serving.services import CUSTOMER_SERVICE, DECISION_SERVICE


@dataclass(frozen=True, slots=True)
class Kind:
    """An RPC that stands for its kind."""

    service: ServiceDescriptor
    name: str

    @property
    def streams_requests(self) -> bool:
        """Whether it takes many messages."""
        return bool(self.service.methods_by_name[self.name].client_streaming)

    @property
    def streams_answers(self) -> bool:
        """Whether it has many answers."""
        return bool(self.service.methods_by_name[self.name].server_streaming)

    async def call(self, channel: grpc.aio.Channel) -> None:
        """Call it and take all that it answers."""
        path: Any = f"/{self.service.full_name}/{self.name}"
        kinds: Mapping[tuple[bool, bool], Any] = {
            (False, False): channel.unary_unary,
            (False, True): channel.unary_stream,
            (True, False): channel.stream_unary,
            (True, True): channel.stream_stream,
        }
        call = kinds[self.streams_requests, self.streams_answers](path)
        asked = call(iter([b""]) if self.streams_requests else b"", timeout=10)
        if self.streams_answers:
            async for _ in asked:
                pass
        else:
            await asked


KINDS = (
    Kind(DECISION_SERVICE, "Decide"),
    Kind(CUSTOMER_SERVICE, "StreamEvents"),
    Kind(CUSTOMER_SERVICE, "ExportCustomer"),
    Kind(DECISION_SERVICE, "DecideStream"),
)
