"""Which RPCs there are to permit: each has a policy, and one without is refused to everybody.

A test holds the table against the descriptors of all services.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Plane(StrEnum):
    """Whose business an RPC is."""

    OPEN = "open"
    """Anybody's who reaches the port: nothing is asked."""
    DATA = "data"
    """That of callers who may call it."""
    ADMIN = "admin"
    """That of operators: served on an address of its own."""


class Policy(NamedTuple):
    """How an RPC is guarded. With `scoped`, what a question names has to be permitted, too."""

    plane: Plane
    scoped: bool = False


_PACKAGE = "nextbest.v1."
_BY_SERVICE: Mapping[str, Mapping[str, Policy]] = {
    f"{_PACKAGE}DecisionService": {
        "Decide": Policy(Plane.DATA, scoped=True),
        "DecideStream": Policy(Plane.DATA, scoped=True),
    },
    f"{_PACKAGE}CustomerService": dict.fromkeys(
        (
            *("UpsertProfiles", "TrackEvents", "StreamEvents", "LinkIdentities", "UnlinkIdentities"),
            *("GetCustomer", "ExportCustomer", "EraseCustomer"),
        ),
        Policy(Plane.DATA),
    ),
    f"{_PACKAGE}OutcomeService": {"ReportOutcomes": Policy(Plane.DATA)},
    f"{_PACKAGE}AdminService": dict.fromkeys(
        (
            *("GetStatus", "Reload", "ListModels", "PromoteModel", "RollbackModel", "KillAction"),
            *("ReviveAction", "ListActions", "ListPlacements", "ExplainDecision"),
        ),
        Policy(Plane.ADMIN),
    ),
    # Probes have no credentials, and hear nothing but a status.
    "grpc.health.v1.Health": dict.fromkeys(("Check", "Watch"), Policy(Plane.OPEN)),
    # Not there at all in production.
    "grpc.reflection.v1alpha.ServerReflection": {"ServerReflectionInfo": Policy(Plane.OPEN)},
}
POLICIES: Mapping[str, Policy] = {
    f"{service}.{rpc}": policy for service, rpcs in _BY_SERVICE.items() for rpc, policy in rpcs.items()
}
"""By the full name of the RPC."""

ANY = "*"


def permittable() -> Mapping[str, frozenset[str]]:
    """Return what a list of RPCs may say, and the full names that it means.

    It says `DecisionService/Decide`, or `AdminService/*` for all that the service has.
    """
    found: dict[str, frozenset[str]] = {}
    for service, rpcs in _BY_SERVICE.items():
        guarded = {rpc for rpc, policy in rpcs.items() if policy.plane is not Plane.OPEN}
        short = service.removeprefix(_PACKAGE)
        found |= {f"{short}/{rpc}": frozenset([f"{service}.{rpc}"]) for rpc in guarded}
        if guarded:
            found[f"{short}/{ANY}"] = frozenset(f"{service}.{rpc}" for rpc in guarded)
    return found
