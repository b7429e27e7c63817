"""One cap at a time: which actions it limits, which contacts count, and the words for it."""

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from nextbest_rules.bitmask import bits
from nextbest_rules.catalog import Catalog
from nextbest_rules.contacts import Contacts
from nextbest_rules.durations import show_duration
from nextbest_rules.policies import Cap, Dimension, Selector
from nextbest_rules.records import RESERVED, Outcome
from nextbest_rules.rulebook import speaks_on
from nextbest_rules.selection import mask_of, selects_contact
from nextbest_rules.situation import Situation
from nextbest_rules.terms import Direction

Key = tuple[str, ...]
# The parts of a key that belong to the action, in their order; channel and brand belong to the request.
_OF_ACTION = (Dimension.ACTION, Dimension.GROUP, Dimension.ISSUE, Dimension.TYPE)
_LEADS_TO = {Direction.INBOUND: Outcome.DISPLAYED, Direction.OUTBOUND: Outcome.DELIVERED}
_CONFIRMED = frozenset(_LEADS_TO.values())


@dataclass(frozen=True, slots=True)
class CompiledCap:
    """A cap with its actions by key: those it limits and, of the catalog's, those whose contacts count.

    `keys` are the keys of all actions. `outcomes` are plain texts, as contacts have them; RESERVED is one of
    them if reservations can count, and they do on every channel but `unreserved`.
    """

    cap: Cap
    mask: int
    by_key: Mapping[Key, int]
    counts: int
    counts_by_key: Mapping[Key, int]
    keys: Sequence[Key]
    counts_all: bool
    counted: Mapping[str, bool]
    dimensions: tuple[str, ...]
    per_channel: bool
    per_brand: bool
    outcomes: frozenset[str]
    unreserved: frozenset[str]

    @property
    def shared(self) -> bool:
        """Whether one action's proposition can stand in the way of another one's."""
        return RESERVED in self.outcomes and any(
            counting and (counting | self.by_key.get(key, 0)).bit_count() > 1
            for key, counting in self.counts_by_key.items()
            if key in self.by_key
        )

    def limits(self, situation: Situation) -> bool:
        """Tell whether the cap is about contacts of this kind."""
        return speaks_on(self.cap, situation.channel, situation.direction)

    def reserves_on(self, channel: str) -> bool:
        """Tell whether a proposition on a channel counts before anything is heard of it."""
        cap = self.cap
        asked = RESERVED in self.outcomes and (cap.channels is None or channel in cap.channels)
        return asked and channel not in self.unreserved

    def spent(self, contacts: Contacts, situation: Situation) -> int:
        """Return the actions of whose contacts there are as many as the cap allows, which is at least one."""
        most, recent = self.cap.max, self._recent(contacts, situation)
        # Not even a key that had all contacts but one of each other key would have enough of them.
        if len(recent) < most or len(recent) - self._different(contacts, recent) + 1 < most:
            return 0
        mask = 0
        for key, places in self._by_key(contacts, self._distinct(contacts, situation, recent)).items():
            if len(places) >= most:
                mask |= self.by_key.get(key, 0)
        return mask

    def counting(self, contacts: Contacts, situation: Situation) -> Mapping[Key, Sequence[int]]:
        """Return, per key, the places of the contacts that count, newest first."""
        recent = self._recent(contacts, situation)
        return self._by_key(contacts, self._distinct(contacts, situation, recent))

    def _recent(self, contacts: Contacts, situation: Situation) -> Sequence[int]:
        """Return the places of the contacts within the window that have one of the outcomes."""
        there = contacts.by_outcome
        found = [there[outcome] for outcome in self.outcomes & there.keys()]
        if not found:
            return ()
        places = found[0] if len(found) == 1 else sorted(chain(*found))
        since_ms, at_ms = situation.now_ms - self.cap.window_ms, contacts.at_ms
        if at_ms[places[-1]] > since_ms:
            return places
        return places[: bisect_left(places, True, key=lambda place: at_ms[place] <= since_ms)]

    def _distinct(self, contacts: Contacts, situation: Situation, places: Sequence[int]) -> Sequence[int]:
        """Return those of some places that count; several outcomes of one proposition are one contact."""
        counted = self._counted(contacts, situation, places)
        propositions = contacts.propositions
        if propositions is None:
            return counted
        actions, first = contacts.column("action"), dict[tuple[Hashable, Hashable], int]()
        for place in counted:
            first.setdefault((propositions[place], actions[place]), place)
        return [*first.values()]

    def _counted(self, contacts: Contacts, situation: Situation, places: Sequence[int]) -> Sequence[int]:
        text, channels = contacts.text, self.cap.channels
        on = contacts.column("channel")
        if channels is not None:
            places = [place for place in places if text(on[place]) in channels]
        waiting = contacts.by_outcome.get(RESERVED) if self.unreserved else None
        if waiting:
            places = [it for it in places if it not in waiting or text(on[it]) not in self.unreserved]
        if self.per_channel:
            places = [place for place in places if text(on[place]) == situation.channel]
        if self.per_brand:
            brands = contacts.column("brand")
            places = [place for place in places if text(brands[place]) == situation.brand]
        if self.counts_all:
            return places
        return [place for place in places if self._selects(contacts, place)]

    def _selects(self, contacts: Contacts, place: int) -> bool:
        counts = self.counted.get(contacts.text(contacts.column("action")[place]))
        return selects_contact(self.cap.counts, contacts[place]) if counts is None else counts

    def _by_key(self, contacts: Contacts, places: Sequence[int]) -> Mapping[Key, Sequence[int]]:
        found: dict[Key, list[int]] = {}
        for marks, place in zip(self._keys(contacts, places), places, strict=True):
            found.setdefault(tuple([contacts.text(mark) for mark in marks]), []).append(place)
        return found

    def _different(self, contacts: Contacts, places: Sequence[int]) -> int:
        """Return how many keys some places have."""
        if len(self.dimensions) == 1:  # the usual case, at a glance
            return len({*map(contacts.column(self.dimensions[0]).__getitem__, places)})
        return len({*self._keys(contacts, places)})

    def _keys(self, contacts: Contacts, places: Sequence[int]) -> Iterable[tuple[Hashable, ...]]:
        """Return, for each place, what stands for its key."""
        if not self.dimensions:
            return repeat((), len(places))
        return zip(*[map(contacts.column(name).__getitem__, places) for name in self.dimensions], strict=True)


