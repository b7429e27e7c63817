"""What the log holds of one person: to show it, and to forget it."""

import hashlib
from collections.abc import AsyncIterator, Collection, Mapping
from importlib.resources import files

import structlog

from nextbest_service.decision_log.entries import Entry, Kind, LogFormatError, digest_of, read_entry
from nextbest_service.decision_log.gaps import Erasure
from nextbest_service.decision_log.legend import Legend
from nextbest_service.decision_log.logged_decision import legend_of, read_decision
from nextbest_service.decision_log.outcomes import read_outcome
from nextbest_service.decision_log.plain import plain_decision, plain_outcome
from nextbest_service.errors import StoreUnavailableError
from nextbest_service.store.connection import Store
from nextbest_service.store.keys import DECISION_LOG, LOG_ERASURES, LOG_LEGENDS, Ref
from nextbest_service.store.line import Command

BATCH = 500
_ERASE = files(__package__).joinpath("erase_entries.lua").read_text()

log = structlog.get_logger()


async def entries_of(store: Store, refs: Collection[Ref], after: str = "") -> AsyncIterator[Entry]:
    """Yield the entries about some refs, oldest first. The whole log is searched.

    Raises:
        StoreUnavailableError: the store did not answer in time.
    """
    async for entry in entries_between(store, f"({after}" if after else "-", "+"):
        if entry.customer in refs:
            yield entry


async def records_of(store: Store, refs: Collection[Ref]) -> AsyncIterator[tuple[str, Mapping[str, object]]]:
    """Yield everything recorded under some refs, oldest first: `decision` or `outcome`, and plain data.

    Raises:
        StoreUnavailableError: the store did not answer in time.
    """
    legends: dict[bytes, Legend] = {}
    async for entry in entries_of(store, refs):
        try:
            if entry.kind is Kind.OUTCOME:
                yield "outcome", plain_outcome(read_outcome(entry))
            elif entry.kind is Kind.DECISION:
                legend = await _legend(store, legend_of(entry), legends)
                yield "decision", plain_decision(read_decision(entry, legend))
        except LogFormatError as error:
            log.error("decision_log_unreadable", place=entry.place, error=str(error))


async def erase(store: Store, refs: Collection[Ref], now_ms: int) -> int:
    """Remove everything recorded under some refs, and return how many entries it was.

    Raises:
        StoreUnavailableError: the store did not answer in time; some may be gone already.
    """
    places = tuple([entry.place async for entry in entries_of(store, refs)])
    digests = tuple(digest_of(ref) for ref in sorted(refs))
    told = Erasure(digests, now_ms, places).entry()
    script = store.script(_ERASE, hashlib.sha1(_ERASE.encode()).hexdigest())  # noqa: S324 - Redis' name for it
    args = [now_ms, told.id, told.body, len(digests), *digests, *places]
    removed = await _reply(store, script.call([DECISION_LOG, LOG_ERASURES], args))
    return int(str(removed))


async def entries_between(store: Store, first: str, last: str) -> AsyncIterator[Entry]:
    """Yield the entries between two places or times (Unix milliseconds, as text), oldest first.

    Raises:
        StoreUnavailableError: the store did not answer in time.
    """
    start = first
    while True:
        found = await _reply(store, ("XRANGE", DECISION_LOG, start, last, "COUNT", BATCH))
        if not isinstance(found, list) or not found:
            return
        for stored in found:
            try:
                yield read_entry(stored)
            except LogFormatError as error:
                log.error("decision_log_unreadable", place=stored[0].decode(), error=str(error))
        start = f"({found[-1][0].decode()}"


async def legend_in(store: Store, entry: Entry) -> Legend:
    """Return the legend that the record of a decision needs.

    Raises:
        LogFormatError: it is damaged, or not there.
        StoreUnavailableError: the store did not answer in time.
    """
    return await _legend(store, legend_of(entry), {})


async def _legend(store: Store, legend_id: bytes, known: dict[bytes, Legend]) -> Legend:
    if legend_id not in known:
        blob = await _reply(store, ("HGET", LOG_LEGENDS, legend_id))
        if not isinstance(blob, bytes):
            raise LogFormatError("the legend of a decision is not in the store")
        known[legend_id] = Legend.from_blob(blob)
    return known[legend_id]


async def _reply(store: Store, command: Command) -> object:
    (reply,) = await store.run([command])
    if isinstance(reply, Exception):
        log.error("decision_log_refused", error=str(reply))
        raise StoreUnavailableError("the store refused to read the decision log")
    return reply
