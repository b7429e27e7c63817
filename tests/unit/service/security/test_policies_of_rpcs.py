"""No RPC without a policy: a new one is refused to everybody until somebody has decided who may call it."""

import pytest
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from nextbest_service.security.policies import POLICIES, Plane, Policy, permittable
from nextbest_service.serving.services import ADMIN_SERVICE, SERVICES


def services() -> list[ServiceDescriptor]:
    """Return the descriptors of everything that is served, anywhere."""
    others: list[FileDescriptor] = [health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR]
    found = {it.full_name: it for file in others for it in file.services_by_name.values()}
    for service in SERVICES:
        found |= {it.full_name: it for it in service.file.services_by_name.values()}
    return list(found.values())


RPCS = sorted(rpc.full_name for service in services() for rpc in service.methods)


@pytest.mark.parametrize("rpc", RPCS)
def test_every_rpc_has_a_policy(rpc: str) -> None:
    assert rpc in POLICIES, "say in security/policies.py who may call it"


def test_every_policy_is_of_an_rpc_that_there_is() -> None:
    assert sorted(POLICIES) == RPCS


def test_only_health_and_reflection_are_open() -> None:
    opened = {rpc for rpc, policy in POLICIES.items() if policy.plane is Plane.OPEN}
    assert {rpc.rsplit(".", 1)[0] for rpc in opened} == {
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


def test_every_rpc_of_operators_is_on_their_plane() -> None:
    admin = {rpc for rpc, policy in POLICIES.items() if policy.plane is Plane.ADMIN}
    assert admin == {rpc.full_name for rpc in ADMIN_SERVICE.methods}


def test_what_asks_for_decisions_is_scoped() -> None:
    assert {rpc for rpc, policy in POLICIES.items() if policy.scoped} == {
        "nextbest.v1.DecisionService.Decide",
        "nextbest.v1.DecisionService.DecideStream",
    }
    assert Policy(Plane.DATA) == POLICIES["nextbest.v1.OutcomeService.ReportOutcomes"]


def test_a_star_is_all_of_one_service_and_nothing_else() -> None:
    for said, meant in permittable().items():
        service, rpc = said.split("/")
        assert {it.split(".")[-2] for it in meant} == {service}
        assert rpc == "*" or len(meant) == 1
    assert "*" not in permittable()
