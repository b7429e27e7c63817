"""Past decisions: found in the log, and made again from their records by the very code that made them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nextbest_models.affinity import AffinityCounters
from nextbest_models.state import CustomerFeatures
from nextbest_rules import Catalog
from nextbest_rules.records import Consent, Contact, Event, Kill, Purchase, Ticket
from nextbest_service.clock import Clock
from nextbest_service.decision_log.decisions import DecisionRecord
from nextbest_service.decision_log.entries import Entry, Kind
from nextbest_service.decision_log.legend import Legend
from nextbest_service.decision_log.logged_decision import LoggedDecision, read_decision
from nextbest_service.decision_log.persons import entries_between, legend_in
from nextbest_service.decision_log.plain import plain_decision
from nextbest_service.decisions.decision import Decision, Degradation
from nextbest_service.decisions.deliberation import Stopwatch, deliberate
from nextbest_service.decisions.explaining import explain
from nextbest_service.decisions.generation import Generation
from nextbest_service.decisions.request import DecisionRequest, ExplainLevel, PlacementRequest
from nextbest_service.store.connection import Store
from nextbest_service.store.customers import Customer, Reading
from nextbest_service.store.found import Found

BEFORE_MS, AFTER_MS = 60_000, 600_000
"""A decision is written about when it was made; where it is not found there, the whole log is searched."""
_KINDS = {"consents": Consent, "tickets": Ticket, "purchases": Purchase, "events": Event}
_ON_THE_WAY = {Degradation.AUDIT_GAP.value, Degradation.CUSTOMER_BUSY.value}
"""What the way to a decision adds, and no deliberation."""
_NOT_COMPARED = ("degraded", "shadows")
_UNKNOWN_KILL = Kill("an operator had stopped it.", 0)


class NotReproducibleError(Exception):
    """A decision cannot be made again; the message says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """A decision as it was recorded."""

    entry: Entry
    logged: LoggedDecision


async def find(store: Store, clock: Clock, decision_id: str) -> Record | None:
    """Return the record of a decision by its id, None where the log does not have it.

    Raises:
        LogFormatError: the record is damaged.
        StoreUnavailableError: the store did not answer in time.
    """
    wanted = bytes.fromhex(decision_id)
    # The id begins with the time of the decision by the service's clock, which may live elsewhere.
    made_ms = int.from_bytes(wanted[:6], "big") - clock.at(0)
    spans = [("-", "+")]
    if made_ms > BEFORE_MS:
        spans.insert(0, (str(made_ms - BEFORE_MS), str(made_ms + AFTER_MS)))
    for first, last in spans:
        async for entry in entries_between(store, first, last):
            if entry.kind is Kind.DECISION and entry.id == wanted:
                legend = await legend_in(store, entry)
                return Record(entry, read_decision(entry, legend))
    return None


