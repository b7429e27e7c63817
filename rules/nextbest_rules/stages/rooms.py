"""What caps leave for the propositions of one answer: each of them counts as soon as it is made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from nextbest_rules.bitmask import union
from nextbest_rules.contacts import Contacts
from nextbest_rules.explanation import Finding
from nextbest_rules.situation import Situation
from nextbest_rules.stages.caps import CompiledCap, Key, outcomes_of, required

Way: TypeAlias = tuple[Situation, int]
"""The customer on one channel, and the mask of the actions that may go out on it."""


@dataclass(frozen=True, slots=True)
class Room:
    """What one cap leaves for one answer.

    `limited` and `counted` are the masks of the actions at hand that the cap limits, and of those whose
    contacts would count; `used` are the contacts that count already, by key. An action is one contact of a
    decision, however often it stands in the answer.
    """

    limited: int
    counted: int
    used: Mapping[Key, int]
    _compiled: CompiledCap

    def closed_by(self, bit: int, chosen: int) -> int:
        """Return the actions that may not join any more, with action `bit` as the latest of the chosen ones.

        Only what the latest one changed: without it nothing is said of the actions under other keys.
        """
        if not self.counted >> bit & 1:
            return 0
        key = self._compiled.keys[bit]
        return self.limited & self._compiled.by_key.get(key, 0) & ~chosen if self._full(key, chosen) else 0

    def finding(self, bit: int, chosen: int) -> Finding | None:
        """Return why an action has no room beside the chosen ones; None where it has."""
        compiled, cap = self._compiled, self._compiled.cap
        key = compiled.keys[bit]
        if not self.limited >> bit & 1 or not self._full(key, chosen):
            return None
        used, here = self.used.get(key, 0), self._here(key, chosen)
        actual = f"{used} {outcomes_of(cap)}, and this answer uses up what is left with {here} more"
        return Finding(cap.id, cap.reason, actual, required(cap))

    def _full(self, key: Key, chosen: int) -> bool:
        return self.used.get(key, 0) + self._here(key, chosen) >= self._compiled.cap.max

    def _here(self, key: Key, chosen: int) -> int:
        return (chosen & self.counted & self._compiled.counts_by_key.get(key, 0)).bit_count()


def rooms_of(compiled: CompiledCap, ways: Sequence[Way], most: int) -> Iterator[Room]:
    """Yield what a cap leaves, where that may be less than `most` propositions want."""
    contacts = ways[0][0].contacts if ways else None
    if len(contacts or ()) + most <= compiled.cap.max:
        return
    for together in [[way] for way in ways] if compiled.per_channel else [ways]:
        limited = union(mask for situation, mask in together if compiled.limits(situation)) & compiled.mask
        if not limited:
            continue
        counted = union(mask for situation, mask in together if compiled.reserves_on(situation.channel))
        counted &= compiled.counts
        if counted and (limited | counted).bit_count() > 1:
            counting = compiled.counting(Contacts.of(contacts or ()), together[0][0])
            used = {key: len(found) for key, found in counting.items()}
            if max(used.values(), default=0) + most > compiled.cap.max:
                yield Room(limited, counted, used, compiled)
