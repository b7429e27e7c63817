"""Stage contact policy: how often is enough. Caps, cool-downs and refusals over rolling windows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nextbest_rules.catalog import Catalog
from nextbest_rules.dates import iso
from nextbest_rules.durations import show_duration
from nextbest_rules.explanation import Finding, Stop, stop
from nextbest_rules.policies import Cap, Dimension
from nextbest_rules.records import Contact
from nextbest_rules.selection import mask_of, selects_contact
from nextbest_rules.sight import View
from nextbest_rules.situation import Situation
from nextbest_rules.terms import Stage, UnknownMode

Key = tuple[str, ...]
# The parts of a key that belong to the action, in their order; channel and brand belong to the request.
_OF_ACTION = (Dimension.ACTION, Dimension.GROUP, Dimension.ISSUE, Dimension.TYPE)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A cap, the actions it limits (all, and by key), and the actions whose contacts count.

    `key_of` gives the key of a contact for the dimensions that belong to the action.
    """

    cap: Cap
    mask: int
    by_key: Mapping[Key, int]
    counted: int
    dimensions: tuple[str, ...]
    index: Mapping[str, int]

    def limits(self, situation: Situation) -> bool:
        """Tell whether the cap is about contacts of this kind."""
        cap = self.cap
        return situation.direction in cap.directions and (
            cap.channels is None or situation.channel in cap.channels
        )

    def counts(self, contact: Contact, situation: Situation) -> bool:
        """Tell whether a contact within the window counts."""
        cap = self.cap
        if contact.outcome not in cap.outcomes or (
            cap.channels is not None and contact.channel not in cap.channels
        ):
            return False
        if Dimension.CHANNEL in cap.per and contact.channel != situation.channel:
            return False
        if Dimension.BRAND in cap.per and contact.brand != situation.brand:
            return False
        bit = self.index.get(contact.action)
        if bit is None:
            return selects_contact(cap.counts, contact)
        return bool(self.counted >> bit & 1)

    def key(self, contact: Contact) -> Key:
        return tuple([getattr(contact, dimension) for dimension in self.dimensions])

    def times(self, situation: Situation) -> Mapping[Key, list[int]]:
        """Return, per key, when the counted contacts were, newest first."""
        since_ms = situation.now_ms - self.cap.window_ms
        found: dict[Key, list[int]] = {}
        seen: set[tuple[str, str]] = set()
        for contact in situation.contacts or ():
            if contact.at_ms <= since_ms:
                break
            if not self.counts(contact, situation):
                continue
            if contact.decision:  # several outcomes of one proposition are one contact
                proposition = (contact.decision, contact.action)
                if proposition in seen:
                    continue
                seen.add(proposition)
            found.setdefault(self.key(contact), []).append(contact.at_ms)
        return found


@dataclass(frozen=True, slots=True)
class ContactCaps:
    """All caps of a catalog."""

    _caps: tuple[_Compiled, ...]

    @classmethod
    def of(cls, catalog: Catalog) -> "ContactCaps":
        """Compile the caps of a catalog."""
        return cls(tuple(_compile(cap, catalog) for cap in catalog.policies.caps))

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


def _compile(cap: Cap, catalog: Catalog) -> _Compiled:
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
    return _Compiled(cap, mask, by_key, mask_of(cap.counts, catalog), dimensions, catalog.index)


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
