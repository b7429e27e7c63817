"""The gate itself: what is open, what has no policy, and who went by it."""

import contextvars

import pytest

from nextbest_service.decisions.request import ExplainLevel
from nextbest_service.errors import PermissionDeniedError, UnauthenticatedError
from nextbest_service.security.callers import Caller, Callers, Credentials
from nextbest_service.security.gate import Gate
from nextbest_service.security.permissions import Asked, Permissions
from nextbest_service.security.policies import POLICIES, Plane

NEW = "nextbest.v1.DecisionService.NewAndForgotten"
NAME = "spiffe://example.org/all"
EVERYTHING = Caller("all", Permissions(frozenset([*POLICIES, NEW])))


class Connection:
    """A call over a connection with a certificate."""

    def auth_context(self) -> dict[str, list[bytes]]:
        """Return what gRPC says of it."""
        return {"peer_spiffe_id": [NAME.encode()]}


def gate() -> Gate:
    callers = Callers((EVERYTHING,), {NAME: EVERYTHING}, (), (), {})
    return Gate(lambda: callers)


@pytest.mark.parametrize("rpc", sorted(POLICIES))
def test_only_what_is_declared_open_is_open(rpc: str) -> None:
    assert (gate().admission(rpc) is None) == (POLICIES[rpc].plane is Plane.OPEN)


def test_an_rpc_without_a_policy_is_refused_even_to_who_may_do_everything() -> None:
    admit = gate().admission(NEW)
    assert admit is not None
    with pytest.raises(PermissionDeniedError):
        admit(Connection())  # type: ignore[arg-type]
    known = gate().admission("nextbest.v1.OutcomeService.ReportOutcomes")
    assert known is not None
    known(Connection())  # type: ignore[arg-type]


def test_a_question_of_nobody_who_went_by_the_gate_is_refused() -> None:
    with pytest.raises(UnauthenticatedError):
        contextvars.Context().run(gate().check, Asked((), (), (), ExplainLevel.NONE))


def test_credentials_do_not_show_a_token() -> None:
    assert "hunter2" not in repr(Credentials("hunter2"))
