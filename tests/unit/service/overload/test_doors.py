"""Who gets in when not everybody can be answered in time."""

from collections.abc import Sequence

import pytest

from nextbest_service.errors import OverloadedError, QuotaExceededError, ServiceError
from nextbest_service.overload.busyness import Busyness
from nextbest_service.overload.doors import MARGINS, PAUSES_MS, Door, House, Why
from nextbest_service.overload.priorities import PRIORITY, Priority
from nextbest_service.overload.quotas import Buckets, Quota
from nextbest_service.security.callers import Caller
from nextbest_service.security.permissions import Permissions

RPC = "nextbest.v1.DecisionService.Decide"


class Call:
    """What a door sees of a call."""

    def __init__(self, left: float | None = None, metadata: Sequence[tuple[str, str | bytes]] = ()) -> None:
        self._left = left
        self._metadata = metadata

    def time_remaining(self) -> float | None:
        """Return how long the caller waits."""
        return self._left

    def invocation_metadata(self) -> Sequence[tuple[str, str | bytes]]:
        """Return what the call says about itself."""
        return self._metadata


def said(priority: str | bytes) -> Sequence[tuple[str, str | bytes]]:
    return (("x-other", "bulk"), (PRIORITY, priority))


def house(caller: Caller | None = None, chance: float = 0.5) -> House:
    return House(Busyness(lambda: 0.0), Buckets(), lambda: caller, lambda: chance)


def door(taken: float = 0.0, caller: Caller | None = None) -> Door:
    """Return a door behind which calls took so many seconds lately."""
    found = house(caller).door(RPC)
    for _ in range(1000):
        found.leave(taken)
    return found


def refused(found: Door, call: Call) -> ServiceError | None:
    try:
        found.enter(call)  # type: ignore[arg-type]
    except ServiceError as error:
        return error
    return None


def test_an_idle_service_lets_even_the_impatient_in() -> None:
    assert refused(door(0.002), Call(0.005)) is None
    assert refused(door(), Call(0.002)) is None
    assert refused(door(10.0), Call(None)) is None


@pytest.mark.parametrize("priority", sorted(Priority))
def test_what_cannot_be_answered_in_time_is_refused_with_advice_when_to_come_again(
    priority: Priority,
) -> None:
    found = door(0.02)
    enough = 0.02 * MARGINS[priority]
    assert refused(found, Call(enough * 1.05, said(priority))) is None
    error = refused(found, Call(enough * 0.95, said(priority)))
    assert isinstance(error, OverloadedError)
    assert (error.status.name, error.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
    first, last = PAUSES_MS[priority]
    assert first <= error.retry_after_ms <= last
    assert found.shed == {(priority, Why.DEADLINE): 1}


def test_a_door_that_was_slow_once_opens_again_though_nobody_gets_in() -> None:
    found = door(30.0)
    tries = 0
    while refused(found, Call(0.2)) is not None:
        tries += 1
        assert tries < 1000
    assert tries > 100


def test_bulk_gives_way_when_the_loop_is_busy_and_nobody_else_does() -> None:
    crowded = house()
    crowded.busyness.giving_way = 0.6
    found = crowded.door(RPC)
    assert isinstance(refused(found, Call(None, said("bulk"))), OverloadedError)
    assert isinstance(refused(found, Call(None, said(b"bulk"))), OverloadedError)
    assert refused(found, Call(None, said("web"))) is None
    assert refused(found, Call(None)) is None
    crowded.busyness.giving_way = 0.4
    assert refused(found, Call(None, said("bulk"))) is None
    assert found.shed == {(Priority.BULK, Why.BUSY): 2}


def caller(priority: Priority = Priority.WEB, quota: Quota | None = None) -> Caller:
    return Caller("somebody", Permissions(), priority, quota)


@pytest.mark.parametrize(
    ("own", "word", "counts"),
    [
        (Priority.WEB, "bulk", Priority.BULK),
        (Priority.WEB, "contact_centre", Priority.WEB),
        (Priority.BULK, "contact_centre", Priority.BULK),
        (Priority.CONTACT_CENTRE, "web", Priority.WEB),
        (Priority.CONTACT_CENTRE, "urgent!", Priority.CONTACT_CENTRE),
    ],
)
def test_a_known_caller_may_give_way_and_not_get_ahead(own: Priority, word: str, counts: Priority) -> None:
    assert house(caller(own)).priority(Call(None, said(word))) is counts  # type: ignore[arg-type]


def test_where_nobody_is_known_a_call_says_itself_how_urgent_it_is() -> None:
    assert house().priority(Call(None, said("contact_centre"))) is Priority.CONTACT_CENTRE  # type: ignore[arg-type]
    assert house().priority(Call()) is Priority.WEB  # type: ignore[arg-type]
    assert house().priority(Call(None, said("?"))) is Priority.WEB  # type: ignore[arg-type]


def test_a_caller_gets_what_its_quota_says_and_hears_when_there_is_more() -> None:
    found = door(caller=caller(quota=Quota(per_second=0.001, burst=2.0)))
    assert [refused(found, Call()) for _ in range(2)] == [None, None]
    error = refused(found, Call())
    assert isinstance(error, QuotaExceededError)
    assert error.reason == "QUOTA_EXCEEDED"
    assert 900_000 < error.retry_after_ms <= 1_000_000
    assert found.shed == {(Priority.WEB, Why.QUOTA): 1}
