"""One cap at a time: which actions it limits, which contacts count, and the words for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nextbest_rules.bitmask import bits
from nextbest_rules.catalog import Catalog
from nextbest_rules.durations import show_duration
from nextbest_rules.policies import Cap, Dimension
from nextbest_rules.records import RESERVED, Contact, Outcome
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

    def contacts(self, situation: Situation) -> Mapping[Key, list[Contact]]:
        """Return, per key, the contacts that count, newest first."""
        found: dict[Key, list[Contact]] = {}
        seen: set[tuple[str, str]] = set()
        for contact in self._counted(situation):
            if contact.decision:  # several outcomes of one proposition are one contact
                proposition = (contact.decision, contact.action)
                if proposition in seen:
                    continue
                seen.add(proposition)
            key = tuple([getattr(contact, dimension) for dimension in self.dimensions])
            found.setdefault(key, []).append(contact)
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
