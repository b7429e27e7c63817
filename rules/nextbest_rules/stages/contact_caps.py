"""Stage contact policy: how often is enough. Caps, cool-downs and refusals over rolling windows.

A proposition counts from the moment it is made, as a reservation, where a cap would count it once it is seen.
Who comes to us sees it, which is DISPLAYED; what we send is DELIVERED. So a channel's reservations count for
the caps over what its placements lead to, and a look at the web page uses up no e-mail.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from nextbest_rules.bitmask import union
from nextbest_rules.catalog import Catalog
from nextbest_rules.contacts import Contacts
from nextbest_rules.dates import iso
from nextbest_rules.explanation import Finding, Stop, stop
from nextbest_rules.policies import Cap
from nextbest_rules.records import RESERVED
from nextbest_rules.rulebook import speaks_on
from nextbest_rules.sight import View
from nextbest_rules.situation import Situation
from nextbest_rules.stages.caps import CompiledCap, compiled_caps, outcomes_of, required
from nextbest_rules.stages.rooms import Room, Way, rooms_of
from nextbest_rules.terms import Direction, Stage, UnknownMode


@dataclass(frozen=True, slots=True)
class ContactCaps:
    """All caps of a catalog."""

    _caps: tuple[CompiledCap, ...]
    _by_kind: Mapping[tuple[str, Direction], Sequence[CompiledCap]]
    _shared: tuple[CompiledCap, ...]
    _reserving: Mapping[str, int]
    _reserving_elsewhere: int

    @classmethod
    def of(cls, catalog: Catalog) -> "ContactCaps":
        """Compile the caps of a catalog."""
        caps = compiled_caps(catalog)
        masks = {channel: _reserving(caps, channel) for channel in catalog.channels}
        shared = tuple(compiled for compiled in caps if compiled.shared)
        by_kind = {
            (channel, direction): _speaking(caps, channel, direction)
            for channel in (*catalog.channels, "")
            for direction in Direction
        }
        return cls(caps, by_kind, shared, MappingProxyType(masks), _reserving(caps, ""))

    def reserving(self, channel: str) -> int:
        """Return the actions whose proposal on a channel some cap counts before anything is heard of it."""
        return self._reserving.get(channel, self._reserving_elsewhere)

    def rooms(self, ways: Sequence[Way], most: int) -> tuple[Room, ...]:
        """Return what the caps leave for one answer; see `RuleSet.rooms`."""
        return tuple(room for compiled in self._shared for room in rooms_of(compiled, ways, most))

    @property
    def idle(self) -> bool:
        """Whether there is nothing to ask."""
        return not self._caps

    def screen(self, live: int, view: View) -> int:
        """Return what may still be said."""
        situation = view.situation
        contacts = None if situation.contacts is None else Contacts.of(situation.contacts)
        for compiled in self._speaking(situation):
            if live & compiled.mask:
                live &= ~_used_up(compiled, contacts, situation)
        return live

    def stops(self, view: View) -> Iterator[Stop]:
        """Yield what this stage stops."""
        situation = view.situation
        contacts = None if situation.contacts is None else Contacts.of(situation.contacts)
        for compiled in self._speaking(situation):
            yield from _stops(compiled, contacts, situation)

    def _speaking(self, situation: Situation) -> Sequence[CompiledCap]:
        """Return the caps that are about contacts of this kind."""
        found = self._by_kind.get((situation.channel, situation.direction))
        return _speaking(self._caps, situation.channel, situation.direction) if found is None else found


def _speaking(caps: Sequence[CompiledCap], channel: str, direction: Direction) -> Sequence[CompiledCap]:
    return tuple(compiled for compiled in caps if speaks_on(compiled.cap, channel, direction))


def _reserving(caps: Sequence[CompiledCap], channel: str) -> int:
    return union(compiled.counts for compiled in caps if compiled.reserves_on(channel))


def _used_up(compiled: CompiledCap, contacts: Contacts | None, situation: Situation) -> int:
    cap = compiled.cap
    if cap.max == 0:
        return compiled.mask
    if contacts is None:
        return compiled.mask if cap.when_unknown is UnknownMode.DENY else 0
    return compiled.spent(contacts, situation)


def _stops(compiled: CompiledCap, contacts: Contacts | None, situation: Situation) -> Iterator[Stop]:
    cap = compiled.cap
    if cap.max == 0:
        yield stop(Stage.CONTACT_POLICY, compiled.mask, Finding(cap.id, cap.reason, "", "never"))
    elif contacts is None:
        if cap.when_unknown is UnknownMode.DENY:
            finding = Finding(cap.id, cap.reason, "the contact history cannot be read", required(cap))
            yield stop(Stage.CONTACT_POLICY, compiled.mask, finding)
    else:
        for key, places in compiled.counting(contacts, situation).items():
            if len(places) >= cap.max:
                # Fewer than `max` count again once the max-th newest leaves the window.
                lifted_ms = contacts.at_ms[places[cap.max - 1]] + cap.window_ms
                actual = _actual(cap, contacts, places)
                finding = Finding(cap.id, cap.reason, actual, required(cap), lifted_ms)
                yield stop(Stage.CONTACT_POLICY, compiled.by_key.get(key, 0), finding)


def _actual(cap: Cap, contacts: Contacts, places: Sequence[int]) -> str:
    reserved = len({*contacts.by_outcome.get(RESERVED, ())}.intersection(places))
    waiting = f", {reserved} of them proposed and not heard of yet" if reserved else ""
    latest = iso(contacts.at_ms[places[0]])
    return f"{len(places)} {outcomes_of(cap)}{waiting}, the latest at {latest}"
