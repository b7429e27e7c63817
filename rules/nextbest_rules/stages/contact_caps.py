"""Stage contact policy: how often is enough. Caps, cool-downs and refusals over rolling windows.

A proposition counts from the moment it is made, as a reservation, where a cap would count it once it is seen.
Who comes to us sees it, which is DISPLAYED; what we send is DELIVERED. So a channel's reservations count for
the caps over what its placements lead to, and a look at the web page uses up no e-mail.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nextbest_rules.bitmask import union
from nextbest_rules.catalog import Catalog
from nextbest_rules.dates import iso
from nextbest_rules.durations import show_duration
from nextbest_rules.explanation import Finding, Stop, stop
from nextbest_rules.policies import Cap, Dimension
from nextbest_rules.records import RESERVED, Contact, Outcome
from nextbest_rules.rulebook import speaks_on
from nextbest_rules.selection import mask_of, selects_contact
from nextbest_rules.sight import View
from nextbest_rules.situation import Situation
from nextbest_rules.terms import Direction, Stage, UnknownMode

Key = tuple[str, ...]
# The parts of a key that belong to the action, in their order; channel and brand belong to the request.
_OF_ACTION = (Dimension.ACTION, Dimension.GROUP, Dimension.ISSUE, Dimension.TYPE)
_LEADS_TO = {Direction.INBOUND: Outcome.DISPLAYED, Direction.OUTBOUND: Outcome.DELIVERED}
_CONFIRMED = frozenset(_LEADS_TO.values())


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A cap, the actions it limits (all, and by key), and by action id whether its contacts count.

    `outcomes` are plain texts, as contacts have them; RESERVED is one of them if reservations can count, and
    they do on every channel but `unreserved`.
    """

    cap: Cap
    mask: int
    by_key: Mapping[Key, int]
    counted: Mapping[str, bool]
    dimensions: tuple[str, ...]
    per_channel: bool
    per_brand: bool
    outcomes: frozenset[str]
    unreserved: frozenset[str]

    def limits(self, situation: Situation) -> bool:
        """Tell whether the cap is about contacts of this kind."""
        return speaks_on(self.cap, situation.channel, situation.direction)

    def reserves_on(self, channel: str) -> bool:
        """Tell whether a proposition on a channel counts before anything is heard of it."""
        cap = self.cap
        asked = RESERVED in self.outcomes and (cap.channels is None or channel in cap.channels)
        return asked and channel not in self.unreserved

    def times(self, situation: Situation) -> Mapping[Key, list[int]]:
        """Return, per key, when the counted contacts were, newest first."""
        found: dict[Key, list[int]] = {}
        seen: set[tuple[str, str]] = set()
        for contact in self._counted(situation):
            if contact.decision:  # several outcomes of one proposition are one contact
                proposition = (contact.decision, contact.action)
                if proposition in seen:
                    continue
                seen.add(proposition)
            key = tuple([getattr(contact, dimension) for dimension in self.dimensions])
            found.setdefault(key, []).append(contact.at_ms)
        return found

    def _counted(self, situation: Situation) -> Iterator[Contact]:
        """Yield the contacts within the window that count."""
        since_ms, outcomes, channels = situation.now_ms - self.cap.window_ms, self.outcomes, self.cap.channels
        channel = situation.channel if self.per_channel else None
        brand = situation.brand if self.per_brand else None
        for contact in situation.contacts or ():
            if contact.at_ms <= since_ms:
                break
            if contact.outcome not in outcomes or (channels is not None and contact.channel not in channels):
                continue
            if contact.outcome == RESERVED and contact.channel in self.unreserved:
                continue
            if channel not in (None, contact.channel) or brand not in (None, contact.brand):
                continue
            counts = self.counted.get(contact.action)
            if selects_contact(self.cap.counts, contact) if counts is None else counts:
                yield contact


