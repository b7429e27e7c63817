"""Stops actions at once, on every server of a store, and lets them go again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from nextbest_rules.records import Kill
from nextbest_service.clock import Clock
from nextbest_service.errors import FieldViolation, InvalidRequestError, StoreUnavailableError
from nextbest_service.store.connection import Store, milliseconds
from nextbest_service.store.keys import KILLS
from nextbest_service.store.kills import kills_of
from nextbest_service.store.line import Command
from nextbest_service.store.record_codec import encode_kill


class Stopped(NamedTuple):
    """The kills that hold at a moment of the service's clock (Unix milliseconds), by action."""

    now_ms: int
    kills: Mapping[str, Kill]


@dataclass(frozen=True, slots=True)
class KillSwitch:
    """Writes kills where every decision reads them."""

    store: Store
    clock: Clock
    told: Callable[[Mapping[str, Kill]], None] = lambda _: None
    """Hears which kills hold from now on, as far as they were given here."""

    async def stopped(self) -> Stopped:
        """Return the kills that hold.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        time, entries = await self._run(self.store.time_at(KILLS), ("HGETALL", KILLS))
        now_ms = self.clock.at(milliseconds(time))  # type: ignore[arg-type]
        found = kills_of(_mapping(entries))
        return Stopped(
            now_ms, {id_: it for id_, it in found.items() if it.until_ms is None or it.until_ms > now_ms}
        )

    async def kill(self, action: str, reason: str, until_ms: int | None, caller: str) -> Stopped:
        """Stop an action, and return the kills that hold then; an earlier kill of it is replaced.

        Raises:
            InvalidRequestError: the end lies in the past.
            StoreUnavailableError: the store did not answer in time.
        """
        before = await self.stopped()
        if until_ms is not None and until_ms <= before.now_ms:
            raise InvalidRequestError([FieldViolation("until_unix_ms", "lies in the past")])
        order = Kill(reason, before.now_ms, until_ms, caller)
        await self._run(("HSET", KILLS, action, encode_kill(order)))
        stopped = before._replace(kills={**before.kills, action: order})
        self.told(stopped.kills)
        return stopped

    async def revive(self, action: str) -> None:
        """Let an action be offered again.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        await self._run(("HDEL", KILLS, action))

    async def _run(self, *commands: Command) -> list[object]:
        replies = await self.store.run(commands)
        if any(isinstance(reply, Exception) for reply in replies):
            raise StoreUnavailableError("the customer store refused a command")
        return replies


def _mapping(reply: object) -> Mapping[bytes, bytes]:
    """Return the reply to HGETALL as a mapping, whichever of its two forms it has."""
    if isinstance(reply, Mapping):
        return reply
    assert isinstance(reply, list | tuple)
    return dict(zip(reply[::2], reply[1::2], strict=True))
