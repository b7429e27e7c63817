"""Decisions as the log keeps them: what was asked, what was read, what competed, what was left out, what won.

Names stand in the legend, records have their numbers. Masks are over the legend's actions.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nextbest_rules.records import Consent, Event, Purchase, Ticket
from nextbest_service.decision_log.compression import compressed
from nextbest_service.decision_log.contact_rows import FIELDS as CONTACT_FIELDS
from nextbest_service.decision_log.contact_rows import kept_contacts
from nextbest_service.decision_log.entries import Entry, Kind, sealed
from nextbest_service.decision_log.legend import Legend
from nextbest_service.decision_log.masks import mask_bytes
from nextbest_service.decisions.basis import Basis
from nextbest_service.decisions.decision import Decision, PlacementDecision, SelectionType
from nextbest_service.decisions.request import DecisionRequest
from nextbest_service.decisions.shadows import Shadowed, shadows_of
from nextbest_service.store.customers import Customer
from nextbest_service.store.keys import Ref

SELECTIONS = tuple(SelectionType)
COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "consents": Consent._fields,
        "tickets": Ticket._fields,
        "purchases": Purchase._fields,
        "events": Event._fields,
        "contacts": CONTACT_FIELDS,
    }
)
"""What is kept of each record, in this order."""
MOST_ROWS = 20
"""Of each list of records that the rules read, so many are kept, the first ones; and how many there were."""
_WHOLE = tuple(name for name in COLUMNS if name != "contacts")


class DecisionRecord(NamedTuple):
    """A decision on its way to the log. Cheap to make: packing it is left for when there is time."""

    decision: Decision
    customer: Ref
    legend: Legend
    shadows: tuple[Shadowed, ...] = ()

    @property
    def at_ms(self) -> int:
        """When it was decided, Unix milliseconds."""
        return self.decision.decided_at_ms

    def shadowed(self) -> "DecisionRecord":
        """Return it with what those think of it who look on."""
        return self._replace(shadows=shadows_of(self.decision))

    def entry(self) -> Entry:
        """Return it as an entry of the log."""
        decision, basis = self.decision, self.decision.basis
        customer, every = basis.reading.customer, (1 << len(self.legend.actions)) - 1
        content = [
            decision.decided_at_ms,
            _question(basis.request, every),
            _inputs(customer),
            [dict(basis.reading.volumes or {}), sorted(basis.reading.killed)],
            self._figures(),
            [_placed(placement, basis.generation.catalog.index) for placement in decision.placements],
            [
                [approach.channel, _stopped(approach.screening.left, every)]
                for approach in basis.reach.approaches
            ],
            [mask_bytes(basis.unvalued), mask_bytes(basis.unshowable)],
            SELECTIONS.index(decision.selection_type),
            decision.degraded,
            decision.stale_features,
            _tried(basis, self.shadows, decision.person),
        ]
        body = sealed(self.legend.id + compressed(content))
        return Entry(Kind.DECISION, bytes.fromhex(decision.id), self.customer, body)

    def _figures(self) -> bytes:
        basis, packer = self.decision.basis, self.legend.packer
        if packer is None:
            raise ValueError("a legend that was read packs no figures")
        request, counters = basis.request, basis.reading.customer.features.counters
        return packer.pack(basis.factors, (request.brand, request.goal), counters)


def _question(request: DecisionRequest, every: int) -> Sequence[object]:
    return [
        request.request_id,
        request.channel,
        request.brand,
        request.goal,
        request.locale,
        dict(request.context),
        _limited(request, every),
        [[it.placement.id, it.limit, mask_bytes(it.excluded & every)] for it in request.placements],
        request.allow_duplicates,
    ]


def _limited(request: DecisionRequest, every: int) -> bytes | None:
    """Return the mask of the only actions that the caller wanted, None where it left that open."""
    return None if request.candidates & every == every else mask_bytes(request.candidates & every)


def _inputs(customer: Customer) -> Sequence[object]:
    return [
        customer.known,
        customer.features.vector.astype("<f4", copy=False).tobytes(),
        customer.facts,
        dict(_records(customer)),
        list(customer.unreadable),
        list(customer.defaulted),
    ]


def _records(customer: Customer) -> Iterator[tuple[str, object]]:
    """Yield the lists that the rules read: how many records there were, and the first of them."""
    if customer.contacts:
        yield "contacts", (len(customer.contacts), *kept_contacts(customer.contacts, MOST_ROWS))
    for name in _WHOLE:
        records: Sequence[object] | None = getattr(customer, name)
        if records:
            yield name, (len(records), records[:MOST_ROWS])


def _tried(basis: Basis, shadows: Sequence[Shadowed], person: Ref) -> Sequence[object]:
    looking_on = [[it.ranker, _floats(it.propensity)] for it in shadows]
    return [dict(basis.arms), basis.ranking.name, looking_on, person if basis.arms else b""]


def _floats(values: NDArray[np.floating]) -> bytes:
    return values.astype("<f4").tobytes()


def _placed(placement: PlacementDecision, index: Mapping[str, int]) -> Sequence[object]:
    return [
        [
            index[it.action.id],
            SELECTIONS.index(it.selection),
            it.channel,
            it.treatment_id,
            it.selection_probability,
            it.send_at_ms,
        ]
        for it in placement.propositions
    ]


def _stopped(left: Sequence[int], every: int) -> Sequence[bytes]:
    """Return, per stage, the mask of what it stopped of what the stages before had left."""
    return [mask_bytes(before & ~after) for before, after in pairwise([every, *left])]
