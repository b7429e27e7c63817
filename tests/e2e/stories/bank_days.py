"""The bank on several days: for each a service of its own, all on one store.

A service's clock runs ahead of the store's by a fixed time, so that services of several days can share what
is known of a customer, and a story goes from day to day without waiting. The first day's is a process; those
of later days are on ports of this one.
"""

import contextlib
import functools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from running_service import service
from service_calls import Calls, PlainValue, event, fresh, identity, item, outcome, values
from service_in_process import service_in_process

from nextbest.v1 import decision_pb2, event_pb2, identity_pb2, profile_pb2, proposition_pb2, value_pb2
from nextbest_rules.durations import duration_ms
from nextbest_service.catalogs import find_catalog
from nextbest_service.clock import StoreClock
from nextbest_service.composition import LoadedParts, load_parts
from nextbest_service.home import Home

MONDAY = datetime.fromisoformat("2026-03-02T10:00:00+07:00")
STORE_TIMEOUT_MS = "5000"
EVERYTHING = 100


@dataclass
class Someone:
    """A customer by the names that the story gives."""

    names: list[identity_pb2.Identity]

    @property
    def first(self) -> identity_pb2.Identity:
        """The name that is used where one is enough."""
        return self.names[0]


def somebody(namespace: str = "customer") -> Someone:
    """Return a customer whom nobody has ever heard of."""
    return Someone([identity(namespace, fresh("somebody"))])


