"""Who asks for a person in the same turn of the event loop reads together.

What is the same for all of them, the time, the kills and the volumes, is asked once, before any of their
persons. A caller who hangs up leaves the others alone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from nextbest_rules.records import Kill
from nextbest_service.clock import Clock
from nextbest_service.errors import StoreUnavailableError
from nextbest_service.store import keys
from nextbest_service.store.connection import Store, milliseconds
from nextbest_service.store.customers import ReadPlan
from nextbest_service.store.found import Fields
from nextbest_service.store.keys import Ref, person_key
from nextbest_service.store.kills import kills_of
from nextbest_service.store.line import MOST_WAITING, Command
from nextbest_service.store.replies import checked, checked_hash
from nextbest_service.store.volumes import volume_commands, volumes_of


class Moment(NamedTuple):
    """What holds for everybody who read together; see `Reading`. `store_ms` is the store's time."""

    now_ms: int
    store_ms: int
    killed: Mapping[str, Kill]
    volumes: Mapping[str, int] | None


Joint: TypeAlias = tuple[Moment, dict[Ref, Fields]]


class _Batch(NamedTuple):
    """Who reads together: each with the refs and the future that waits for what stands there."""

    plan: ReadPlan
    callers: list[tuple[Sequence[Ref], asyncio.Future[Joint]]]


class JointReads:
    """Reads on a store that is one server: a cluster's nodes each have a time of their own."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._next: _Batch | None = None
        self._waiting = 0

    def read(self, refs: Sequence[Ref], plan: ReadPlan, expected_ms: int) -> asyncio.Future[Joint]:
        """Return what is to come: the moment, and the hashes at some refs, pointers unfollowed.

        expected_ms: about the service's time; held volumes are counted as of then.
        The future fails with StoreUnavailableError.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Joint] = loop.create_future()
        if self._waiting >= MOST_WAITING:
            waiter.set_exception(StoreUnavailableError("too many wait for the customer store"))
            return waiter
        self._waiting += 1
        batch = self._next
        if batch is None or batch.plan is not plan:
            batch = self._next = _Batch(plan, [])
            loop.call_soon(self._send, batch, expected_ms)
        batch.callers.append((refs, waiter))
        return waiter

    def _send(self, batch: _Batch, expected_ms: int) -> None:
        if self._next is batch:
            self._next = None
        volumes = volume_commands(batch.plan.capped, expected_ms)
        persons = [("HGETALL", person_key(ref)) for refs, _ in batch.callers for ref in refs]
        commands: list[Command] = [("TIME",), ("HGETALL", keys.KILLS), *volumes, *persons]
        replies = self._store.sent(commands)
        replies.add_done_callback(partial(self._arrived, batch, 2 + len(volumes)))

    def _arrived(self, batch: _Batch, common: int, replies: asyncio.Future[list[Any]]) -> None:
        """Hand out what came; `common` tells how many of the replies are for everybody."""
        self._waiting -= len(batch.callers)
        try:
            results = replies.result()
            self._store.answered()
            moment = self._moment(batch.plan, results[:common])
        except Exception as error:
            failure = self._store.unanswered(error)
            for _, waiter in batch.callers:
                if not waiter.done():
                    waiter.set_exception(failure)
            return
        at = common
        for refs, waiter in batch.callers:
            if not waiter.done():
                _answer(waiter, moment, refs, results[at : at + len(refs)])
            at += len(refs)

    def _moment(self, plan: ReadPlan, results: Sequence[Any]) -> Moment:
        store_ms = milliseconds(checked(results[0]))
        killed = kills_of(checked_hash(results[1]))
        return Moment(self._clock.at(store_ms), store_ms, killed, volumes_of(plan.capped, results[2:]))


def _answer(
    waiter: asyncio.Future[Joint], moment: Moment, refs: Sequence[Ref], results: Sequence[Any]
) -> None:
    try:
        waiter.set_result((moment, dict(zip(refs, map(checked_hash, results), strict=True))))
    except StoreUnavailableError as error:
        waiter.set_exception(error)
