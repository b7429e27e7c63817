"""The doors: each call of an RPC goes by one before it costs anything, and is refused at once if it is vain.

What is refused early leaves time for what can still be answered. Without it a service that is asked twice
what it can do answers almost nobody: every answer is ready just after its caller has gone.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from nextbest_service.api.refusals import Context
from nextbest_service.errors import OverloadedError, QuotaExceededError
from nextbest_service.overload.busyness import Busyness
from nextbest_service.overload.priorities import PRIORITY, Priority, humbler
from nextbest_service.overload.quotas import Buckets
from nextbest_service.security.callers import Caller

MARGINS: Mapping[Priority, float] = {
    Priority.CONTACT_CENTRE: 1.0,
    Priority.WEB: 1.5,
    Priority.BULK: 2.0,
}
"""A call is begun if its time left is so many times what calls took lately: the less urgent, the more."""
_WIDEST = max(MARGINS.values())
LEAST_SECONDS = 0.001
_LEARNING = 1 / 32
"""Of what calls take: the weight of the last one."""
_FORGETTING = 1 / 64
"""With each call that is refused for want of time. So calls are tried again, whatever was learned."""
PAUSES_MS: Mapping[Priority, tuple[int, int]] = {
    Priority.CONTACT_CENTRE: (50, 150),
    Priority.WEB: (100, 300),
    Priority.BULK: (1000, 3000),
}
"""How long who was refused should wait, at random in between: else they all come again at once."""


class Why(StrEnum):
    """Why a call was refused."""

    DEADLINE = "deadline"
    """It could not be answered in time."""
    BUSY = "busy"
    """It can wait, and others cannot."""
    QUOTA = "quota"
    """Its caller asks more than it may."""


class Door:
    """The door of one RPC. One event loop uses it.

    `house` has what is common to all doors. `taken` is how many seconds calls took lately.
    """

    __slots__ = ("_house", "_least", "shed", "taken")

    def __init__(self, house: "House") -> None:
        self._house = house
        self._least = LEAST_SECONDS
        self.taken = 0.0
        self.shed: dict[tuple[Priority, Why], int] = {}

    def enter(self, context: Context) -> None:
        """Let a call in.

        Raises:
            OverloadedError: the time that is left is too short, or others go first.
            QuotaExceededError: the caller asks more than it may.
        """
        left = context.time_remaining()
        if left is not None and left < self._least:
            priority = self._house.priority(context)
            if left < max(LEAST_SECONDS, MARGINS[priority] * self.taken):
                self._learn(self.taken * (1 - _FORGETTING))
                raise self._refusal(priority, Why.DEADLINE)
        self.ask(context)

    def ask(self, context: Context) -> None:
        """Let one question in, of a call or of a stream that is in already.

        Raises:
            OverloadedError: others go first.
            QuotaExceededError: the caller asks more than it may.
        """
        house = self._house
        if house.busyness.giving_way > 0.0:
            priority = house.priority(context)
            if priority is Priority.BULK and house.chance() < house.busyness.giving_way:
                raise self._refusal(priority, Why.BUSY)
        caller = house.caller()
        if caller is not None and caller.quota is not None:
            wait = house.buckets.take(caller.name, caller.quota)
            if wait:
                self._count(caller.priority, Why.QUOTA)
                raise QuotaExceededError(max(1, round(wait * 1000)))

    def leave(self, seconds: float) -> None:
        """Learn from a call that was answered."""
        self._learn(self.taken + (seconds - self.taken) * _LEARNING)

    def _learn(self, taken: float) -> None:
        self.taken = taken
        self._least = max(LEAST_SECONDS, taken * _WIDEST)

    def _refusal(self, priority: Priority, why: Why) -> OverloadedError:
        self._count(priority, why)
        return OverloadedError(random.randint(*PAUSES_MS[priority]))  # noqa: S311 - no secret

    def _count(self, priority: Priority, why: Why) -> None:
        self.shed[priority, why] = self.shed.get((priority, why), 0) + 1


def nobody_known() -> None:
    """Return no caller: who calls is not known here."""


@dataclass(slots=True)
class House:
    """All doors of a process, and what is behind them.

    `caller` returns whose call is being answered, None where callers are not known. `chance` draws numbers
    from 0 to 1.
    """

    busyness: Busyness
    buckets: Buckets
    caller: Callable[[], Caller | None] = nobody_known
    chance: Callable[[], float] = random.random
    doors: dict[str, Door] = field(default_factory=dict)

    def door(self, rpc: str) -> Door:
        """Return the door of an RPC."""
        return self.doors.setdefault(rpc, Door(self))

    def priority(self, context: Context) -> Priority:
        """Return how urgent a call is: as its caller is, or less where the call says so."""
        caller = self.caller()
        own = Priority.WEB if caller is None else caller.priority
        for key, value in context.invocation_metadata() or ():
            if key == PRIORITY:
                try:
                    said = Priority(value if isinstance(value, str) else value.decode())
                except ValueError:
                    return own
                return said if caller is None else humbler(own, said)
        return own

    def shed(self) -> Iterator[tuple[str, Priority, Why, int]]:
        """Yield how many calls were refused, by RPC, priority and why."""
        for rpc, door in self.doors.items():
            for (priority, why), count in {**door.shed}.items():
                yield rpc, priority, why, count