@dataclass
class Day:
    """What the systems around a service say to it on one day. Times are told as how long ago."""

    calls: Calls
    ahead_ms: int

    @classmethod
    def begun(cls, calls: Calls) -> "Day":
        """Return the day that a service lives in."""
        question = decision_pb2.DecideRequest(
            identities=somebody().names,
            placements=[decision_pb2.PlacementRequest(id="web_hero")],
            dry_run=True,
        )
        answer = calls.decide(question)
        return cls(calls, answer.decided_at_unix_ms - time.time_ns() // 1_000_000)

    def moment(self, ago: str = "") -> int:
        """Return the time that was some time ago, or now, as Unix milliseconds."""
        return time.time_ns() // 1_000_000 + self.ahead_ms - (duration_ms(ago) if ago else 0)

    def happens(self, who: Someone, what: str, ago: str = "", /, **fields: Any) -> None:
        """Let something happen to a customer. Keywords that events do not have are properties."""
        known = {
            name: fields.pop(name) for name in [*fields] if name in event_pb2.Event.DESCRIPTOR.fields_by_name
        }
        known["properties"] = values(fields)
        self.calls.track(event(who.names, what, self.moment(ago), **known))

    def buys(self, who: Someone, *goods: tuple[str, str, float], ago: str = "", channel: str = "web") -> None:
        """Let a customer buy products: each a product, its category and what was paid for it."""
        order = [item(*line) for line in goods]
        self.happens(who, "order.placed", ago, subject=fresh("order"), items=order, channel=channel)

    def gives_back(self, who: Someone, *goods: tuple[str, str, float], ago: str = "") -> None:
        """Let a customer return products."""
        self.happens(who, "order.refunded", ago, items=[item(*line) for line in goods])

    def knows(self, who: Someone, ago: str = "", **attributes: PlainValue | value_pb2.Value) -> None:
        """Write attributes of a customer as of some time ago."""
        self.calls.upsert(
            profile_pb2.Profile(
                identities=who.names, attributes=values(attributes), as_of_unix_ms=self.moment(ago)
            )
        )

    def gives_features(self, who: Someone, ago: str = "1d", **features: float) -> None:
        """Write features that were computed elsewhere, as of some time ago."""
        as_of_ms = self.moment(ago)
        self.calls.upsert(
            profile_pb2.Profile(identities=who.names, features=features, as_of_unix_ms=as_of_ms)
        )

    def agrees(self, who: Someone, *purposes: str, channel: str = "", ago: str = "60d") -> None:
        """Let a customer say yes to purposes, by default on every channel."""
        self._consent(who, purposes, channel, profile_pb2.CONSENT_STATE_GRANTED, ago)

    def refuses(self, who: Someone, *purposes: str, channel: str = "", ago: str = "") -> None:
        """Let a customer say no to purposes."""
        self._consent(who, purposes, channel, profile_pb2.CONSENT_STATE_DENIED, ago)

    def _consent(
        self,
        who: Someone,
        purposes: Sequence[str],
        channel: str,
        state: profile_pb2.ConsentState,
        ago: str,
    ) -> None:
        time_ms = self.moment(ago)
        words = [
            profile_pb2.Consent(channel=channel, purpose=purpose, state=state, time_unix_ms=time_ms)
            for purpose in purposes
        ]
        self.calls.upsert(profile_pb2.Profile(identities=who.names, consents=words))

    def asks(
        self, who: Someone, placement: str, limit: int = 0, **request: Any
    ) -> decision_pb2.DecideResponse:
        """Ask what to say in a placement."""
        request.setdefault("include_content", True)
        return self.calls.decide(
            decision_pb2.DecideRequest(
                identities=request.pop("identities", who.names),
                placements=[decision_pb2.PlacementRequest(id=placement, limit=limit)],
                **request,
            )
        )

    def offers(
        self, who: Someone, placement: str, limit: int = 0, **request: Any
    ) -> list[proposition_pb2.Proposition]:
        """Return the propositions of a decision that counts."""
        return [*self.asks(who, placement, limit, **request).placements[0].propositions]

    def would_offer(self, who: Someone, placement: str, limit: int = EVERYTHING, **request: Any) -> list[str]:
        """Return the actions that would be offered, best first, without offering them."""
        answer = self.asks(who, placement, limit, dry_run=True, **request)
        return [proposition.action_id for proposition in answer.placements[0].propositions]

    def may_say(self, who: Someone, placement: str, action: str, **request: Any) -> bool:
        """Tell whether an action would be offered if it had no rivals."""
        return self.would_offer(who, placement, candidate_action_ids=[action], **request) == [action]

    def why_not(self, who: Someone, placement: str, action: str, **request: Any) -> proposition_pb2.Exclusion:
        """Return why an action would not be offered."""
        level = decision_pb2.EXPLAIN_LEVEL_EXCLUSIONS
        answer = self.asks(who, placement, EVERYTHING, dry_run=True, explain_level=level, **request)
        return next(exclusion for exclusion in answer.exclusions if exclusion.action_id == action)

    def comes(self, proposition: proposition_pb2.Proposition, *kinds: str, ago: str = "") -> None:
        """Report what came of a proposition."""
        time_ms = self.moment(ago) if ago else 0
        self.calls.report(*(outcome(proposition.token, kind, time_ms) for kind in kinds))

    def sends(self, who: Someone, placement: str, **request: Any) -> str:
        """Ask for one proposition and deliver it; return its action, or nothing."""
        for proposition in self.offers(who, placement, 1, **request):
            self.comes(proposition, "DELIVERED")
            return proposition.action_id
        return ""


@dataclass
class Bank:
    """Services of the bank's days, each started when a story first needs it."""

    store_url: str
    homes: Path
    running: contextlib.ExitStack
    days: dict[int, Day] = field(default_factory=dict)

    def day(self, number: int) -> Day:
        """Return the service on a day, counted from the first Monday. Later days begin an hour later."""
        if number not in self.days:
            self.days[number] = self._start(MONDAY + timedelta(days=number, hours=min(number, 1)))
        return self.days[number]

    def _start(self, start: datetime) -> Day:
        serving = self._beside(start) if self.days else self._apart(start)
        calls = Calls(self.running.enter_context(serving))
        self.running.callback(calls.close)
        return Day.begun(calls)

    @contextlib.contextmanager
    def _apart(self, start: datetime) -> Iterator[str]:
        """Serve in a process of its own."""
        options = ("--redis-url", self.store_url, "--clock", start.isoformat())
        waits = ("--store-timeout-ms", STORE_TIMEOUT_MS)
        with service(self.homes, *options, *waits, catalog=find_catalog("bank")) as process:
            yield process.address

    def _beside(self, start: datetime) -> contextlib.AbstractContextManager[str]:
        """Serve in this process."""
        clock = StoreClock.starting_at(int(start.timestamp() * 1000))
        return service_in_process(bank(), self.store_url, clock)


@functools.cache
def bank() -> LoadedParts:
    """Return the loaded bank, which has no model."""
    return load_parts("bank", Home(Path("nowhere")))
