"""Writes the log: decisions behind their answers, outcomes before their receipts, and no loss unseen."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

import structlog

from nextbest_service.decision_log.decisions import DecisionRecord
from nextbest_service.decision_log.entries import Entry, append
from nextbest_service.decision_log.legend import Legend
from nextbest_service.decision_log.outcomes import LoggedOutcome
from nextbest_service.decision_log.pending import Pending, Waiting
from nextbest_service.decision_log.persons import erase, records_of
from nextbest_service.decisions.shadows import looked_on
from nextbest_service.errors import AuditUnavailableError, StoreUnavailableError
from nextbest_service.store.connection import Store
from nextbest_service.store.keys import LOG_ACTION_SIDES, LOG_LEGENDS, Ref
from nextbest_service.store.line import Command

ROOM = 10_000
"""Decisions that may wait to be written."""
LENGTH = 1_000_000
"""Entries that the stream keeps."""
BATCH = 100
GATHER_SECONDS = 0.005
"""So long decisions wait for others to be written with."""
AT_ONCE = 8
"""So many records are packed before those get a turn who want answers; half of them where more wait."""
TRIES = 3
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
_BLOCK_SETTING = "stream-node-max-entries"

log = structlog.get_logger()


class DecisionLog:
    """The log as decisions and outcomes write it, over a connection of its own."""

    def __init__(self, store: Store, *, room: int = ROOM, length: int = LENGTH) -> None:
        self.store = store
        self._length = length
        self._pending = Pending(room)
        self._unpacked: deque[Waiting] = deque()
        self._waiting = asyncio.Event()
        self._closing = asyncio.Event()
        self._told: set[bytes] = set()
        self._writing = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None

    @property
    def gap_is_open(self) -> bool:
        """Whether decisions were lost that the log does not know of yet."""
        return self._pending.gap_is_open

    @property
    def dropped(self) -> int:
        """How many decisions were not recorded since the start."""
        return self._pending.dropped

    @property
    def room(self) -> int:
        """How many decisions may wait to be written."""
        return self._pending.room

    @property
    def waiting(self) -> int:
        """How many decisions are to be written yet."""
        return len(self._pending)

    async def __aenter__(self) -> Self:
        """Begin to write."""
        self._writer = asyncio.create_task(self._write_on())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what still waits, unless the store does not answer, and close the connection."""
        self._closing.set()
        self._waiting.set()
        if self._writer is not None:
            await self._writer  # cancelling it could leave a connection in the middle of a reply
        try:
            await self.flush()
        except StoreUnavailableError:
            log.error("decision_log_incomplete", lost=self.waiting)
        await self.store.aclose()

    def offer(self, record: DecisionRecord) -> None:
        """Take a record that is written soon, and return at once. Without room it is lost and counted."""
        was_open = self.gap_is_open
        waiting = Waiting.of(record)
        if self._pending.add(waiting):
            if not looked_on(record.decision):
                self._pack_soon(waiting)
        elif not was_open:
            log.error("decision_log_gap", waiting=self.waiting, hint="the store is slow or does not answer")
        self._waiting.set()

    def miss(self, at_ms: int) -> None:
        """Count a decision of then that cannot be recorded: nobody knows whose it is."""
        self._pending.miss(at_ms)
        self._waiting.set()

    def _pack_soon(self, waiting: Waiting) -> None:
        """Pack a record behind the answers of this turn: so its decision takes no memory while it waits."""
        if not self._unpacked:
            asyncio.get_running_loop().call_soon(self._pack_some)
        self._unpacked.append(waiting)

    def _pack_some(self) -> None:
        for _ in range(min(len(self._unpacked), max(AT_ONCE, len(self._unpacked) // 2))):
            with suppress(Exception):  # told when it is to be written
                self._unpacked.popleft().packed()
        if self._unpacked:
            asyncio.get_running_loop().call_soon(self._pack_some)

    async def record(self, entry: Entry, legend: Legend) -> None:
        """Write a record now: it is as durable as the store then. Writing it again is harmless.

        Raises:
            AuditUnavailableError: it could not be written.
        """
        for left in reversed(range(TRIES)):
            try:
                await self._tell([legend])
                await self._run([append(entry, self._length)])
            except StoreUnavailableError as error:
                if not left:
                    raise AuditUnavailableError(
                        "the decision could not be recorded; try again with the same request id"
                    ) from error
            else:
                return

    async def record_outcomes(self, outcomes: Sequence[LoggedOutcome]) -> None:
        """Write outcomes; they are as durable as the store. Writing them again is harmless.

        Raises:
            StoreUnavailableError: the store did not answer in time; any of them may have been written.
        """
        await self._run([append(outcome.entry(), self._length) for outcome in outcomes])

    def of_person(self, refs: Collection[Ref]) -> AsyncIterator[tuple[str, Mapping[str, object]]]:
        """Return all that is recorded under some refs, oldest first: `decision` or `outcome`, and plain data.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        return records_of(self.store, refs)

    async def erase(self, refs: Collection[Ref], now_ms: int) -> int:
        """Forget everything that is recorded under some refs; return how many entries it was.

        Exported files follow with the next export.

        Raises:
            StoreUnavailableError: the store did not answer in time; repeating it is harmless.
        """
        await self.flush()
        return await erase(self.store, refs, now_ms)

    async def flush(self) -> None:
        """Write everything that waits.

        Raises:
            StoreUnavailableError: the store did not answer in time.
        """
        async with self._writing:
            while self.waiting or self.gap_is_open:
                await self._write_some()

    async def _write_on(self) -> None:
        """Write whatever comes until the end; with growing pauses while the store does not take it."""
        await self._check_blocks()
        pause = FIRST_PAUSE_SECONDS
        while not self._closing.is_set():
            await self._waiting.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._waiting.clear()
            try:
                await self.flush()
                pause = FIRST_PAUSE_SECONDS
            except StoreUnavailableError:
                log.warning("decision_log_waits", waiting=self.waiting, retry_in_seconds=pause)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                self._waiting.set()

    async def _check_blocks(self) -> None:
        """Warn where erased entries would linger: a block of a stream goes when all its entries are gone."""
        with suppress(StoreUnavailableError):
            (reply,) = await self.store.run([("CONFIG", "GET", _BLOCK_SETTING)])
            if isinstance(reply, list) and reply[1:] not in ([], [b"1"]):
                log.warning(
                    "erased_entries_linger",
                    hint=f"set {_BLOCK_SETTING} 1 in your store, see the guide to the decision log",
                )

    async def _write_some(self) -> None:
        waiting = self._pending.first(BATCH)
        await _look_on(waiting)
        await self._tell([one.legend for one in waiting])
        entries, lost = list[Entry](), list[Waiting]()
        for one in waiting:
            try:
                entries.append(one.packed())
            except Exception as error:  # a defect, but none that may cost the records behind it
                log.error("decision_not_recordable", error=type(error).__name__)  # its text may be personal
                lost.append(one)
        gap = self._pending.gap_to_tell()
        if gap is not None:
            entries.append(gap.entry())
        await self._run([append(entry, self._length) for entry in entries])
        self._pending.written(len(waiting))
        self._pending.lose(lost)
        if gap is not None:
            log.warning("decision_log_gap_closed", lost=gap.lost)

    async def _tell(self, legends: Sequence[Legend]) -> None:
        """Write the legends that the log does not have yet, and the action sides that they name."""
        new = {legend.id: legend for legend in legends if legend.id not in self._told}
        sides = {it.action_side: it.action_side_blob for it in new.values() if it.action_side_blob}
        await self._run([("HSETNX", LOG_ACTION_SIDES, key, blob) for key, blob in sides.items()])
        await self._run([("HSETNX", LOG_LEGENDS, key, legend.blob) for key, legend in new.items()])
        self._told |= new.keys()

    async def _run(self, commands: Sequence[Command]) -> Sequence[Any]:
        replies = await self.store.run(commands) if commands else []
        for reply in replies:
            if isinstance(reply, Exception):
                log.error("decision_log_refused", error=str(reply))
                raise StoreUnavailableError("the store refused an entry of the decision log")
        return replies


async def _look_on(waiting: Sequence[Waiting]) -> None:
    """Add to records what those think of them who look on: worked out beside the loop that answers."""
    records = [one for one in waiting if one.record is not None and looked_on(one.record.decision)]
    if records:
        await asyncio.to_thread(_shadow, records)


def _shadow(waiting: Sequence[Waiting]) -> None:
    for one in waiting:
        assert one.record is not None
        one.record = one.record.shadowed()
