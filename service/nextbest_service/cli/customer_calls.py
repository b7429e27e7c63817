"""A small blocking client of the CustomerService for the command line."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc

from nextbest.v1 import customer_pb2, customer_pb2_grpc, identity_pb2
from nextbest_service.cli.asking import failure_of
from nextbest_service.cli.dialling import Dialling

Names = Sequence[tuple[str, str]]


class CustomerCalls:
    """Calls a service at an address.

    Every method raises UnreachableError where nobody answered in time, and RefusedError where the service
    answered with an error.
    """

    def __init__(self, address: str, timeout: float) -> None:
        self._address = address
        self._timeout = timeout

    def show(self, name: tuple[str, str], contacts: int) -> customer_pb2.GetCustomerResponse:
        """Return what is known of a customer."""
        request = customer_pb2.GetCustomerRequest(identity=_identity(name), contact_limit=contacts)
        with self._service() as service:
            answer: customer_pb2.GetCustomerResponse = service.GetCustomer(request, timeout=self._timeout)
            return answer

    def export(self, name: tuple[str, str]) -> Iterator[tuple[str, Any]]:
        """Yield everything that is held about a customer: kind and record."""
        request = customer_pb2.ExportCustomerRequest(identity=_identity(name))
        with self._service() as service:
            for record in service.ExportCustomer(request, timeout=self._timeout):
                yield record.kind, json.loads(record.record_json)

    def erase(self, name: tuple[str, str], source: str) -> customer_pb2.EraseCustomerResponse:
        """Forget a customer."""
        request = customer_pb2.EraseCustomerRequest(identity=_identity(name), source=source)
        with self._service() as service:
            answer: customer_pb2.EraseCustomerResponse = service.EraseCustomer(request, timeout=self._timeout)
            return answer

    def link(self, names: Names, source: str) -> customer_pb2.LinkIdentitiesResponse:
        """Make one person of some names."""
        request = customer_pb2.LinkIdentitiesRequest(identities=map(_identity, names), source=source)
        with self._service() as service:
            answer: customer_pb2.LinkIdentitiesResponse = service.LinkIdentities(
                request, timeout=self._timeout
            )
            return answer

    def unlink(self, names: Names, source: str) -> customer_pb2.UnlinkIdentitiesResponse:
        """Take names away from a person."""
        request = customer_pb2.UnlinkIdentitiesRequest(identities=map(_identity, names), source=source)
        with self._service() as service:
            answer: customer_pb2.UnlinkIdentitiesResponse = service.UnlinkIdentities(
                request, timeout=self._timeout
            )
            return answer

    @contextmanager
    def _service(self) -> Iterator[Any]:
        with Dialling.from_environment().channel(self._address) as channel:
            try:
                yield customer_pb2_grpc.CustomerServiceStub(channel)  # type: ignore[no-untyped-call]
            except grpc.RpcError as error:
                raise failure_of(self._address, error) from None


def _identity(name: tuple[str, str]) -> identity_pb2.Identity:
    namespace, id_ = name
    return identity_pb2.Identity(namespace=namespace, id=id_)
