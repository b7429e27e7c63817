"""Decisions as the log keeps them: what was asked, what was read, what competed, what was left out, what won.

Names stand in the legend, records have their numbers. Masks are over the legend's actions.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import attrgetter
from types import MappingProxyType

import msgpack
import numpy as np
from numpy.typing import NDArray

from nextbest_rules.records import Consent, Event, Purchase, Ticket
from nextbest_service.decision_log.counters import pack_counters
from nextbest_service.decision_log.entries import Entry, Kind, sealed
from nextbest_service.decision_log.legend import Legend
from nextbest_service.decisions.basis import Basis
from nextbest_service.decisions.decision import Decision, PlacementDecision, SelectionType
from nextbest_service.decisions.factors import Floats
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
        # What the catalog says of an action need not be repeated with each contact.
        "contacts": ("action", "outcome", "at_ms", "channel", "brand"),
    }
)
"""What is kept of each record, in this order."""
MOST_ROWS = 20
"""Of each list of records that the rules read, so many are kept, the first ones; and how many there were."""
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class DecisionRecord:
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
        return replace(self, shadows=shadows_of(self.decision))

    def entry(self) -> Entry:
        """Return it as an entry of the log."""
        decision, basis = self.decision, self.decision.basis
        customer, every = basis.reading.customer, (1 << len(self.legend.actions)) - 1
        content = [
            decision.decided_at_ms,
            _question(basis.request, every),
            _inputs(customer),
            [dict(basis.reading.volumes or {}), sorted(basis.reading.killed)],
            _competition(basis, self.legend),
            [_placed(placement, basis.generation.catalog.index) for placement in decision.placements],
            [
                [approach.channel, _stopped(approach.screening.left, every)]
                for approach in basis.reach.approaches
            ],
            [_bytes(basis.unvalued), _bytes(basis.unshowable)],
            SELECTIONS.index(decision.selection_type),
            list(decision.degraded),
            list(decision.stale_features),
            _scored(basis),
            _tried(basis, self.shadows, decision.person),
        ]
        packed = msgpack.packb(content, datetime=True, default=_plain)
        deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15, zdict=self.legend.words)
        body = sealed(self.legend.id + deflate.compress(packed) + deflate.flush())
        return Entry(Kind.DECISION, bytes.fromhex(decision.id), self.customer, body)


def _question(request: DecisionRequest, every: int) -> Sequence[object]:
    return [
        request.request_id,
        request.channel,
        request.brand,
        request.goal,
        request.locale,
        dict(request.context),
        _limited(request, every),
        [[it.placement.id, it.limit, _bytes(it.excluded & every)] for it in request.placements],
        request.allow_duplicates,
    ]


def _limited(request: DecisionRequest, every: int) -> bytes | None:
    """Return the mask of the only actions that the caller wanted, None where it left that open."""
    return None if request.candidates & every == every else _bytes(request.candidates & every)


def _inputs(customer: Customer) -> Sequence[object]:
    return [
        customer.known,
        customer.features.vector.astype("<f4").tobytes(),
        customer.facts,
        dict(_records(customer)),
        list(customer.unreadable),
        list(customer.defaulted),
    ]


def _records(customer: Customer) -> Iterator[tuple[str, object]]:
    """Yield the lists that the rules read: how many records there were, and the first of them."""
    for name, columns in COLUMNS.items():
        records: Sequence[object] | None = getattr(customer, name)
        if records:
            row = attrgetter(*columns)
            yield name, [len(records), [row(record) for record in records[:MOST_ROWS]]]


def _competition(basis: Basis, legend: Legend) -> Sequence[object]:
    factors, request = basis.factors, basis.request
    size = len(legend.actions)
    flags = np.zeros(size, dtype=np.bool_)
    flags[factors.rows] = True
    return [
        np.packbits(flags, bitorder="little").tobytes(),
        _floats(factors.propensity),
        _differences(factors.value, legend.values[factors.rows]),
        _differences(factors.lever, legend.levers[request.brand, request.goal][factors.rows]),
        _differences(factors.context_weight, np.ones(len(factors.rows), dtype=np.float32)),
        np.packbits(factors.pinned, bitorder="little").tobytes() if factors.pinned.any() else b"",
    ]


def _scored(basis: Basis) -> Sequence[bytes]:
    """Return what the candidates' rows were made of beside vector and context, and what each P rests on."""
    factors, counters = basis.factors, basis.reading.customer.features.counters
    behind = basis.generation.assembler.counters_behind(counters, factors.rows)
    maturity = factors.maturity.astype(np.int8)
    alike = len(maturity) > 0 and bool((maturity == maturity[0]).all())
    return [pack_counters(behind), (maturity[:1] if alike else maturity).tobytes()]


def _tried(basis: Basis, shadows: Sequence[Shadowed], person: Ref) -> Sequence[object]:
    looking_on = [[it.ranker, _floats(it.propensity)] for it in shadows]
    return [dict(basis.arms), basis.ranking.name, looking_on, person if basis.arms else b""]


def _differences(actual: Floats, declared: NDArray[np.float32]) -> Sequence[bytes]:
    """Return where figures are others than declared, as flags, and those figures; nothing if nowhere."""
    own = actual.astype(np.float32)
    other = own != declared
    return [np.packbits(other, bitorder="little").tobytes(), _floats(own[other])] if other.any() else []


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
    return [_bytes(before & ~after) for before, after in pairwise([every, *left])]


def _bytes(mask: int) -> bytes:
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


def _plain(value: object) -> object:
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