def compiled_caps(catalog: Catalog) -> tuple[CompiledCap, ...]:
    """Compile the caps of a catalog."""
    outcomes = _outcomes_by_channel(catalog)
    return tuple(_compile(cap, catalog, outcomes) for cap in catalog.policies.caps)


def _outcomes_by_channel(catalog: Catalog) -> Mapping[str, frozenset[Outcome]]:
    """Return, per channel, what becomes of propositions by the placements that there are; any, of none."""
    found: dict[str, frozenset[Outcome]] = {}
    for channel in catalog.channels:
        own = [placement for placement in catalog.placements.values() if channel in placement.channels]
        found[channel] = frozenset(_LEADS_TO[item.direction] for item in own) or _CONFIRMED
    return found


def _compile(cap: Cap, catalog: Catalog, outcomes: Mapping[str, frozenset[Outcome]]) -> CompiledCap:
    dimensions = tuple(dimension.value for dimension in _OF_ACTION if dimension in cap.per)
    keys = _keys(dimensions, catalog)
    mask, counts = mask_of(cap.applies_to, catalog), mask_of(cap.counts, catalog)
    reserves = cap.max > 0 and not cap.outcomes.isdisjoint(_CONFIRMED)
    return CompiledCap(
        cap=cap,
        mask=mask,
        by_key=_by_key(mask, keys),
        counts=counts,
        counts_by_key=_by_key(counts, keys),
        keys=keys,
        counts_all=cap.counts == Selector(),
        counted={action.id: bool(counts >> bit & 1) for bit, action in enumerate(catalog.actions)},
        dimensions=dimensions,
        per_channel=Dimension.CHANNEL in cap.per,
        per_brand=Dimension.BRAND in cap.per,
        outcomes=frozenset(outcome.value for outcome in cap.outcomes) | ({RESERVED} if reserves else set()),
        unreserved=frozenset(name for name, own in outcomes.items() if cap.outcomes.isdisjoint(own)),
    )


def _keys(dimensions: Sequence[str], catalog: Catalog) -> tuple[Key, ...]:
    """Return the key of each action, as its contacts have it."""
    names = ["id" if dimension == Dimension.ACTION else dimension for dimension in dimensions]
    return tuple(tuple([str(getattr(action, name)) for name in names]) for action in catalog.actions)


def _by_key(mask: int, keys: Sequence[Key]) -> Mapping[Key, int]:
    found: dict[Key, int] = {}
    for bit in bits(mask):
        found[keys[bit]] = found.get(keys[bit], 0) | 1 << bit
    return found


def required(cap: Cap) -> str:
    """Return what a cap wants, for people."""
    scope = f" per {' and '.join(sorted(cap.per))}" if cap.per else ""
    return f"fewer than {cap.max} {outcomes_of(cap)} in {show_duration(cap.window_ms)}{scope}"


def outcomes_of(cap: Cap) -> str:
    """Return what a cap counts, for people."""
    return " or ".join(sorted(cap.outcomes))