def made_again(record: Record, generation: Generation, legend: Legend, kills: Mapping[str, Kill]) -> Decision:
    """Return a decision again, with exclusions and explanations, every figure as it was recorded.

    Raises:
        NotReproducibleError: it cannot be made again, or comes out otherwise.
    """
    logged = record.logged
    if logged.legend.id != legend.id:
        raise NotReproducibleError(
            "it was made by another catalog or model than serve now: catalog "
            f"{logged.legend.versions.catalog}, model {logged.model_version or 'none'}"
        )
    cut = sorted(kind for kind, (count, kept) in logged.records.items() if count > len(kept))
    if cut:
        raise NotReproducibleError(f"the record keeps only the first of these: {', '.join(cut)}")
    try:
        request = _request(logged, generation)
        reading = _reading(logged, generation, kills)
        decision = deliberate(
            generation,
            request,
            reading,
            logged.arms,
            logged.id,
            _stopped_watch(),
            record.entry.customer,
            logged.person,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise NotReproducibleError("its record does not fit the catalog") from error
    again = read_decision(DecisionRecord(decision, record.entry.customer, legend).entry(), legend)
    different = _differences(logged, again)
    if different:
        raise NotReproducibleError(f"it comes out otherwise in: {', '.join(different)}")
    on_the_way = tuple(Degradation(it) for it in logged.degraded if it in _ON_THE_WAY)
    return explain(decision)._replace(degraded=(*decision.degraded, *on_the_way))


def _differences(logged: LoggedDecision, again: LoggedDecision) -> Sequence[str]:
    before, after = plain_decision(logged), plain_decision(again)
    found = [name for name in before if name not in _NOT_COMPARED and before[name] != after[name]]
    if {*logged.degraded} - _ON_THE_WAY != {*again.degraded}:
        found.append("degraded")
    return sorted(found)


def _request(logged: LoggedDecision, generation: Generation) -> DecisionRequest:
    catalog = generation.catalog
    every = (1 << len(catalog.actions)) - 1
    return DecisionRequest(
        request_id=logged.request_id,
        identities=(),
        placements=tuple(
            PlacementRequest(catalog.placements[it.placement], it.limit, _mask(catalog, it.excluded))
            for it in logged.placements
        ),
        channel=logged.channel,
        brand=logged.brand,
        goal=logged.goal,
        locale=logged.locale,
        context=logged.context,
        candidates=every if logged.only is None else _mask(catalog, logged.only),
        explain=ExplainLevel.FULL,
        include_content=True,
        allow_duplicates=logged.allow_duplicates,
    )


def _reading(logged: LoggedDecision, generation: Generation, kills: Mapping[str, Kill]) -> Reading:
    now_ms, stale = logged.decided_at_ms, {*logged.stale_features}
    vector = np.array([logged.features[name] for name in generation.spec.customer_names], dtype=np.float32)
    counters = logged.counters if logged.counters is not None else AffinityCounters.empty()
    records: dict[str, Any] = dict.fromkeys((*_KINDS, "contacts"), ())
    records |= {**_records(logged, generation.catalog), **dict.fromkeys(logged.unreadable)}
    customer = Customer(
        known=logged.known,
        features=CustomerFeatures(vector, counters, now_ms),
        features_as_of={name: 0 if name in stale else now_ms for name in generation.spec.customer_names},
        facts=logged.facts,
        facts_as_of=now_ms,
        first=logged.person,
        unreadable=logged.unreadable,
        defaulted=logged.defaulted,
        consents=records["consents"],
        tickets=records["tickets"],
        purchases=records["purchases"],
        events=records["events"],
        contacts=records["contacts"],
    )
    killed = {action: kills.get(action, _UNKNOWN_KILL) for action in logged.killed}
    return Reading(customer, killed, logged.volumes, Found(()), now_ms)


def _records(logged: LoggedDecision, catalog: Catalog) -> Mapping[str, tuple[object, ...]]:
    """Return the records of each kind as they were read; what a contact was about is in the catalog."""
    found: dict[str, tuple[object, ...]] = {
        kind: tuple(of(**_hashable(row)) for row in logged.records[kind][1])
        for kind, of in _KINDS.items()
        if kind in logged.records
    }
    if "contacts" in logged.records:
        found["contacts"] = tuple(_contact(row, catalog) for row in logged.records["contacts"][1])
    return found


def _contact(row: Mapping[str, Any], catalog: Catalog) -> Contact:
    place = catalog.index.get(row["action"])
    if place is None:
        return Contact(**row)
    action = catalog.actions[place]
    return Contact(**row, type=action.type.value, issue=action.issue, group=action.group)


def _hashable(row: Mapping[str, object]) -> Mapping[str, object]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def _mask(catalog: Catalog, actions: Sequence[str]) -> int:
    mask = 0
    for action in actions:
        mask |= 1 << catalog.index[action]
    return mask


def _stopped_watch() -> Stopwatch:
    watch = Stopwatch()
    watch.lap()
    return watch