@dataclass(frozen=True, slots=True)
class ContactCaps:
    """All caps of a catalog."""

    _caps: tuple[_Compiled, ...]
    _reserving: Mapping[str, int]
    _reserving_elsewhere: int

    @classmethod
    def of(cls, catalog: Catalog) -> "ContactCaps":
        """Compile the caps of a catalog."""
        outcomes = _outcomes_by_channel(catalog)
        caps = tuple(_compile(cap, catalog, outcomes) for cap in catalog.policies.caps)
        masks = {channel: _reserving(caps, channel, catalog) for channel in outcomes}
        return cls(caps, MappingProxyType(masks), _reserving(caps, "", catalog))

    def reserving(self, channel: str) -> int:
        """Return the actions whose proposal on a channel some cap counts before anything is heard of it."""
        return self._reserving.get(channel, self._reserving_elsewhere)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to ask."""
        return not self._caps

    def screen(self, live: int, view: View) -> int:
        """Return what may still be said."""
        situation = view.situation
        for compiled in self._caps:
            if live & compiled.mask and compiled.limits(situation):
                live &= ~_used_up(compiled, situation)
        return live

    def stops(self, view: View) -> Iterator[Stop]:
        """Yield what this stage stops."""
        situation = view.situation
        for compiled in self._caps:
            if compiled.limits(situation):
                yield from _stops(compiled, situation)


def _outcomes_by_channel(catalog: Catalog) -> Mapping[str, frozenset[Outcome]]:
    """Return, per channel, what becomes of propositions by the placements that there are; any, of none."""
    found: dict[str, frozenset[Outcome]] = {}
    for channel in catalog.channels:
        own = [placement for placement in catalog.placements.values() if channel in placement.channels]
        found[channel] = frozenset(_LEADS_TO[item.direction] for item in own) or _CONFIRMED
    return found


def _reserving(caps: tuple[_Compiled, ...], channel: str, catalog: Catalog) -> int:
    return union(mask_of(item.cap.counts, catalog) for item in caps if item.reserves_on(channel))


def _compile(cap: Cap, catalog: Catalog, outcomes: Mapping[str, frozenset[Outcome]]) -> _Compiled:
    dimensions = tuple(dimension.value for dimension in _OF_ACTION if dimension in cap.per)
    mask, by_key = mask_of(cap.applies_to, catalog), dict[Key, int]()
    for bit, action in enumerate(catalog.actions):
        if mask >> bit & 1:
            own = {
                "action": action.id,
                "group": action.group,
                "issue": action.issue,
                "type": str(action.type),
            }
            key = tuple(own[dimension] for dimension in dimensions)
            by_key[key] = by_key.get(key, 0) | 1 << bit
    counted = mask_of(cap.counts, catalog)
    reserves = cap.max > 0 and not cap.outcomes.isdisjoint(_CONFIRMED)
    return _Compiled(
        cap=cap,
        mask=mask,
        by_key=by_key,
        counted={action.id: bool(counted >> bit & 1) for bit, action in enumerate(catalog.actions)},
        dimensions=dimensions,
        per_channel=Dimension.CHANNEL in cap.per,
        per_brand=Dimension.BRAND in cap.per,
        outcomes=frozenset(outcome.value for outcome in cap.outcomes) | ({RESERVED} if reserves else set()),
        unreserved=frozenset(name for name, own in outcomes.items() if cap.outcomes.isdisjoint(own)),
    )


def _used_up(compiled: _Compiled, situation: Situation) -> int:
    cap = compiled.cap
    if cap.max == 0:
        return compiled.mask
    if situation.contacts is None:
        return compiled.mask if cap.when_unknown is UnknownMode.DENY else 0
    mask = 0
    for key, times in compiled.times(situation).items():
        if len(times) >= cap.max:
            mask |= compiled.by_key.get(key, 0)
    return mask


def _stops(compiled: _Compiled, situation: Situation) -> Iterator[Stop]:
    cap = compiled.cap
    required = f"fewer than {cap.max} {_outcomes(cap)} in {show_duration(cap.window_ms)}{_scope(cap)}"
    if cap.max == 0:
        yield stop(Stage.CONTACT_POLICY, compiled.mask, Finding(cap.id, cap.reason, "", "never"))
    elif situation.contacts is None:
        if cap.when_unknown is UnknownMode.DENY:
            finding = Finding(cap.id, cap.reason, "the contact history cannot be read", required)
            yield stop(Stage.CONTACT_POLICY, compiled.mask, finding)
    else:
        for key, times in compiled.times(situation).items():
            if len(times) >= cap.max:
                # Fewer than `max` count again once the max-th newest leaves the window.
                lifted_ms = times[cap.max - 1] + cap.window_ms
                actual = f"{len(times)} {_outcomes(cap)}, the latest at {iso(times[0])}"
                finding = Finding(cap.id, cap.reason, actual, required, lifted_ms)
                yield stop(Stage.CONTACT_POLICY, compiled.by_key.get(key, 0), finding)


def _outcomes(cap: Cap) -> str:
    return " or ".join(sorted(cap.outcomes))


def _scope(cap: Cap) -> str:
    return f" per {' and '.join(sorted(cap.per))}" if cap.per else ""
